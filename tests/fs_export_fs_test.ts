// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import nodeFs from "node:fs";
import { ExportFs } from "../fs/export_fs.ts";
import { readableOf, writableOf } from "../fs/file_stream.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { readWhole, writeWhole } from "../fs/whole_file.ts";
import { pattern } from "./fs_conformance.ts";
import { FaultyFs } from "./fs_faulty_fs.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

/** What both `node:fs` and {@linkcode ExportFs} have. */
type Api = Pick<
  ExportFs,
  | ("open" | "close" | "read" | "write" | "fstat" | "ftruncate" | "fsync" | "readFile" | "mkdir")
  | ("writeFile" | "appendFile" | "stat" | "lstat" | "readdir" | "rmdir" | "unlink" | "rm")
  | ("rename" | "readlink" | "symlink" | "truncate" | "access" | "promises")
>;

/** Calls a function with a callback; gives what it was called with, errors by their code. */
function outcome(call: (callback: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) =>
    call((error, ...results) =>
      resolve(error ? [(error as { code?: string }).code ?? String(error)] : [null, ...results])
    )
  );
}

/** What calls of all kinds come to, in words that do not depend on where the files are. */
async function script(fs: Api, root: string): Promise<unknown[]> {
  const at = (name: string) => `${root}/${name}`;
  const log: unknown[] = [];
  const run = async (call: (callback: (...args: unknown[]) => void) => void) => {
    const result = await outcome(call);
    log.push(result.filter((value) => value !== undefined).map(plain));
    return result;
  };
  await run((done) => fs.mkdir(at("folder"), done));
  await run((done) => fs.mkdir(at("folder"), done));
  await run((done) => fs.mkdir(at("x/y/z"), { recursive: true }, () => done(null)));
  await run((done) => fs.writeFile(at("folder/a"), "hello", done));
  await run((done) => fs.writeFile(at("folder/a"), "again", { flag: "wx" }, done));
  await run((done) => fs.appendFile(at("folder/a"), ", world", done));
  await run((done) => fs.readFile(at("folder/a"), "utf8", done));
  await run((done) => fs.readFile(at("folder/a"), done));
  await run((done) => fs.readFile(at("missing"), done));
  await run((done) => fs.symlink("a", at("folder/link"), done));
  await run((done) => fs.readlink(at("folder/link"), done));
  await run((done) => fs.readlink(at("folder/a"), done));
  await run((done) => fs.stat(at("folder/link"), done));
  await run((done) => fs.lstat(at("folder/link"), done));
  await run((done) => fs.access(at("missing"), done));
  await run((done) => fs.readdir(at("folder"), done));
  await run((done) => fs.readdir(at("folder"), { withFileTypes: true }, done));
  await run((done) => fs.truncate(at("folder/a"), 9, done));
  await openFile(fs, at("folder/a"), run);
  await run((done) => fs.rename(at("folder/a"), at("b"), done));
  await run((done) => fs.unlink(at("folder"), (error) => done(error && { code: "refused" })));
  await run((done) => fs.rmdir(at("folder"), done));
  await run((done) => fs.rmdir(at("b"), done));
  await run((done) => fs.rm(at("folder"), { recursive: true }, done));
  await run((done) => fs.rm(at("folder"), { recursive: true, force: true }, done));
  await run((done) => fs.unlink(at("b"), done));
  await run((done) => fs.unlink(at("b"), done));
  await fs.promises.writeFile(at("c"), new Uint8Array([1]));
  log.push(plain(await fs.promises.stat(at("c"))));
  return log;
}

async function openFile(
  fs: Api,
  path: string,
  run: (call: (callback: (...args: unknown[]) => void) => void) => Promise<unknown[]>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<number>();
  fs.open(path, "r+", (_, fd) => resolve(fd!));
  const fd = await promise;
  const buffer = new Uint8Array(20);
  await run((done) => fs.read(fd, buffer, 2, 4, null, done));
  await run((done) => fs.read(fd, buffer, 0, 4, null, done));
  await run((done) => fs.read(fd, buffer, 0, 20, 1, done));
  await run((done) => fs.write(fd, new Uint8Array([65, 66, 67]), 1, 2, 3, done));
  await run((done) => fs.read(fd, buffer, 0, 20, 0, done));
  await run((done) => fs.ftruncate(fd, 4, done));
  await run((done) => fs.fstat(fd, done));
  await run((done) => fs.fsync(fd, done));
  await run((done) => fs.close(fd, done));
  await run((done) => fs.open(path, "wx", done));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) {
    const names = value.map((entry) => typeof entry === "string" ? entry : describe(entry));
    return names.sort();
  }
  return typeof value === "object" && value !== null ? describe(value) : value;
}

function describe(value: object): string {
  const entry = value as { name?: string; size?: number } & Record<string, () => boolean>;
  const kinds = ["isFile", "isDirectory", "isSymbolicLink"].map((name) => entry[name]!());
  return `${entry.name ?? ""} ${entry.isFile!() ? entry.size ?? "" : ""} ${kinds}`;
}

leakTest("ExportFs answers as node:fs does", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("node"));
  await Deno.mkdir(folder.path("ours"));
  const expected = await script(nodeFs as unknown as Api, folder.path("node"));
  assert(expected.length > 35);
  assertEquals(await script(new ExportFs(new LocalFs()), folder.path("ours")), expected);
  assertEquals(await script(new ExportFs(new MemoryFs()), ""), expected);
});

leakTest("ExportFs appends where it is told to, and knows its flags", async () => {
  const fs = new ExportFs(new MemoryFs());
  await fs.promises.writeFile("a", "one");
  const { promise, resolve } = Promise.withResolvers<number>();
  fs.open("a", "a", 0o600, (_, fd) => resolve(fd!));
  const fd = await promise;
  const result = await outcome((done) =>
    fs.write(fd, new TextEncoder().encode("two"), 0, 3, 0, done)
  );
  assertEquals(result[1], 3);
  await outcome((done) => fs.close(fd, done));
  assertEquals(await fs.promises.readFile("a", "utf8"), "onetwo");
  assertEquals(await outcome((done) => fs.close(fd, done)), ["EBADF"]);
  const wrong = await outcome((done) => fs.open("a", "q" as "r", done));
  assert(String(wrong[0]).includes("flag"));
  assertThrows(() => (fs.stat as (path: string) => void)("a"), TypeError);
  await assertRejects(() => fs.promises.readFile("a", "latin1" as "utf8"), TypeError);
});

leakTest("readableOf() gives a part of a file, and closes it", async () => {
  const memory = new MemoryFs();
  const content = pattern(200_000, 1);
  await writeWhole(memory, "a", content);
  const file = await memory.open("a");
  const stream = readableOf(file, { start: 5, end: 150_000, chunkBytes: 7_000 });
  assertEquals(await new Response(stream).bytes(), content.subarray(5, 150_000));
  await assertRejects(() => file.stat(), Deno.errors.BadResource);
  const kept = await memory.open("a");
  await readableOf(kept, { keepOpen: true }).cancel();
  assertEquals((await kept.stat()).size, 200_000);
  await readableOf(kept).cancel();
  await assertRejects(() => kept.stat(), Deno.errors.BadResource);
  using other = await memory.open("a");
  assertThrows(() => readableOf(other, { start: 2, end: 1 }), RangeError);
});

leakTest("streams close the file when it fails", async () => {
  const faulty = new FaultyFs(new MemoryFs());
  await writeWhole(faulty, "a", pattern(10, 1));
  const reader = await faulty.open("a");
  const writer = await faulty.open("a", { write: true });
  faulty.failing = "read";
  await assertRejects(() => new Response(readableOf(reader)).bytes(), Error, "Input/output");
  await assertRejects(() => reader.stat(), Deno.errors.BadResource);
  faulty.failing = "write";
  const body = new Response("hello").body!;
  await assertRejects(() => body.pipeTo(writableOf(writer)), Error, "Input/output");
  await assertRejects(() => writer.stat(), Deno.errors.BadResource);
});

leakTest("writableOf() writes from an offset on", async () => {
  const memory = new MemoryFs();
  await writeWhole(memory, "a", new TextEncoder().encode("hello"));
  const file = await memory.open("a", { write: true });
  await new Response("LLOWS").body!.pipeTo(writableOf(file, { start: 2 }));
  assertEquals(new TextDecoder().decode(await readWhole(memory, "a")), "heLLOWS");
  await assertRejects(() => file.stat(), Deno.errors.BadResource);
});
