// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { FileSystem } from "../fs/file_system.ts";
import { readFullAt, readWhole, writeAllAt, writeWhole } from "../fs/whole_file.ts";
import { leakTest } from "./leak.ts";

// What holds for every FileSystem. A case gets a fresh one; those that cannot be written begin with
// the files of FIXTURE, and so do those that can, once writeFixture has made them.

/** A file system under test. */
export interface Conforming extends AsyncDisposable {
  /** The file system. */
  readonly system: FileSystem;
  /** The path of something, by its path in the fixture. */
  path(name: string): string;
}

/** What a file system can do. */
export interface Abilities {
  /** Whether it can be changed. */
  writable: boolean;
  /** Whether it tells what a directory contains. */
  directories: boolean;
  /** Whether it has symbolic links. */
  links: boolean;
}

/** Contents by path; what is no file is a directory or, with a target, a link. */
export const FIXTURE: Readonly<Record<string, Uint8Array | "directory" | { target: string }>> = {
  "hello": new TextEncoder().encode("Hello, world"),
  "empty": new Uint8Array(),
  "folder": "directory",
  "folder/deep": "directory",
  "folder/deep/large": pattern(200_000, 1),
  "folder/b": pattern(100, 2),
  "nothing": "directory",
  "link": { target: "folder/b" },
  "folder/up": { target: "../hello" },
  "dangling": { target: "missing" },
};

/** Bytes that differ from place to place and from seed to seed. */
export function pattern(byteLength: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < byteLength; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Makes the files of {@linkcode FIXTURE}. */
export async function writeFixture(
  system: FileSystem,
  path: (name: string) => string,
  abilities: Pick<Abilities, "links"> = { links: true },
): Promise<void> {
  for (const [name, content] of Object.entries(FIXTURE)) {
    if (content === "directory") await system.mkdir(path(name));
    else if (content instanceof Uint8Array) await writeWhole(system, path(name), content);
    else if (abilities.links) await system.symlink(content.target, path(name));
  }
}

/** Registers a test for every case that a file system with such abilities has to pass. */
export function testConformance(
  name: string,
  abilities: Abilities,
  make: () => Promise<Conforming>,
): void {
  const cases = {
    ...READING,
    ...(abilities.directories ? LISTING : {}),
    ...(abilities.links ? LINKS : {}),
    ...(abilities.writable ? WRITING : REFUSING),
  };
  for (const [what, run] of Object.entries(cases)) {
    leakTest(`${name}: ${what}`, async () => {
      await using conforming = await make();
      if (abilities.writable) {
        await writeFixture(conforming.system, (path) => conforming.path(path), abilities);
      }
      await run(conforming);
    });
  }
}

type Case = (conforming: Conforming) => Promise<void>;

const READING: Record<string, Case> = {
  async "readAt() gives the bytes at an offset, fewer at the end, null behind it"(
    { system, path },
  ) {
    using file = await system.open(path("hello"));
    const into = new Uint8Array(5);
    assertEquals(await readFullAt(file, into, 7), 5);
    assertEquals(new TextDecoder().decode(into), "world");
    assertEquals(await readFullAt(file, into, 10), 2);
    assertEquals(await file.readAt(into, 12), null);
    assertEquals(await file.readAt(into, 1_000_000_000_000), null);
    assertEquals(await file.readAt(new Uint8Array(), 0), 0);
  },
  async "readAt() leaves what it does not fill as it was"({ system, path }) {
    using file = await system.open(path("hello"));
    const into = new Uint8Array(6).fill(255);
    assertEquals(await readFullAt(file, into, 10), 2);
    assertEquals([...into.subarray(2)], [255, 255, 255, 255]);
  },
  async "many reads may be in flight"({ system, path }) {
    using file = await system.open(path("folder/deep/large"));
    const whole = FIXTURE["folder/deep/large"] as Uint8Array;
    await Promise.all(Array.from({ length: 64 }, async (_, i) => {
      const into = new Uint8Array(3_001);
      const count = await readFullAt(file, into, i * 3_111);
      assertEquals(into.subarray(0, count), whole.subarray(i * 3_111, i * 3_111 + count));
      assertEquals(count, Math.min(3_001, whole.length - i * 3_111));
    }));
  },
  async "an empty file reads as its end"({ system, path }) {
    assertEquals(await readWhole(system, path("empty")), new Uint8Array());
  },
  async "stat() says what is a file and how long it is"({ system, path }) {
    const info = await system.stat(path("folder/deep/large"));
    assertEquals([info.isFile, info.isDirectory, info.isSymlink], [true, false, false]);
    assertEquals(info.size, 200_000);
    using file = await system.open(path("folder/deep/large"));
    assertEquals((await file.stat()).size, 200_000);
  },
  async "open() and stat() reject with NotFound where there is nothing"({ system, path }) {
    for (const name of ["missing", "missing/deeper", "folder/missing"]) {
      await assertRejects(() => system.open(path(name)), Deno.errors.NotFound);
      await assertRejects(() => system.stat(path(name)), Deno.errors.NotFound);
      await assertRejects(() => system.lstat(path(name)), Deno.errors.NotFound);
    }
  },
  async "a closed file rejects with BadResource"({ system, path }) {
    const file = await system.open(path("hello"));
    file.close();
    await assertRejects(() => file.readAt(new Uint8Array(1), 0), Deno.errors.BadResource);
    await assertRejects(() => file.stat(), Deno.errors.BadResource);
    assertInstanceOf(thrownBy(() => file.close()), Deno.errors.BadResource);
    file[Symbol.dispose]();
  },
  async "offsets that are none are refused"({ system, path }) {
    using file = await system.open(path("hello"));
    for (const offset of [-1, 0.5, NaN, 2 ** 53]) {
      await assertRejects(() => file.readAt(new Uint8Array(1), offset), RangeError);
    }
  },
  async "a file that is only read cannot be written"({ system, path }) {
    using file = await system.open(path("hello"));
    for (const change of [() => file.writeAt(new Uint8Array(1), 0), () => file.punch(0, 1)]) {
      const error = await assertRejects(change, Error) as Error & { code?: string };
      assert(error.code === "EBADF" || error.code === "EROFS", String(error.stack));
    }
    const error = await assertRejects(() => file.truncate(1), Error) as Error & { code?: string };
    assert(["EBADF", "EINVAL", "EROFS"].includes(error.code!), String(error));
  },
};

const LISTING: Record<string, Case> = {
  async "readDir() names what is there, and of what kind"({ system, path }) {
    const kinds: Record<string, string> = {};
    for await (const entry of system.readDir(path("folder"))) {
      if (!entry.isSymlink) kinds[entry.name] = entry.isDirectory ? "directory" : "file";
    }
    assertEquals(kinds, { deep: "directory", b: "file" });
    for await (const entry of system.readDir(path("nothing"))) throw new Error(entry.name);
  },
  async "readDir() rejects with NotADirectory for a file, NotFound for nothing"(
    { system, path },
  ) {
    await assertRejects(() => list(system, path("hello")), Deno.errors.NotADirectory);
    await assertRejects(() => list(system, path("missing")), Deno.errors.NotFound);
  },
  async "stat() says what is a directory"({ system, path }) {
    const info = await system.stat(path("folder/deep"));
    assertEquals([info.isFile, info.isDirectory, info.isSymlink], [false, true, false]);
    assert((await system.stat(path("folder/deep/"))).isDirectory);
  },
  async "a path through a file rejects with NotADirectory"({ system, path }) {
    await assertRejects(() => system.stat(path("hello/deeper")), Deno.errors.NotADirectory);
    await assertRejects(() => system.open(path("hello/deeper")), Deno.errors.NotADirectory);
  },
  async "dots and double slashes in a path change nothing"({ system, path }) {
    const names = ["./hello", "folder/../hello", "folder/./deep/../../hello", "folder//..//hello"];
    for (const name of names) assertEquals((await system.stat(path(name))).size, 12, name);
  },
};

const LINKS: Record<string, Case> = {
  async "links are followed by open() and stat(), not by lstat()"({ system, path }) {
    assertEquals((await system.stat(path("link"))).size, 100);
    assertEquals(await readWhole(system, path("link")), FIXTURE["folder/b"] as Uint8Array);
    assertEquals((await readWhole(system, path("folder/up"))).length, 12);
    const info = await system.lstat(path("link"));
    assertEquals([info.isFile, info.isDirectory, info.isSymlink], [false, false, true]);
  },
  async "readLink() says where a link leads"({ system, path }) {
    assertEquals(await system.readLink(path("link")), "folder/b");
    assertEquals(await system.readLink(path("dangling")), "missing");
    const error = await assertRejects(() => system.readLink(path("hello")), TypeError);
    assertEquals((error as TypeError & { code?: string }).code, "EINVAL");
  },
  async "a link that leads nowhere rejects with NotFound"({ system, path }) {
    await assertRejects(() => system.open(path("dangling")), Deno.errors.NotFound);
    await assertRejects(() => system.stat(path("dangling")), Deno.errors.NotFound);
    assert((await system.lstat(path("dangling"))).isSymlink);
  },
};

const REFUSING: Record<string, Case> = {
  async "changes are refused with EROFS"({ system, path }) {
    const changes: (() => Promise<unknown>)[] = [
      () => system.open(path("hello"), { write: true }),
      () => system.open(path("new"), { write: true, create: true }),
      () => system.mkdir(path("new")),
      () => system.remove(path("hello")),
      () => system.rename(path("hello"), path("new")),
      () => system.symlink("hello", path("new")),
    ];
    for (const change of changes) {
      const error = await assertRejects(change, Error) as Error & { code?: string };
      assertEquals(error.code, "EROFS", String(error));
    }
  },
};

const WRITING: Record<string, Case> = {
  async "writeAt() changes bytes in place and extends with zeros"({ system, path }) {
    {
      using file = await system.open(path("hello"), { read: true, write: true });
      await writeAllAt(file, new TextEncoder().encode("HE"), 0);
      await writeAllAt(file, new Uint8Array([1]), 70_000);
      assertEquals((await file.stat()).size, 70_001);
      await file.sync();
    }
    const expected = new Uint8Array(70_001);
    expected.set(new TextEncoder().encode("HEllo, world"));
    expected[70_000] = 1;
    assertEquals(await readWhole(system, path("hello")), expected);
  },
  async "many writes may be in flight"({ system, path }) {
    const whole = pattern(500_000, 7);
    {
      using file = await system.open(path("new"), { write: true, create: true });
      const starts = Array.from({ length: 50 }, (_, i) => i * 10_000).reverse();
      await Promise.all(
        starts.map((at) => writeAllAt(file, whole.subarray(at, at + 10_000), at)),
      );
    }
    assertEquals(await readWhole(system, path("new")), whole);
  },
  async "truncate() cuts and extends with zeros"({ system, path }) {
    using file = await system.open(path("hello"), { read: true, write: true });
    await file.truncate(3);
    assertEquals((await file.stat()).size, 3);
    await file.truncate(100_000);
    const expected = new Uint8Array(100_000);
    expected.set(new TextEncoder().encode("Hel"));
    assertEquals(await readWhole(system, path("hello")), expected);
    await file.truncate();
    assertEquals((await file.stat()).size, 0);
  },
  async "punch() makes a range zero and keeps the length"({ system, path }) {
    const expected = pattern(200_000, 1);
    expected.fill(0, 5_000, 105_000);
    expected.fill(0, 199_990);
    using file = await system.open(path("folder/deep/large"), { read: true, write: true });
    await file.punch(5_000, 100_000);
    await file.punch(199_990, 1_000);
    await file.punch(300_000, 1_000);
    assertEquals(await readWhole(system, path("folder/deep/large")), expected);
  },
  async "open() makes, empties and refuses as it is told to"({ system, path }) {
    const write = { write: true };
    await assertRejects(() => system.open(path("new"), write), Deno.errors.NotFound);
    await assertRejects(
      () => system.open(path("hello"), { ...write, createNew: true }),
      Deno.errors.AlreadyExists,
    );
    (await system.open(path("new"), { ...write, createNew: true })).close();
    assertEquals((await system.stat(path("new"))).size, 0);
    (await system.open(path("hello"), { ...write, create: true })).close();
    assertEquals((await system.stat(path("hello"))).size, 12);
    (await system.open(path("hello"), { ...write, truncate: true })).close();
    assertEquals((await system.stat(path("hello"))).size, 0);
    await assertRejects(
      () => system.open(path("missing/new"), { ...write, create: true }),
      Deno.errors.NotFound,
    );
    await assertRejects(() => system.open(path("folder"), write), Deno.errors.IsADirectory);
    for (const options of [{}, { create: true }, { read: true, truncate: true }]) {
      await assertRejects(() => system.open(path("hello"), options), TypeError);
    }
  },
  async "a file that is only written cannot be read"({ system, path }) {
    using file = await system.open(path("hello"), { write: true });
    const error = await assertRejects(() => file.readAt(new Uint8Array(1), 0), Error);
    assertEquals((error as Error & { code?: string }).code, "EBADF");
  },
  async "mkdir() makes one directory, or all of a path"({ system, path }) {
    await system.mkdir(path("one"));
    assert((await system.stat(path("one"))).isDirectory);
    await assertRejects(() => system.mkdir(path("one")), Deno.errors.AlreadyExists);
    await assertRejects(() => system.mkdir(path("hello")), Deno.errors.AlreadyExists);
    await assertRejects(() => system.mkdir(path("x/y")), Deno.errors.NotFound);
    await system.mkdir(path("x/y/z"), { recursive: true });
    await system.mkdir(path("x/y/z"), { recursive: true });
    assert((await system.stat(path("x/y/z"))).isDirectory);
    await assertRejects(
      () => system.mkdir(path("hello"), { recursive: true }),
      Deno.errors.AlreadyExists,
    );
  },
  async "remove() takes a file, an empty directory, or all with recursive"({ system, path }) {
    await system.remove(path("hello"));
    await assertRejects(() => system.stat(path("hello")), Deno.errors.NotFound);
    await assertRejects(() => system.remove(path("hello")), Deno.errors.NotFound);
    await system.remove(path("nothing"));
    const error = await assertRejects(() => system.remove(path("folder")), Error);
    assertEquals((error as Error & { code?: string }).code, "ENOTEMPTY");
    await system.remove(path("folder"), { recursive: true });
    await assertRejects(() => system.stat(path("folder/b")), Deno.errors.NotFound);
  },
  async "rename() moves files and directories, and replaces"({ system, path }) {
    await system.rename(path("hello"), path("folder/moved"));
    assertEquals((await readWhole(system, path("folder/moved"))).length, 12);
    await assertRejects(() => system.stat(path("hello")), Deno.errors.NotFound);
    await system.rename(path("folder/moved"), path("folder/b"));
    assertEquals((await readWhole(system, path("folder/b"))).length, 12);
    await system.rename(path("folder"), path("nothing"));
    assertEquals((await readWhole(system, path("nothing/deep/large"))).length, 200_000);
    await assertRejects(() => system.rename(path("none"), path("new")), Deno.errors.NotFound);
    await assertRejects(() => system.rename(path("nothing"), path("nothing/deep/in")), TypeError);
  },
  async "an open file goes on when it is renamed or removed"({ system, path }) {
    using file = await system.open(path("hello"), { read: true, write: true });
    await system.rename(path("hello"), path("moved"));
    await writeAllAt(file, new TextEncoder().encode("J"), 0);
    assertEquals(new TextDecoder().decode(await readWhole(system, path("moved"))), "Jello, world");
    await system.remove(path("moved"));
    const into = new Uint8Array(5);
    assertEquals(await readFullAt(file, into, 0), 5);
    assertEquals(new TextDecoder().decode(into), "Jello");
  },
  async "what is written by one open file is read by another"({ system, path }) {
    using reader = await system.open(path("hello"));
    using writer = await system.open(path("hello"), { write: true });
    const into = new Uint8Array(5);
    await readFullAt(reader, into, 0);
    await writeAllAt(writer, new TextEncoder().encode("Yells"), 0);
    await readFullAt(reader, into, 0);
    assertEquals(new TextDecoder().decode(into), "Yells");
  },
};

async function list(system: FileSystem, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of system.readDir(path)) names.push(name);
  return names.sort();
}

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
