// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import type { RandomAccessFile } from "../fs/file_system.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { readFullAt, writeAllAt, writeWhole } from "../fs/whole_file.ts";
import { FaultyFs } from "./fs_faulty_fs.ts";
import { leakTest } from "./leak.ts";

const BLOCK = 512;
const CELL = 64;
const CELLS = 100;
const FILES = 3;
const QUOTA = 8 * BLOCK + 24_576;

/** What may be read from a cell: no less than the last write that is over, no more than begun. */
interface Cell {
  begun: number;
  over: number;
}

/** A number below a limit, from a seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

// Every read and write of source and cache waits for some turns, so that refills, writes, evictions
// and prefetches come in between each other in ever new ways.
for (let seed = 1; seed <= 6; seed++) {
  leakTest(`CachedFs gives nothing stale while all goes on at once, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    const delay = async () => {
      for (let turns = random(4); turns > 0; turns--) await null;
      if (random(10) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    };
    const source = new FaultyFs(new MemoryFs());
    const cache = new FaultyFs(new MemoryFs());
    const cells: Cell[] = [];
    for (let i = 0; i < FILES * CELLS; i++) cells.push({ begun: 0, over: 0 });
    for (let i = 0; i < FILES; i++) await writeWhole(source, `${i}`, new Uint8Array(CELLS * CELL));
    source.delay = cache.delay = delay;
    const settings = { blockBytes: BLOCK, refillBytesMax: 3 * BLOCK, settleMs: 0 };
    await using cached = await CachedFs.open({
      source,
      cache,
      folder: "cache",
      quotaBytes: QUOTA,
      ...settings,
    });
    const lanes = Array.from(
      { length: 8 },
      (_, lane) =>
        lane === 0
          ? write(cached, cells, random)
          : read(cached, cells, random, delay, seed % 2 === 0),
    );
    await Promise.all(lanes);
    const { hits, evictions } = cached.statistics();
    assert(hits > 100 && evictions > 20, JSON.stringify(cached.statistics()));
  });
}

async function write(
  cached: CachedFs,
  cells: readonly Cell[],
  random: (below: number) => number,
): Promise<void> {
  using kept = new DisposableStack();
  const files: RandomAccessFile[] = [];
  for (let i = 0; i < FILES; i++) {
    files.push(kept.use(await cached.open(`${i}`, { write: true })));
  }
  for (let stamp = 1; stamp <= 150; stamp++) {
    const index = random(cells.length);
    const cell = cells[index]!;
    const file = files[Math.floor(index / CELLS)]!;
    const bytes = new Uint8Array(CELL);
    new DataView(bytes.buffer).setUint32(0, stamp);
    cell.begun = stamp;
    await writeAllAt(file, bytes, index % CELLS * CELL);
    cell.over = stamp;
    // The others read what is cached for a while.
    for (let turns = random(300); turns > 0; turns--) await null;
  }
}

async function read(
  cached: CachedFs,
  cells: readonly Cell[],
  random: (below: number) => number,
  delay: () => Promise<void>,
  keepsOpen: boolean,
): Promise<void> {
  using kept = new DisposableStack();
  const files: RandomAccessFile[] = [];
  // To open a file is to look for changes: what stays open has to be told of them.
  for (let i = 0; i < FILES; i++) files.push(kept.use(await cached.open(`${i}`)));
  for (let i = 0; i < 40; i++) {
    const name = random(FILES);
    if (!keepsOpen && random(20) === 0) await cached.prefetch(`${name}`);
    using own = keepsOpen ? undefined : await cached.open(`${name}`);
    const near = random(CELLS - 10);
    for (let j = random(40); j > 0; j--) {
      const at = near + random(10);
      const cell = cells[name * CELLS + at]!;
      const least = cell.over;
      const bytes = new Uint8Array(CELL);
      await readFullAt(own ?? files[name]!, bytes, at * CELL);
      const stamp = new DataView(bytes.buffer).getUint32(0);
      assert(
        least <= stamp && stamp <= cell.begun,
        `read ${stamp}, where ${least} was over and ${cell.begun} begun`,
      );
      await delay();
    }
  }
}
