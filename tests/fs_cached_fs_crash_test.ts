// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import type { FileSystem } from "../fs/file_system.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { readWhole, writeAllAt, writeWhole } from "../fs/whole_file.ts";
import { pattern } from "./fs_conformance.ts";
import { DyingFs } from "./fs_dying_fs.ts";
import { leakTest } from "./leak.ts";

const BLOCK = 1_024;
const QUOTA = 6 * BLOCK + 24_576;
const NAMES = ["a", "b", "c"];

// The disk of the cache stops to take anything at every step of a history in turn, in the middle of
// a write as well; what is read afterwards has to be what the source has.
leakTest("CachedFs gives no wrong byte, whichever write to its disk was the last", async () => {
  const steps = await countSteps();
  assert(steps > 100, `${steps}`);
  for (let step = 0; step <= steps; step++) {
    const source = new MemoryFs();
    const disk = new MemoryFs();
    await live(source, new DyingFs(disk, step));
    await verify(source, disk, step);
    // And once more, with what that run has made of it.
    await verify(source, disk, step);
  }
});

async function countSteps(): Promise<number> {
  const counting = new DyingFs(new MemoryFs(), Infinity);
  await live(new MemoryFs(), counting);
  return counting.steps;
}

/** A history with refills, evictions, writes, renames and a restart. */
async function live(source: MemoryFs, cache: FileSystem): Promise<void> {
  for (const [i, name] of NAMES.entries()) await writeWhole(source, name, pattern(4 * BLOCK, i));
  for (let run = 0; run < 2; run++) {
    let cached: CachedFs;
    try {
      cached = await open(source, cache);
    } catch {
      return;
    }
    for (const name of NAMES) await readWhole(cached, name);
    {
      using file = await cached.open("b", { write: true });
      // Where nothing can be written down any more, the write is refused.
      await writeAllAt(file, pattern(100, run + 7), BLOCK).catch(() => {});
    }
    await readWhole(cached, "b");
    await cached.rename("a", "d").catch(() => {});
    await cached.rename("c", "a").catch(() => {});
    await cached.rename("d", "c").catch(() => {});
    for (const name of ["c", "b", "a"]) await readWhole(cached, name).catch(() => {});
    await cached[Symbol.asyncDispose]().catch(() => {});
  }
}

async function verify(source: MemoryFs, disk: MemoryFs, step: number): Promise<void> {
  await using cached = await open(source, disk);
  for (let round = 0; round < 2; round++) {
    for await (const { name } of source.readDir("/")) {
      const expected = await readWhole(source, name);
      assertEquals(await readWhole(cached, name), expected, `${name}, dead at step ${step}`);
    }
  }
  await cached.flush();
  let bytes = 0;
  for await (const { name } of disk.readDir("cache")) {
    bytes += (await disk.stat(`cache/${name}`)).size;
  }
  assert(bytes <= QUOTA + BLOCK, `${bytes} bytes, dead at step ${step}`);
}

function open(source: FileSystem, cache: FileSystem): Promise<CachedFs> {
  const settings = { blockBytes: BLOCK, refillBytesMax: 2 * BLOCK, settleMs: 0 };
  return CachedFs.open({ source, cache, folder: "cache", quotaBytes: QUOTA, ...settings });
}
