// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import type { FileSystem } from "../fs/file_system.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { readFullAt, readWhole, writeAllAt, writeWhole } from "../fs/whole_file.ts";
import { pattern, testConformance } from "./fs_conformance.ts";
import { FaultyFs } from "./fs_faulty_fs.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

const ABILITIES = { writable: true, directories: true, links: true };
const BLOCK = 4_096;
/** Room for ten blocks. */
const QUOTA = 10 * BLOCK + 24_576;

/** A cache in memory of files in memory, with settings that make much happen soon. */
function openCached(
  source: FileSystem,
  cache: FileSystem,
  quotaBytes = 1 << 20,
): Promise<CachedFs> {
  return CachedFs.open({
    source,
    cache,
    folder: "cache",
    quotaBytes,
    blockBytes: BLOCK,
    refillBytesMax: 4 * BLOCK,
    settleMs: 0,
  });
}

testConformance("CachedFs over MemoryFs", ABILITIES, async () => {
  const system = await openCached(new MemoryFs(), new MemoryFs());
  return {
    system,
    path: (name) => name,
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  };
});

testConformance("CachedFs over LocalFs, too small for it all", ABILITIES, async () => {
  const folder = await temporaryFolder();
  await Deno.mkdir(folder.path("source"));
  const system = await CachedFs.open({
    source: new LocalFs(),
    cache: new LocalFs(),
    folder: folder.path("cache"),
    quotaBytes: QUOTA,
    blockBytes: BLOCK,
  });
  return {
    system,
    path: (name) => folder.path(`source/${name}`),
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

leakTest(
  "CachedFs reads a block from the source once, also for many at the same time",
  async () => {
    const memory = new MemoryFs();
    const content = pattern(10 * BLOCK + 5, 1);
    await writeWhole(memory, "a", content);
    const source = new FaultyFs(memory);
    await using cached = await openCached(source, new MemoryFs());
    using file = await cached.open("a");
    await Promise.all(Array.from({ length: 50 }, async () => {
      const into = new Uint8Array(content.length);
      assertEquals(await readFullAt(file, into, 0), content.length);
      assertEquals(into, content);
    }));
    assertEquals(cached.statistics("a").sourceBytes, content.length);
    assertEquals(source.reads, 3);
    await cached.flush();
    assertEquals(await readWhole(cached, "a"), content);
    assertEquals(source.reads, 4, "only the end of the file was asked for");
    const { hits, cachedBytes } = cached.statistics("a");
    assertEquals({ hits, cachedBytes }, { hits: 11, cachedBytes: content.length });
  },
);

leakTest(
  "CachedFs reads by itself where another that was to read has closed its file",
  async () => {
    const memory = new MemoryFs();
    await writeWhole(memory, "a", pattern(BLOCK, 1));
    const asked = Promise.withResolvers<void>();
    let opened = 0;
    const source = new FaultyFs(memory);
    const open = source.open.bind(source);
    source.open = async (path, options) => {
      const file = await open(path, options);
      if (opened++ > 0) return file;
      const closed = Promise.withResolvers<never>();
      file.readAt = () => (asked.resolve(), closed.promise);
      file.close = () => closed.reject(new Deno.errors.BadResource("closed"));
      return file;
    };
    await using cached = await openCached(source, new MemoryFs());
    const first = await cached.open("a");
    using second = await cached.open("a");
    const failing = assertRejects(
      () => first.readAt(new Uint8Array(9), 0),
      Deno.errors.BadResource,
    );
    await asked.promise;
    const into = new Uint8Array(BLOCK);
    const reading = readFullAt(second, into, 0);
    first.close();
    await failing;
    assertEquals(await reading, BLOCK);
    assertEquals(into, pattern(BLOCK, 1));
  },
);

leakTest("CachedFs evicts what was not used for longest", async () => {
  const source = new MemoryFs();
  await writeWhole(source, "a", pattern(4 * BLOCK, 1));
  await writeWhole(source, "b", pattern(4 * BLOCK, 2));
  await writeWhole(source, "c", pattern(4 * BLOCK, 3));
  await using cached = await openCached(source, new MemoryFs(), QUOTA);
  await cached.prefetch("a");
  await cached.prefetch("b");
  await readWhole(cached, "a");
  await cached.prefetch("c");
  await cached.flush();
  assertEquals(cached.statistics("a").evictions, 0);
  assert(cached.statistics("b").cachedBytes < 4 * BLOCK);
  assertEquals(cached.statistics("c").cachedBytes, 4 * BLOCK);
  assert(cached.statistics().cachedBytes <= 10 * BLOCK);
});

leakTest("CachedFs keeps what it has when it is opened again", async () => {
  const source = new MemoryFs();
  const cache = new MemoryFs();
  const content = pattern(9_000, 1);
  await writeWhole(source, "folder-a", content);
  for (const hits of [0, 3]) {
    await using cached = await openCached(source, cache);
    await readWhole(cached, "folder-a");
    assertEquals(cached.statistics().hits, hits);
  }
});

leakTest("CachedFs does not believe what was changed on its disk", async () => {
  const source = new MemoryFs();
  const cache = new MemoryFs();
  const content = pattern(3 * BLOCK, 1);
  await writeWhole(source, "a", content);
  {
    await using cached = await openCached(source, cache);
    await cached.prefetch("a");
  }
  {
    using data = await cache.open("cache/data", { write: true });
    await writeAllAt(data, new Uint8Array([1, 2, 3]), BLOCK + 17);
  }
  await using cached = await openCached(source, cache);
  assertEquals(await readWhole(cached, "a"), content);
  assertEquals(cached.statistics().hits, 2);
  await cached.flush();
  assertEquals(await readWhole(cached, "a"), content);
  assertEquals(cached.statistics().hits, 4);
});

leakTest("CachedFs sees that a file was changed behind its back", async () => {
  const source = new MemoryFs();
  await writeWhole(source, "a", pattern(BLOCK, 1));
  await using cached = await openCached(source, new MemoryFs());
  await cached.prefetch("a");
  await new Promise((resolve) => setTimeout(resolve, 2));
  await writeWhole(source, "a", pattern(BLOCK, 2));
  assertEquals(await readWhole(cached, "a"), pattern(BLOCK, 2));
  await source.remove("a");
  await assertRejects(() => readWhole(cached, "a"), Deno.errors.NotFound);
});

leakTest("CachedFs does not keep a file that was changed just now", async () => {
  const source = new MemoryFs();
  await writeWhole(source, "a", pattern(BLOCK, 1));
  const options = { source, cache: new MemoryFs(), folder: "c", quotaBytes: 1 << 20 };
  await using cached = await CachedFs.open({ ...options, settleMs: 60_000 });
  await readWhole(cached, "a");
  await cached.prefetch("a");
  assertEquals(cached.statistics().cachedBytes, 0);
});

leakTest("CachedFs drops what it has of a file that is written by another path", async () => {
  const source = new MemoryFs();
  await writeWhole(source, "a", pattern(BLOCK, 1));
  await source.symlink("a", "b");
  await using cached = await openCached(source, new MemoryFs());
  await cached.prefetch("a");
  await cached.prefetch("b");
  using reader = await cached.open("a");
  using writer = await cached.open("b", { write: true });
  await writeAllAt(writer, new Uint8Array([9]), 0);
  const into = new Uint8Array(1);
  await reader.readAt(into, 0);
  assertEquals(into[0], 9);
});

leakTest("CachedFs passes a cache by that cannot be written or read", async () => {
  const source = new MemoryFs();
  const content = pattern(8 * BLOCK, 1);
  await writeWhole(source, "a", content);
  for (const fault of ["write", "read", "rename", "sync"] as const) {
    const cache = new FaultyFs(new MemoryFs());
    const cached = await openCached(source, cache, QUOTA);
    cache.failing = fault;
    for (let i = 0; i < 20; i++) assertEquals(await readWhole(cached, "a"), content, fault);
    {
      using writer = await cached.open("a", { write: true });
      await writeAllAt(writer, content.subarray(0, 5), 0);
    }
    cache.failing = undefined;
    await cached[Symbol.asyncDispose]();
    await using again = await openCached(source, cache, QUOTA);
    assertEquals(await readWhole(again, "a"), content, fault);
  }
});

leakTest("CachedFs.open() refuses a quota that has no room, and a folder in use", async () => {
  const options = { source: new MemoryFs(), cache: new MemoryFs(), folder: "c" };
  await assertRejects(() => CachedFs.open({ ...options, quotaBytes: 100_000 }), RangeError);
  await assertRejects(
    () => CachedFs.open({ ...options, quotaBytes: 1e6, blockBytes: 1 }),
    RangeError,
  );
  await assertRejects(
    () => CachedFs.open({ ...options, quotaBytes: 1e6, lowWatermark: 1, highWatermark: 0.5 }),
    RangeError,
  );
  await using folder = await temporaryFolder();
  const local = { ...options, cache: new LocalFs(), folder: folder.path("c"), quotaBytes: 1e6 };
  await using _cached = await CachedFs.open(local);
  await assertRejects(() => CachedFs.open(local), Deno.errors.Busy);
});

leakTest("CachedFs keeps a smaller quota from the moment on at which it is opened", async () => {
  const source = new MemoryFs();
  const cache = new MemoryFs();
  // Long paths make a long journal.
  const path = (i: number) => `${"long".repeat(50)} ${i}`;
  for (let i = 0; i < 300; i++) await writeWhole(source, path(i), pattern(BLOCK, i));
  {
    await using large = await openCached(source, cache, 4 << 20);
    for (let i = 0; i < 300; i++) await large.prefetch(path(i));
    assert(large.statistics().cachedBytes > 200 * BLOCK);
  }
  await using small = await openCached(source, cache, QUOTA);
  let bytes = 0;
  for await (const { name } of cache.readDir("cache")) {
    bytes += (await cache.stat(`cache/${name}`)).size;
  }
  assert(bytes <= QUOTA, `${bytes} bytes`);
  for (let i = 0; i < 300; i++) assertEquals(await readWhole(small, path(i)), pattern(BLOCK, i));
});

leakTest("CachedFs begins anew when the blocks are of another size", async () => {
  const source = new MemoryFs();
  const cache = new MemoryFs();
  await writeWhole(source, "a", pattern(20_000, 1));
  for (const blockBytes of [4_096, 8_192, 4_096]) {
    await using cached = await CachedFs.open({
      source,
      cache,
      folder: "c",
      quotaBytes: 1 << 20,
      blockBytes,
      settleMs: 0,
    });
    assertEquals(await readWhole(cached, "a"), pattern(20_000, 1));
    assertEquals(cached.statistics().hits, 0);
  }
});
