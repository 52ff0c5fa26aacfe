// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { stored, type StoredResponse } from "../http/cache_policy.ts";
import { FsResponseStore } from "../http/fs_response_store.ts";
import { MemoryResponseStore, type ResponseStore } from "../http/response_store.ts";
import { leakTest } from "./leak.ts";

/** Both stores, each with so many bytes. */
type MakeStore = (folder: string, bytesMax: number) => ResponseStore & { bytes: number };
const STORES: Record<string, MakeStore> = {
  MemoryResponseStore: (_, bytesMax) => new MemoryResponseStore({ bytesMax }),
  FsResponseStore: (folder, bytesMax) => new FsResponseStore(`${folder}/cache`, { bytesMax }),
};

/** A test with a folder that is removed. */
function storeTest(name: string, body: (folder: string) => Promise<void>) {
  leakTest(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await body(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A response of a URL. */
function entry(headers: Record<string, string>, byteLength: number): StoredResponse {
  const request = new Request("http://localhost/a");
  return stored(request, new Response("", { headers }), new Uint8Array(byteLength), 0, 0);
}

for (const [name, make] of Object.entries(STORES)) {
  storeTest(`${name} gives back what it was given, all variants of it`, async (folder) => {
    const store = make(folder, 100_000);
    const body = new Uint8Array([0, 10, 13, 255]);
    const first = { ...entry({ etag: '"ä"' }, 0), body, vary: [["accept", null]] as const };
    const second = entry({ a: "b" }, 0);
    await store.set("key", [first, second]);
    assertEquals(await store.get("key"), [first, second]);
    await store.set("key", [second]);
    assertEquals(await store.get("key"), [second]);
    await store.delete("key");
    assertEquals([await store.get("key"), store.bytes], [[], 0]);
    await store.set("key", [first]);
    await store.clear();
    assertEquals([await store.get("key"), store.bytes], [[], 0]);
  });

  storeTest(`${name} keeps to its bound, and what was used last`, async (folder) => {
    const store = make(folder, 10_000);
    const response = entry({}, 2000);
    for (let i = 0; i < 20; i++) {
      await store.set(`${i}`, [response]);
      await store.get("0");
      assert(store.bytes <= 10_000);
    }
    const there = await Promise.all(Array.from({ length: 20 }, (_, i) => store.get(`${i}`)));
    const kept = there.flatMap((responses, i) => responses.length > 0 ? [i] : []);
    assertEquals([kept[0], kept.at(-1)], [0, 19]);
    assert(kept.length >= 3 && kept.length < 6);
    await store.set("19", [{ ...response, body: new Uint8Array(20_000) }]);
    assertEquals(await store.get("19"), []);
  });
}

leakTest(
  "FsResponseStore finds what an earlier one has kept, and nothing that is torn",
  async () => {
    const folder = await Deno.makeTempDir();
    const response = entry({}, 100);
    const earlier = new FsResponseStore(folder);
    for (const key of ["a", "b", "c"]) await earlier.set(key, [response]);
    const [file] = [...Deno.readDirSync(folder)].map(({ name }) => name);
    await Deno.writeTextFile(`${folder}/foreign.txt`, "not ours");
    const orphan = `${folder}/.${file!.slice(0, 50)}.${crypto.randomUUID()}`;
    await Deno.writeTextFile(orphan, "half");
    await Deno.utime(orphan, 0, 0);
    const store = new FsResponseStore(folder);
    assertEquals(await store.get("a"), [response]);
    assertEquals(store.bytes, earlier.bytes);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assertEquals([names.length, names.includes("foreign.txt")], [4, true]);
    await Deno.truncate(`${folder}/${file}`, 250);
    const found = await Promise.all(["a", "b", "c"].map((key) => store.get(key)));
    assertEquals(found.filter((responses) => responses.length > 0).length, 2);
    const small = new FsResponseStore(folder, { bytesMax: 1 });
    await small.set("a", [response]);
    assertEquals(await small.get("a"), []);
    await Deno.remove(folder, { recursive: true });
  },
);
