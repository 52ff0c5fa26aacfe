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
  /** Writes a file in pieces. */
  writeThrough?(path: string, byteLength: number, pieceBytes: number): Promise<void>;
  /** Copies a file. */
  copyFile?(from: string, to: string): Promise<void>;
}

/** An open file. */
export interface RandomReader {
  /** Fills the buffer from a position. */
  readAt(bytes: Uint8Array, position: number): Promise<number | null>;
}

/** Prints `measuring`, does the work that the arguments name, and prints what it came to. */
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
  let [operations, bytes] = [0, 0];
  do {
    const done = await step();
    operations += done.operations;
    bytes += done.bytes;
  } while (performance.now() - start < WINDOW_MS);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ operations, bytes, seconds, cpuUs: user + system }));
}

const WINDOW_MS = 1000;
const BLOCK_BYTES = 4096;
const READS_PER_STEP = 200_000;

interface Done {
  operations: number;
  bytes: number;
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
      return { operations: 1, bytes: await subject.readThrough!(path!, Number(piece)) };
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async write(subject, [path, size, piece]) {
    return async () => {
      await subject.writeThrough!(path!, Number(size), Number(piece));
      return { operations: 1, bytes: Number(size) };
    };
  },

  // deno-lint-ignore require-await -- the others wait
  async copy(subject, [from, to, size]) {
    return async () => {
      await subject.copyFile!(from!, to!);
      return { operations: 1, bytes: Number(size) };
    };
  },
};
