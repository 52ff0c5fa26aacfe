// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertRefusal } from "./fs_contract_path.ts";
import type { FsContractCases } from "./fs_contract.ts";
import { patternBytes } from "./transfer.ts";

const { NotFound, AlreadyExists, BadResource, IsADirectory } = Deno.errors;
const { Start, Current, End } = Deno.SeekMode;

/** What holds for `open` and `FsFile`. */
export const fileCases: FsContractCases = {
  "open() rejects as the kernel does": async ({ api, folder }) => {
    const path = `${folder}/missing`;
    const message = `No such file or directory (os error 2): open '${path}'`;
    await assertRefusal(() => api.open(path), NotFound, "ENOENT", message);
    Deno.writeTextFileSync(path, "");
    const there = `File exists (os error 17): open '${path}'`;
    const anew = () => api.open(path, { createNew: true, write: true });
    await assertRefusal(anew, AlreadyExists, "EEXIST", there);
    const directory = `Is a directory (os error 21): open '${folder}'`;
    const writing = () => api.open(folder, { write: true });
    await assertRefusal(writing, IsADirectory, "EISDIR", directory);
  },

  "open() rejects options that contradict each other": async ({ api, folder }) => {
    const cases: [Deno.OpenOptions, string][] = [
      [{ read: false }, "'options' requires at least one option to be true"],
      [{ append: true, truncate: true }, "'truncate' option requires 'write' to be true"],
      [{ read: true, create: true }, "'create' or 'createNew' options require"],
    ];
    for (const [options, message] of cases) {
      await assertRejects(() => api.open(`${folder}/a`, options), Error, message);
    }
  },

  "open() creates with the mode, truncates and appends": async ({ api, folder }) => {
    const path = `${folder}/file`;
    (await api.open(path, { write: true, create: true, mode: 0o600 })).close();
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    using file = await api.open(path, { append: true, read: true });
    await file.write(bytes("one"));
    await file.seek(0, Start);
    await file.write(bytes("two"));
    assertEquals(Deno.readTextFileSync(path), "onetwo");
    assertEquals(await file.seek(0, Current), 6);
    (await api.create(path)).close();
    assertEquals(Deno.statSync(path).size, 0);
  },

  "a program that was written and closed runs at once": async ({ api, folder }) => {
    const program = Deno.readFileSync("/bin/true");
    const mode = 0o700;
    const ways: Record<string, (path: string) => Promise<void>> = {
      writeFile: (path) => api.writeFile(path, program, { mode }),
      copyFile: (path) => api.copyFile("/bin/true", path),
      async close(path) {
        const file = await api.open(path, { write: true, create: true, mode });
        for (let at = 0; at < program.length;) at += await file.write(program.subarray(at));
        file.close();
      },
      async writable(path) {
        const file = await api.open(path, { write: true, create: true, mode });
        await new Blob([program]).stream().pipeTo(file.writable);
      },
    };
    for (const [name, write] of Object.entries(ways)) {
      await write(`${folder}/${name}`);
      // The kernel refuses while anybody has it open to write (ETXTBSY).
      assertEquals(new Deno.Command(`${folder}/${name}`).outputSync().code, 0);
    }
  },

  "read() and write() move one cursor, and null is the end": async ({ api, folder }) => {
    using file = await api.create(`${folder}/file`);
    assertEquals(await file.write(bytes("hello world")), 11);
    assertEquals(await file.seek(-5, End), 6);
    const p = new Uint8Array(3);
    assertEquals([await file.read(p), text(p)], [3, "wor"]);
    assertEquals([file.readSync(p), text(p.subarray(0, 2))], [2, "ld"]);
    assertEquals([await file.read(p), file.readSync(p)], [null, null]);
    assertEquals(await file.read(new Uint8Array(0)), 0);
    assertEquals(file.seekSync(2n, Start), 2);
    assertEquals(file.writeSync(bytes("LL")), 2);
    assertEquals(await file.seek(-4, Current), 0);
    const all = new Uint8Array(20);
    assertEquals([await file.read(all), text(all.subarray(0, 11))], [11, "heLLo world"]);
    const refused = "Invalid argument (os error 22)";
    await assertRefusal(() => file.seek(-1, Start), TypeError, "EINVAL", refused);
  },

  "calls made at once are done in order": async ({ api, folder }) => {
    using file = await api.create(`${folder}/file`);
    await Promise.all(["a", "b", "c", "d"].map((letter) => file.write(bytes(letter.repeat(5000)))));
    await file.seek(0, Start);
    const pieces = [0, 1, 2, 3].map(() => new Uint8Array(5000));
    assertEquals(await Promise.all(pieces.map((p) => file.read(p))), [5000, 5000, 5000, 5000]);
    assertEquals(pieces.map((p) => text(p.subarray(4999))), ["a", "b", "c", "d"]);
  },

  "large buffers are read and written whole": async ({ api, folder }) => {
    const data = patternBytes(3_333_333);
    using file = await api.create(`${folder}/file`);
    for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
    await file.seek(0, Start);
    const back = new Uint8Array(4_000_000);
    let filled = 0;
    for (let count; (count = await file.read(back.subarray(filled))) !== null;) filled += count;
    assertEquals(filled, data.length);
    assertEquals(back.subarray(0, filled), data);
  },

  "truncate(), stat(), sync() and utime() are about the open file": async ({ api, folder }) => {
    const path = `${folder}/file`;
    using file = await api.create(path);
    await file.write(bytes("hello"));
    await file.truncate(3);
    file.truncateSync(4);
    await file.sync();
    await file.syncData();
    file.syncSync();
    file.syncDataSync();
    await file.utime(10, new Date(20_250));
    assertEquals(await file.stat(), Deno.statSync(path));
    assertEquals(file.statSync(), Deno.statSync(path));
    file.utimeSync(30, 40);
    assertEquals((await file.stat()).mtime, new Date(40_000));
    await file.truncate();
    assertEquals((await file.stat()).size, 0);
  },

  "locks keep others out": async ({ api, folder }) => {
    const path = `${folder}/file`;
    using first = await api.create(path);
    using second = await api.open(path);
    await first.lock(true);
    assertEquals([await second.tryLock(false), second.tryLockSync(true)], [false, false]);
    await first.unlock();
    assertEquals(await second.tryLock(false), true);
    assertEquals([first.tryLockSync(false), await first.tryLock(true)], [true, false]);
    second.unlockSync();
    first.lockSync(true);
    first.unlockSync();
  },

  "a wait for a lock ends when it is given back": async ({ api, folder }) => {
    using first = await api.create(`${folder}/file`);
    using second = await api.open(`${folder}/file`);
    await first.lock(true);
    let locked = false;
    const waiting = second.lock(true).then(() => locked = true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(locked, false);
    await first.unlock();
    await waiting;
  },

  "a file is read or written as it was opened": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    using reader = await api.open(path);
    using writer = await api.open(path, { write: true });
    const message = "Bad file descriptor (os error 9)";
    await assertRefusal(() => reader.write(new Uint8Array(1)), Error, "EBADF", message);
    await assertRefusal(() => writer.read(new Uint8Array(1)), Error, "EBADF", message);
    await assertRefusal(() => writer.read(new Uint8Array(100_000)), Error, "EBADF", message);
    await assertRejects(() => reader.read("p" as unknown as Uint8Array), TypeError);
  },

  "a closed file refuses every call": async ({ api, folder }) => {
    const file = await api.create(`${folder}/file`);
    file.close();
    const p = new Uint8Array(1);
    assertThrows(() => file.close(), BadResource, "Bad resource ID");
    assertThrows(() => file.readSync(p), BadResource);
    for (const call of [() => file.read(p), () => file.write(p), () => file.stat()]) {
      await assertRejects(call, BadResource, "Bad resource ID");
    }
    await assertRejects(() => file.truncate(1), BadResource);
    assertEquals(file.isTerminal(), false);
    file[Symbol.dispose]();
  },

  // Deno's is cut off, unless it was faster; ours is done: either way the call ends.
  "a read that is under way when the file is closed comes to an end": async ({ api, folder }) => {
    const path = `${folder}/file`;
    Deno.writeFileSync(path, patternBytes(100_000));
    const file = await api.open(path);
    const p = new Uint8Array(100_000);
    const reading = file.read(p);
    file.close();
    const outcome = await reading.catch((error) => error);
    if (!(outcome instanceof Deno.errors.Interrupted)) assertEquals(outcome, 100_000);
  },

  "readable and writable are streams over the file": async ({ api, folder }) => {
    const path = `${folder}/file`;
    const data = patternBytes(200_000);
    await new Blob([data]).stream().pipeTo((await api.create(path)).writable);
    const file = await api.open(path);
    assertEquals(await new Response(file.readable).bytes(), data);
    await assertRejects(() => file.stat(), BadResource);
  },

  "isTerminal() is false for a file, and setRaw() throws": async ({ api, folder }) => {
    using file = await api.create(`${folder}/file`);
    assertEquals(file.isTerminal(), false);
    assertThrows(() => file.setRaw(true), BadResource, "ENOTTY");
  },

  "devices and files of the kernel can be read": async ({ api }) => {
    using zero = await api.open("/dev/zero");
    assertEquals(await zero.read(new Uint8Array(50_000)), 50_000);
    using status = await api.open("/proc/self/status");
    const p = new Uint8Array(5);
    assertEquals([await status.read(p), text(p)], [5, "Name:"]);
  },
};

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
