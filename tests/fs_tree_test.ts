// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { copyTree, removeTree, walk, writeFileAtomic } from "../fs/mod.ts";
import { parseMounts } from "../fs/local_mounts.ts";
import { decodeEntries } from "../fs/directory_entries.ts";
import { inFolder } from "./fs_folder.ts";
import { leakTest } from "./leak.ts";
import { patternBytes } from "./transfer.ts";

leakTest(
  "walk() finds everything once, and tells what lstat tells",
  () =>
    inFolder(async (folder) => {
      const expected = makeTree(folder);
      const found = await Array.fromAsync(walk(folder, { stat: true }));
      assertEquals(found.map(({ path }) => path).toSorted(), expected.toSorted());
      for (const { path, info, isFile, isDirectory, isSymlink } of found) {
        const theirs = Deno.lstatSync(path);
        // A directory is read meanwhile.
        assertEquals({ ...info!, atime: null }, { ...theirs, atime: null });
        const types = [theirs.isFile, theirs.isDirectory, theirs.isSymlink];
        assertEquals([isFile, isDirectory, isSymlink], types);
      }
      const plain = await Array.fromAsync(walk(folder));
      assertEquals(plain.length, expected.length);
      assert(plain.every(({ info }) => info === null));
    }),
);

leakTest("walk() goes as deep as it is told", () =>
  inFolder(async (folder) => {
    makeTree(folder);
    assertEquals(await Array.fromAsync(walk(folder, { maxDepth: 0 })), []);
    const names = await Array.fromAsync(walk(folder, { maxDepth: 1 }), ({ name }) => name);
    assertEquals(names.toSorted(), [...Deno.readDirSync(folder)].map((e) => e.name).toSorted());
  }));

leakTest(
  "walk() can be left and aborted, and rejects where nothing is",
  () =>
    inFolder(async (folder) => {
      makeTree(folder);
      for await (const { name } of walk(folder, { stat: true })) {
        assert(name.length > 0);
        break;
      }
      const aborted = Array.fromAsync(walk(folder, { signal: AbortSignal.abort("stop") }));
      assertEquals(await aborted.catch((reason) => reason), "stop");
      const missing = () => Array.fromAsync(walk(`${folder}/missing`));
      await assertRejects(missing, Deno.errors.NotFound, "readdir");
    }),
);

leakTest("copyTree() copies files, directories and links", () =>
  inFolder(async (folder) => {
    const source = `${folder}/source`;
    const target = `${folder}/target`;
    Deno.mkdirSync(source);
    makeTree(source);
    Deno.chmodSync(`${source}/d1/f3`, 0o600);
    await copyTree(source, target);
    assertEquals(picture(target), picture(source));
    Deno.writeTextFileSync(`${target}/d1/f3`, "changed and longer than before");
    await copyTree(source, target);
    assertEquals(picture(target), picture(source));
    assertEquals(Deno.statSync(`${target}/d1/f3`).mode! & 0o777, 0o600);
  }));

leakTest(
  "copyTree() refuses to copy into itself, over a file, and when it is aborted",
  () =>
    inFolder(async (folder) => {
      const source = `${folder}/source`;
      Deno.mkdirSync(source);
      makeTree(source);
      await assertRejects(() => copyTree(source, `${source}/d1/copy`), TypeError, "lies within it");
      Deno.writeTextFileSync(`${folder}/file`, "");
      await assertRejects(() => copyTree(source, `${folder}/file`), Deno.errors.AlreadyExists);
      await assertRejects(() => copyTree(`${folder}/none`, folder), Deno.errors.NotFound);
      const copying = copyTree(source, `${folder}/x`, { signal: AbortSignal.abort("stop") });
      assertEquals(await copying.catch((reason) => reason), "stop");
    }),
);

leakTest("removeTree() removes a deep and wide tree", () =>
  inFolder(async (folder) => {
    const root = `${folder}/root`;
    let path = root;
    for (let depth = 0; depth < 60; depth++) path += `/d${depth}`;
    Deno.mkdirSync(path, { recursive: true });
    for (let i = 0; i < 500; i++) Deno.writeTextFileSync(`${path}/${i}`, "");
    for (let i = 0; i < 100; i++) Deno.mkdirSync(`${root}/w${i}`);
    await removeTree(root);
    assertEquals([...Deno.readDirSync(folder)], []);
    await assertRejects(() => removeTree(root), Deno.errors.NotFound);
  }));

leakTest(
  "writeFileAtomic() replaces a file whole, with its mode, and leaves nothing beside",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      await writeFileAtomic(path, "one");
      Deno.chmodSync(path, 0o604);
      await writeFileAtomic(path, new Blob([patternBytes(300_000)]).stream());
      assertEquals(Deno.readFileSync(path), patternBytes(300_000));
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o604);
      const failing = ReadableStream.from((function* () {
        yield new Uint8Array(1000);
        throw new Error("source failed");
      })());
      await assertRejects(() => writeFileAtomic(path, failing), Error, "source failed");
      const signal = AbortSignal.abort("stop");
      const aborted = writeFileAtomic(path, "two", { signal });
      assertEquals(await aborted.catch((reason) => reason), "stop");
      assertEquals(Deno.readFileSync(path), patternBytes(300_000));
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
      await assertRejects(() => writeFileAtomic(`${folder}/none/file`, "x"), Deno.errors.NotFound);
    }),
);

Deno.test("parseMounts() reads the table, and tells local from remote", () => {
  const table = [
    "22 27 0:21 / /proc rw,relatime - proc proc rw",
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard",
    "28 27 0:40 / /mnt/a\\040b rw master:2 shared:3 - fuse.sshfs host:/ rw",
    "",
  ].join("\n");
  assertEquals(parseMounts(table), [
    { device: "0:21", point: "/proc", isLocal: false },
    { device: "254:0", point: "/", isLocal: true },
    { device: "0:40", point: "/mnt/a b", isLocal: false },
  ]);
});

Deno.test("decodeEntries() reads what getdents64 wrote", () => {
  const names = [".", "..", "short", "größe", "x".repeat(200), "unknown"];
  const types = [4, 4, 8, 10, 4, 0];
  const bytes: number[] = [];
  names.forEach((name, index) => {
    const text = new TextEncoder().encode(name);
    const length = Math.ceil((19 + text.length + 1) / 8) * 8;
    const record = new Uint8Array(length).fill(0xee, 0, 16);
    record.set([length & 0xff, length >> 8, types[index]!], 16);
    record.set(text, 19);
    bytes.push(...record);
  });
  const { entries, unknown } = decodeEntries(new Uint8Array(bytes));
  assertEquals(entries.map(({ name }) => name), names.slice(2));
  assertEquals(entries.map((e) => [e.isFile, e.isDirectory, e.isSymlink].indexOf(true)), [
    ...[0, 2, 1, -1],
  ]);
  assertEquals(unknown.map(({ name }) => name), ["unknown"]);
});

/** Makes a tree of all kinds of things; the paths. */
function makeTree(root: string): string[] {
  const paths: string[] = [];
  for (let d = 0; d < 8; d++) {
    const directory = `${root}/d${d}`;
    Deno.mkdirSync(`${directory}/inner/empty`, { recursive: true });
    paths.push(directory, `${directory}/inner`, `${directory}/inner/empty`);
    for (let f = 0; f < 40; f++) {
      Deno.writeTextFileSync(`${directory}/f${f}`, "x".repeat(f));
      paths.push(`${directory}/f${f}`);
    }
    Deno.symlinkSync("../f1", `${directory}/inner/link`);
    paths.push(`${directory}/inner/link`);
  }
  return paths;
}

/** What a tree holds, to be compared with another. */
function picture(root: string, prefix = ""): string[] {
  return [...Deno.readDirSync(root)].flatMap(({ name, isDirectory, isSymlink }) => {
    const path = `${root}/${name}`;
    if (isDirectory) return [`${prefix}${name}/`, ...picture(path, `${prefix}${name}/`)];
    const content = isSymlink ? `-> ${Deno.readLinkSync(path)}` : Deno.readTextFileSync(path);
    return [`${prefix}${name} ${content}`];
  }).toSorted();
}
