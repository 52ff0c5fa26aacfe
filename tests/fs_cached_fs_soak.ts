// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { killPrograms } from "./fs_cache_killing.ts";
import { assertLikeModel } from "./fs_random_operations.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

leakTest("CachedFs survives 50 kills in the middle of refills and evictions", async () => {
  const blocks = await killPrograms(50);
  console.log(`${blocks} blocks were left to be believed`);
  assert(blocks > 0);
});

leakTest("CachedFs on a disk is like its model after each of 20 000 operations", async () => {
  await assertLikeModel(async () => {
    const folder = await temporaryFolder();
    await Deno.mkdir(folder.path("source"));
    const options = {
      source: new LocalFs(),
      cache: new LocalFs(),
      folder: folder.path("cache"),
      quotaBytes: 12 * 4_096 + 24_576,
      blockBytes: 4_096,
      refillBytesMax: 16_384,
      // Nobody else changes the files, and of its own changes it knows.
      settleMs: 0,
    };
    let system = await CachedFs.open(options);
    return {
      get system() {
        return system;
      },
      path: (name) => folder.path(`source/${name}`),
      async restart() {
        await system[Symbol.asyncDispose]();
        system = await CachedFs.open(options);
      },
      async [Symbol.asyncDispose]() {
        await system[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  }, { runs: 50, operations: 400, byteLengthMax: 100_000 });
});
