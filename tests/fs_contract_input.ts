// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertRefusal } from "./fs_contract_path.ts";
import type { FsContractCases } from "./fs_contract.ts";

const { NotFound, AlreadyExists, NotADirectory } = Deno.errors;
const { Start } = Deno.SeekMode;
const NO_MODE = 9 as Deno.SeekMode;

/** What holds for arguments at the edge of what the types allow, and beyond it. */
export const inputCases: FsContractCases = {
  "writeFile() refuses what is no Uint8Array, and leaves the file alone": async (
    { api, folder },
  ) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "before");
    const { buffer } = new Uint8Array(3);
    for (const data of ["text", buffer, new DataView(buffer), new Blob(["b"]), [1], 5, null]) {
      await assertRejects(() => api.writeFile(path, data as never), TypeError);
      assertEquals(Deno.readTextFileSync(path), "before");
    }
    await assertRejects(() => api.writeFile(`${path}2`, "text" as never), TypeError);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  },

  "writeFile() takes streams of buffers and views": async (
    { api, folder },
  ) => {
    const path = `${folder}/file`;
    const { buffer } = new TextEncoder().encode("abcdef");
    const chunks = [buffer.slice(0, 2), new DataView(buffer, 2, 2), new Uint16Array(buffer, 4, 1)];
    await api.writeFile(path, ReadableStream.from(chunks as unknown as Uint8Array[]));
    assertEquals(Deno.readTextFileSync(path), "abcdef");
  },

  "writeFile() of a stream rejects with the plain reason of a signal": async ({ api, folder }) => {
    const waiting = new ReadableStream<Uint8Array>();
    const controller = new AbortController();
    const { signal } = controller;
    const writing = api.writeFile(`${folder}/file`, waiting, { signal });
    setTimeout(() => controller.abort(), 10);
    assertEquals(await writing.catch((error) => error), signal.reason);
  },

  "open() takes null for options": async ({ api, folder }) => {
    Deno.writeTextFileSync(`${folder}/file`, "hello");
    using file = await api.open(`${folder}/file`, null as unknown as undefined);
    assertEquals(await file.read(new Uint8Array(9)), 5);
  },

  "open() refuses to truncate what it appends to": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "before");
    const options = { write: true, append: true, truncate: true };
    const message = `creating or truncating a file requires write or append access: open '${path}'`;
    await assertRefusal(() => api.open(path, options), TypeError, "EINVAL", message);
    assertEquals(Deno.readTextFileSync(path), "before");
    (await api.open(`${path}2`, { ...options, createNew: true })).close();
  },

  "paths refuse URLs with a host": async ({ api }) => {
    const url = new URL("file://host/etc/passwd");
    await assertRejects(() => api.stat(url), TypeError, "Host must be empty");
  },

  "lstat() says what was being done": async ({ api, folder }) => {
    const path = `${folder}/missing`;
    const message = `No such file or directory (os error 2): lstat '${path}'`;
    await assertRefusal(() => api.lstat(path), NotFound, "ENOENT", message);
    await assertRejects(() => api.lstat("a\0b"), TypeError, "unexpected NUL byte: lstat 'a\0b'");
  },

  "mkdir() with parents says so where no directory can be": async ({ api, folder }) => {
    const recursive = { recursive: true };
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync("nowhere", `${folder}/dangling`);
    Deno.symlinkSync("circle", `${folder}/circle`);
    for (const name of ["file", "file/", "dangling", "circle"]) {
      const path = `${folder}/${name}`;
      const message = `File exists (os error 17): mkdir '${path}'`;
      await assertRefusal(() => api.mkdir(path, recursive), AlreadyExists, "EEXIST", message);
    }
    const below = `${folder}/file/x`;
    const message = `Not a directory (os error 20): mkdir '${below}'`;
    await assertRefusal(() => api.mkdir(below, recursive), NotADirectory, "ENOTDIR", message);
    await api.mkdir(`${folder}/made/../other/./deep/`, recursive);
    assert(Deno.statSync(`${folder}/other/deep`).isDirectory);
    await api.mkdir("", recursive);
  },

  "mkdir() sets the permission bits only": async ({ api, folder }) => {
    await api.mkdir(`${folder}/a`, { mode: 0o1700 });
    assertEquals(Deno.statSync(`${folder}/a`).mode! & 0o7777, 0o700);
  },

  "truncate() cuts fractions off, and refuses what no file can have": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    await api.truncate(path, 4.9);
    using file = await api.open(path, { write: true });
    await file.truncate(3.9);
    assertEquals(Deno.readTextFileSync(path), "hel");
    file.truncateSync(2.9);
    assertEquals(Deno.readTextFileSync(path), "he");
    await assertRejects(() => file.truncate(Infinity));
    await assertRejects(() => api.truncate(path, 2 ** 64), Error, `: truncate '${path}'`);
    assertThrows(() => file.truncateSync(2 ** 63));
    assertEquals(Deno.readTextFileSync(path), "he");
    file.truncateSync(NaN);
    assertEquals(Deno.readTextFileSync(path), "");
  },

  "truncate() says what was being done": async ({ api }) => {
    const message = "Invalid argument (os error 22): truncate '/dev/null'";
    await assertRefusal(() => api.truncate("/dev/null"), TypeError, "EINVAL", message);
  },

  "seek() cuts fractions off, and refuses modes that there are not": async ({ api, folder }) => {
    using file = await api.create(`${folder}/file`);
    assertEquals([await file.seek(2.9, Start), file.seekSync(1.9, Start)], [2, 1]);
    assertEquals([await file.seek(NaN, Start), file.seekSync(NaN, Start)], [0, 0]);
    await assertRejects(() => file.seek(Infinity, Start), TypeError);
    await assertRejects(() => file.seek(0, NO_MODE), TypeError, "Invalid seek mode: 9");
    assertThrows(() => file.seekSync(0, NO_MODE), TypeError, "Invalid seek mode: 9");
  },

  "copyFile() writes to devices, and leaves their permissions alone": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    const { mode } = Deno.statSync("/dev/null");
    await api.copyFile(path, "/dev/null");
    assertEquals(Deno.statSync("/dev/null").mode, mode);
    const full = `No space left on device (os error 28): copy '${path}' -> '/dev/full'`;
    await assertRefusal(() => api.copyFile(path, "/dev/full"), Error, "ENOSPC", full);
  },

  "copyFile() refuses to copy a file onto itself": async ({ api, folder }) => {
    const [a, b] = [`${folder}/a`, `${folder}/b`];
    Deno.writeTextFileSync(a, "hello");
    Deno.linkSync(a, b);
    const message = `Source and destination paths refer to the same file: copy '${a}' -> '${b}'`;
    await assertRefusal(() => api.copyFile(a, b), TypeError, "EINVAL", message);
    assertEquals(Deno.readTextFileSync(a), "hello");
  },
};
