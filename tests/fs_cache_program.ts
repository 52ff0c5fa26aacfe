// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CachedFs } from "../fs/cached_fs.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { readFullAt, writeAllAt } from "../fs/whole_file.ts";
import { BLOCK_BYTES, FILE_BYTES, FILES, QUOTA_BYTES } from "./fs_cache_killing.ts";

// A program that reads and writes files through a cache that is much too small for them, as fast as
// it can, until somebody kills it. Arguments: the folder, and a number to begin the random ones by.

const [folder, seed] = Deno.args as [string, string];
const cached = await CachedFs.open({
  source: new LocalFs(),
  cache: new LocalFs(),
  folder: `${folder}/cache`,
  quotaBytes: QUOTA_BYTES,
  blockBytes: BLOCK_BYTES,
  refillBytesMax: 4 * BLOCK_BYTES,
});
let state = Number(seed);

function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor(state / 2 ** 32 * below);
}

async function work(): Promise<never> {
  const bytes = new Uint8Array(5 * BLOCK_BYTES);
  for (;;) {
    const path = `${folder}/source/${random(FILES)}`;
    using file = await cached.open(path, { read: true, write: true });
    for (let i = random(20); i > 0; i--) {
      await readFullAt(file, bytes.subarray(0, random(bytes.length)), random(FILE_BYTES));
    }
    // Seldom, for what was written just now is not kept.
    if (random(100) > 0) continue;
    bytes.fill(random(256));
    await writeAllAt(file, bytes.subarray(0, random(9_000)), random(FILE_BYTES - 9_000));
  }
}

const working = Array.from({ length: 8 }, work);
await Deno.stdout.write(new Uint8Array([1]));
await Promise.all(working);
