// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { assertRefusal } from "./fs_contract_path.ts";
import type { FsContractCases } from "./fs_contract.ts";
import { patternBytes } from "./transfer.ts";

const { NotFound, AlreadyExists, IsADirectory } = Deno.errors;

/** What holds for whole files: `readFile`, `writeFile` and their likes. */
export const contentCases: FsContractCases = {
  "readFile() and writeFile() carry files of every size": async ({ api, folder }) => {
    for (const size of [0, 1, 4095, 4096, 61_439, 61_440, 61_441, 65_536, 1_048_577, 5_000_000]) {
      const path = `${folder}/${size}`;
      const data = patternBytes(size);
      await api.writeFile(path, data);
      assertEquals(Deno.readFileSync(path).length, size);
      assertEquals(await api.readFile(path), data);
    }
  },

  "readFile() rejects with what was being done": async ({ api, folder }) => {
    const path = `${folder}/missing`;
    const missing = `No such file or directory (os error 2): readfile '${path}'`;
    await assertRefusal(() => api.readFile(path), NotFound, "ENOENT", missing);
    await assertRefusal(() => api.readTextFile(path), NotFound, "ENOENT", missing);
    const directory = `Is a directory (os error 21): readfile '${folder}'`;
    await assertRefusal(() => api.readFile(folder), IsADirectory, "EISDIR", directory);
  },

  "readFile() reads files of the kernel, which have no size": async ({ api }) => {
    assert((await api.readTextFile("/proc/self/status")).startsWith("Name:"));
    assertEquals(await api.readFile("/dev/null"), new Uint8Array());
  },

  "readFile() reads a pipe to its end": async ({ api, folder }) => {
    const path = `${folder}/pipe`;
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    const reading = api.readFile(path);
    const writer = new Deno.Command("sh", {
      args: ["-c", `(printf one; sleep 0.1; printf two) > ${path}`],
    }).output();
    assertEquals(new TextDecoder().decode(await reading), "onetwo");
    await writer;
  },

  "readTextFile() keeps the byte order mark and replaces what is no UTF-8": async (
    { api, folder },
  ) => {
    const path = `${folder}/file`;
    Deno.writeFileSync(path, new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff]));
    assertEquals(await api.readTextFile(path), "\ufeffa\ufffd");
  },

  "readFile() rejects with the reason of its signal": async ({ api, folder }) => {
    Deno.writeTextFileSync(`${folder}/a`, "a");
    const aborted = { signal: AbortSignal.abort("early") };
    assertEquals(await api.readFile(`${folder}/a`, aborted).catch((reason) => reason), "early");
    const pipe = `${folder}/pipe`;
    assert((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
    const writer = new Deno.Command("sh", { args: ["-c", `sleep 0.2 > ${pipe}`] }).output();
    const controller = new AbortController();
    const reading = api.readFile(pipe, { signal: controller.signal });
    setTimeout(() => controller.abort("late"), 50);
    assertEquals(await reading.catch((reason) => reason), "late");
    await writer;
    const plain = { signal: AbortSignal.abort() };
    const error = await assertRejects(() => api.readTextFile(`${folder}/a`, plain));
    assertEquals((error as Error).name, "AbortError");
  },

  "writeFile() replaces, appends and creates as it is told": async ({ api, folder }) => {
    const path = `${folder}/file`;
    const missing = `No such file or directory (os error 2): writefile '${path}'`;
    const unmade = () => api.writeTextFile(path, "x", { create: false });
    await assertRefusal(unmade, NotFound, "ENOENT", missing);
    await api.writeTextFile(path, "long before");
    await api.writeTextFile(path, "one", { mode: 0o600 });
    await api.writeTextFile(path, " two", { append: true });
    assertEquals(await api.readTextFile(path), "one two");
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    const there = `File exists (os error 17): writefile '${path}'`;
    const anew = () => api.writeFile(path, new Uint8Array(), { createNew: true });
    await assertRefusal(anew, AlreadyExists, "EEXIST", there);
    const directory = `Is a directory (os error 21): writefile '${folder}'`;
    const over = () => api.writeFile(folder, new Uint8Array(1));
    await assertRefusal(over, IsADirectory, "EISDIR", directory);
  },

  "writeFile() writes streams": async ({ api, folder }) => {
    const path = `${folder}/file`;
    const data = patternBytes(300_000);
    await api.writeFile(path, new Blob([data]).stream());
    assertEquals(Deno.readFileSync(path), data);
    await api.writeTextFile(path, ReadableStream.from(["a", "ä"]), { append: true });
    assertEquals(Deno.statSync(path).size, 300_003);
  },

  "writeFile() with an aborted signal touches nothing": async ({ api, folder }) => {
    const path = `${folder}/file`;
    const signal = AbortSignal.abort("early");
    const write = api.writeFile(path, new Uint8Array(1), { signal });
    assertEquals(await write.catch((reason) => reason), "early");
    assertEquals([...Deno.readDirSync(folder)], []);
  },

  "writeFile() of a stream stops with its signal": async ({ api, folder }) => {
    const controller = new AbortController();
    const endless = ReadableStream.from((async function* () {
      for (let i = 0;; i++) {
        if (i === 10) controller.abort("enough");
        yield new Uint8Array(1000);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })());
    const write = api.writeFile(`${folder}/file`, endless, { signal: controller.signal });
    assertEquals(await write.catch((reason) => reason), "enough");
  },
};
