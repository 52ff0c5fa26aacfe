// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CachedFs } from "../fs/cached_fs.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { assertLikeModel } from "./fs_random_operations.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

const BLOCK = 1_024;
/** Room for twelve blocks, of files that have up to 72. */
const QUOTA = 12 * BLOCK + 24_576;

leakTest("CachedFs has the same bytes as its model after each of 20 000 operations", async () => {
  await assertLikeModel(async () => {
    const options = {
      source: new MemoryFs(),
      cache: new MemoryFs(),
      folder: "cache",
      quotaBytes: QUOTA,
      blockBytes: BLOCK,
      refillBytesMax: 4 * BLOCK,
      settleMs: 0,
    };
    let system = await CachedFs.open(options);
    return {
      get system() {
        return system;
      },
      path: (name) => name,
      async restart() {
        await system[Symbol.asyncDispose]();
        system = await CachedFs.open(options);
      },
      [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
    };
  }, { runs: 50, operations: 400, byteLengthMax: 24 * BLOCK });
});

leakTest("LocalFs has the same bytes as its model after each of 2 000 operations", async () => {
  await assertLikeModel(async () => {
    const folder = await temporaryFolder();
    return {
      system: new LocalFs(),
      path: folder.path,
      restart: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }, { runs: 4, operations: 500, byteLengthMax: 100_000 });
});

leakTest("MemoryFs has the same bytes as its model after each of 2 000 operations", async () => {
  await assertLikeModel(() => {
    const system = new MemoryFs();
    return Promise.resolve({
      system,
      path: (name) => name,
      restart: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }, { runs: 4, operations: 500, byteLengthMax: 100_000 });
});
