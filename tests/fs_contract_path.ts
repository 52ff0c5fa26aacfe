// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { FsContractCases } from "./fs_contract.ts";

/** Holds a rejection to Deno's form: class, code, and a message that says what was being done. */
export async function assertRefusal(
  call: () => Promise<unknown>,
  errorClass: abstract new (...args: never[]) => Error,
  code: string | undefined,
  message: string,
): Promise<void> {
  const error = await assertRejects(call);
  assertInstanceOf(error, errorClass);
  assertEquals([error.message, "code" in error ? error.code : undefined], [message, code]);
}

const NO_ENTRY = "No such file or directory (os error 2)";
const EXISTS = "File exists (os error 17)";

const { NotFound, AlreadyExists, NotADirectory } = Deno.errors;

/** What holds for the functions that take paths. */
export const pathCases: FsContractCases = {
  "stat() tells what Deno.stat tells": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    Deno.utimeSync(path, new Date(1_700_000_000_123), new Date(1_600_000_000_456));
    Deno.symlinkSync("file", `${folder}/link`);
    for (const one of [path, folder, `${folder}/link`, "/dev/null", "/proc/self", "/", "."]) {
      assertEquals(await api.stat(one), await Deno.stat(one), one);
      assertEquals(await api.lstat(one), await Deno.lstat(one), one);
    }
  },

  "stat() takes a file URL": async ({ api, folder }) => {
    Deno.writeTextFileSync(`${folder}/a b%`, "hello");
    assertEquals((await api.stat(new URL(`file://${folder}/a b%25`))).size, 5);
    await assertRejects(() => api.stat(new URL("http://host/a")), TypeError, "Must be a file URL");
  },

  "stat() rejects when nothing is there": async ({ api, folder }) => {
    const path = `${folder}/missing`;
    await assertRefusal(() => api.stat(path), NotFound, "ENOENT", `${NO_ENTRY}: stat '${path}'`);
    const below = `${folder}/file/x`;
    Deno.writeTextFileSync(`${folder}/file`, "");
    const message = `Not a directory (os error 20): stat '${below}'`;
    await assertRefusal(() => api.stat(below), NotADirectory, "ENOTDIR", message);
    await assertRejects(() => api.stat("a\0b"), TypeError, "unexpected NUL byte: stat 'a\0b'");
  },

  "stat() rejects when a name or a path is too long": async ({ api, folder }) => {
    for (const path of [`${folder}/${"n".repeat(300)}`, `/${"long/".repeat(1000)}`]) {
      const error = await assertRejects(() => api.stat(path), Error, "File name too long");
      assertEquals("code" in error && error.code, "ENAMETOOLONG");
    }
  },

  "mkdir() makes directories, with parents on request": async ({ api, folder }) => {
    await api.mkdir(`${folder}/a`);
    await api.mkdir(`${folder}/b/c/d`, { recursive: true, mode: 0o700 });
    await api.mkdir(`${folder}/b/c`, { recursive: true });
    assertEquals(Deno.statSync(`${folder}/b/c/d`).mode! & 0o777, 0o700);
    const path = `${folder}/a`;
    const refused = `${EXISTS}: mkdir '${path}'`;
    await assertRefusal(() => api.mkdir(path), AlreadyExists, "EEXIST", refused);
    const orphan = `${folder}/x/y`;
    const missing = `${NO_ENTRY}: mkdir '${orphan}'`;
    await assertRefusal(() => api.mkdir(orphan), NotFound, "ENOENT", missing);
  },

  "mkdir() rejects on and below a file": async ({ api, folder }) => {
    const file = `${folder}/file`;
    Deno.writeTextFileSync(file, "");
    const there = `${EXISTS}: mkdir '${file}'`;
    const recursive = { recursive: true };
    await assertRefusal(() => api.mkdir(file, recursive), AlreadyExists, "EEXIST", there);
    const below = `Not a directory (os error 20): mkdir '${file}/b/c'`;
    const make = () => api.mkdir(`${file}/b/c`, recursive);
    await assertRefusal(make, NotADirectory, "ENOTDIR", below);
  },

  "readDir() gives every entry with its type": async ({ api, folder }) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.writeTextFileSync(`${folder}/größe-${"x".repeat(60)}`, "");
    Deno.mkdirSync(`${folder}/directory`);
    Deno.symlinkSync("nowhere", `${folder}/link`);
    const ours = await Array.fromAsync(api.readDir(folder));
    const theirs = [...Deno.readDirSync(folder)];
    const byName = (a: Deno.DirEntry, b: Deno.DirEntry) => a.name < b.name ? -1 : 1;
    assertEquals(ours.sort(byName), theirs.sort(byName));
  },

  "readDir() gives all of a large directory": async ({ api, folder }) => {
    for (let i = 0; i < 3000; i++) Deno.writeTextFileSync(`${folder}/${i}`, "");
    const names = new Set((await Array.fromAsync(api.readDir(folder))).map(({ name }) => name));
    assertEquals(names.size, 3000);
  },

  "readDir() rejects when there is no directory": async ({ api, folder }) => {
    const path = `${folder}/missing`;
    const iterable = api.readDir(path);
    const message = `${NO_ENTRY}: readdir '${path}'`;
    await assertRefusal(() => Array.fromAsync(iterable), NotFound, "ENOENT", message);
  },

  "remove() removes files, links, and directories that are empty": async ({ api, folder }) => {
    Deno.mkdirSync(`${folder}/directory`);
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync("directory", `${folder}/link`);
    for (const name of ["link", "directory", "file"]) await api.remove(`${folder}/${name}`);
    assertEquals([...Deno.readDirSync(folder)], []);
    const path = `${folder}/file`;
    const missing = `${NO_ENTRY}: remove '${path}'`;
    await assertRefusal(() => api.remove(path), NotFound, "ENOENT", missing);
    const again = () => api.remove(path, { recursive: true });
    await assertRefusal(again, NotFound, "ENOENT", missing);
  },

  "remove() removes a tree and follows no link": async ({ api, folder }) => {
    Deno.mkdirSync(`${folder}/tree/a/b`, { recursive: true });
    Deno.mkdirSync(`${folder}/kept`);
    Deno.writeTextFileSync(`${folder}/kept/file`, "");
    for (let i = 0; i < 200; i++) Deno.writeTextFileSync(`${folder}/tree/a/${i}`, "");
    Deno.symlinkSync(`${folder}/kept`, `${folder}/tree/a/b/link`);
    const full = `Directory not empty (os error 39): remove '${folder}/tree'`;
    await assertRefusal(() => api.remove(`${folder}/tree`), Error, "ENOTEMPTY", full);
    await api.remove(`${folder}/tree`, { recursive: true });
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["kept"]);
    assert(Deno.statSync(`${folder}/kept/file`).isFile);
  },

  "rename() moves in place of what is there": async ({ api, folder }) => {
    const [a, b] = [`${folder}/a`, `${folder}/b`];
    Deno.writeTextFileSync(a, "new");
    Deno.writeTextFileSync(b, "old");
    await api.rename(a, b);
    assertEquals(Deno.readTextFileSync(b), "new");
    const message = `${NO_ENTRY}: rename '${a}' -> '${b}'`;
    await assertRefusal(() => api.rename(a, b), NotFound, "ENOENT", message);
  },

  "link() and symlink() give a file other names": async ({ api, folder }) => {
    const [a, b, c] = [`${folder}/a`, `${folder}/b`, `${folder}/c`];
    Deno.writeTextFileSync(a, "one");
    await api.link(a, b);
    await api.symlink("a", c);
    assertEquals((await api.stat(a)).nlink, 2);
    assertEquals([await api.readLink(c), await api.realPath(c)], ["a", Deno.realPathSync(a)]);
    const message = `${EXISTS}: link '${a}' -> '${b}'`;
    await assertRefusal(() => api.link(a, b), AlreadyExists, "EEXIST", message);
  },

  "truncate() cuts and extends": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    for (const [length, text] of [[3, "hel"], [5, "hel\0\0"], [-1, ""]] as const) {
      await api.truncate(path, length);
      assertEquals(Deno.readTextFileSync(path), text);
    }
    const message = `${NO_ENTRY}: truncate '${path}2'`;
    await assertRefusal(() => api.truncate(`${path}2`), NotFound, "ENOENT", message);
  },

  "copyFile() copies contents and permission bits": async ({ api, folder }) => {
    const [a, b] = [`${folder}/a`, `${folder}/b`];
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    Deno.writeFileSync(a, bytes);
    Deno.chmodSync(a, 0o640);
    Deno.writeFileSync(b, new Uint8Array(100_000));
    await api.copyFile(a, b);
    assertEquals(Deno.readFileSync(b), bytes);
    assertEquals(Deno.statSync(b).mode! & 0o777, 0o640);
    const message = `${NO_ENTRY}: copy '${a}2' -> '${b}'`;
    await assertRefusal(() => api.copyFile(`${a}2`, b), NotFound, "ENOENT", message);
    await assertRejects(() => api.copyFile(folder, b), TypeError, "neither a regular file");
    assertEquals(Deno.readFileSync(b), bytes);
  },

  "chmod(), chown() and utime() set attributes": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "");
    await api.chmod(path, 0o604);
    await api.chown(path, Deno.uid(), null);
    await api.utime(path, 10, new Date(20_500));
    const { mode, atime, mtime } = await api.stat(path);
    assertEquals([mode! & 0o777, atime, mtime], [0o604, new Date(10_000), new Date(20_500)]);
  },

  "makeTempFile() and makeTempDir() make what has a name of its own": async ({ api, folder }) => {
    const options = { dir: folder, prefix: "p-", suffix: "-s" };
    const file = await api.makeTempFile(options);
    const directory = await api.makeTempDir(options);
    assert((await api.stat(file)).isFile && (await api.stat(directory)).isDirectory);
    for (const path of [file, directory]) assert(/\/p-.*-s$/.test(path));
  },
};
