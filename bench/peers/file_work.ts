// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import process from "node:process";

/** What a subject can do with files; what it cannot is left out. */
export interface FileSubject {
  /** Opens a file for random reads. */
  openRandom?(path: string): Promise<RandomReader>;
  /** Reads a whole file. */
  readFile?(path: string): Promise<Uint8Array>;
  /** Looks at everything below a folder, and says how many entries that were. */
  walk?(path: string): Promise<number>;
  /** Reads a file from beginning to end in pieces; the bytes. */
  readThrough?(path: string, pieceBytes: number): Promise<number>;
  /** Writes a file in pieces: a new one, or over one that is there. */
  writeThrough?(path: string, isNew: boolean, byteLength: number, piece: Uint8Array): Promise<void>;
  /** Copies a file. */
  copyFile?(from: string, to: string): Promise<void>;
}

/** An open file. */
export interface RandomReader {
  /** Fills the buffer from a position. */
  readAt(bytes: Uint8Array, position: number): Promise<number | null>;
}

/**
 * Prints `measuring`, does the work that the arguments name, and prints what it came to. Of work
 * that tells its own time the fastest step counts: a host that has to find memory for the page
 * cache of a new file makes one step in three slower, by up to ten times, whoever does it.
 */
export async function measureFiles(args: string[], subject: FileSubject): Promise<void> {
  const [work, ...rest] = args;
  const measure = WORKS[work!];
  if (measure === undefined) throw new TypeError(`Cannot measure "${work}"`);
  const step = await measure(subject, rest);
  // One that is not counted warms up compiler and page cache.
  await step();
  console.log("measuring");
  const cpu = process.cpuUsage();
  const start = performance.now();
  let [steps, operations, bytes, fastest] = [0, 0, 0, Infinity];
  do {
    const done = await step();
    steps++;
    operations += done.operations;
    bytes += done.bytes;
    if (done.seconds !== undefined) fastest = Math.min(fastest, done.seconds);
  } while (performance.now() - start < WINDOW_MS || fastest < Infinity && steps < TIMED_STEPS_MIN);
  const seconds = fastest < Infinity ? fastest * steps : (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ operations, bytes, seconds, cpuUs: user + system }));
}

const WINDOW_MS = 1000;
/** Steps of which the fastest is taken, also of a tool: see file_tool.ts. */
export const TIMED_STEPS_MIN = 7;
const BLOCK_BYTES = 4096;
const READS_PER_STEP = 200_000;

interface Done {
  operations: number;
  bytes: number;
  /** What it took, where that leaves out what made the step ready. */
  seconds?: number;
}

type Step = () => Promise<Done>;

const WORKS: Record<string, (subject: FileSubject, args: string[]) => Promise<Step>> = {
  async random(subject, [path, size, inFlight]) {
    const file = await subject.openRandom!(path!);
    const blocks = Number(size) / BLOCK_BYTES;
    return async () => {
      let left = READS_PER_STEP;
      const lane = async () => {
        const bytes = new Uint8Array(BLOCK_BYTES);
        while (left-- > 0) {
          const position = Math.floor(Math.random() * blocks) * BLOCK_BYTES;
          if (await file.readAt(bytes, position) !== BLOCK_BYTES) throw new Error("short read");
        }
      };
      await Promise.all(Array.from({ length: Number(inFlight) }, lane));
      return { operations: READS_PER_STEP, bytes: READS_PER_STEP * BLOCK_BYTES };
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async small(subject, [folder, count, inFlight]) {
    return async () => {
      let next = 0;
      let bytes = 0;
      const lane = async () => {
        while (next < Number(count)) {
          const { length } = await subject.readFile!(`${folder}/${next++}`);
          bytes += length;
        }
      };
      await Promise.all(Array.from({ length: Number(inFlight) }, lane));
      return { operations: Number(count), bytes };
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async walk(subject, [folder]) {
    return async () => ({ operations: await subject.walk!(folder!), bytes: 0 });
  },

  // deno-lint-ignore require-await -- the others wait
  async read(subject, [path, piece]) {
    return async () => {
      const start = performance.now();
      const bytes = await subject.readThrough!(path!, Number(piece));
      return { operations: 1, bytes, seconds: (performance.now() - start) / 1000 };
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async write(subject, [path, kind, size, pieceBytes]) {
    const isNew = kind === "new";
    const piece = new Uint8Array(Number(pieceBytes));
    return async () => {
      if (isNew) await remove(path!);
      return await timed(() => subject.writeThrough!(path!, isNew, Number(size), piece), size!);
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async copy(subject, [from, to, size]) {
    return async () => {
      await remove(to!);
      return await timed(() => subject.copyFile!(from!, to!), size!);
    };
  },
};

async function timed(work: () => Promise<void>, size: string): Promise<Done> {
  const start = performance.now();
  await work();
  return { operations: 1, bytes: Number(size), seconds: (performance.now() - start) / 1000 };
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
}
