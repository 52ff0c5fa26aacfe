// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { copyFile, open, readFile, walk } from "../fs/mod.ts";
import { median } from "./rounds.ts";
import type { Source } from "./demo_source.ts";

/** One thing that is done with files, by ours and by Deno's own functions. */
interface FileWork {
  readonly name: string;
  readonly unit: string;
  /** Does it once; how many units that were. */
  ours(): Promise<number>;
  /** The same with Deno. */
  deno(): Promise<number>;
}

const SMALL_FILES = 3000;
const IN_FLIGHT = 32;
const RANDOM_READS = 20_000;
const BLOCK_BYTES = 4096;
const MIB = 2 ** 20;

/**
 * Works on real files in turn, ours and Deno: reads at random places and small files, a walk, a
 * copy; the bytes of both are compared.
 *
 * @param source A file of random bytes
 * @param directory Where to make more files
 * @returns A table, rates as medians of the rounds
 */
export async function demoFiles(
  source: Source,
  directory: string,
  rounds: number,
): Promise<string> {
  const folder = makeSmallFiles(`${directory}/small`);
  using ours = await open(source.path);
  using deno = await Deno.open(source.path);
  const works = [
    randomReads(source, (p, position) => ours.readAt(p, position), async (p, position) => {
      // Deno has one cursor only, so its reads take turns.
      await deno.seek(position, Deno.SeekMode.Start);
      return await deno.read(p);
    }),
    smallFiles(folder),
    walks(folder),
    copies(source, directory),
  ];
  const rows = [["files", "unit", "ours", "Deno", "ours / Deno"]];
  for (const work of works) rows.push(await measure(work, rounds));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ")
  ).join("\n");
}

async function measure({ name, unit, ...work }: FileWork, rounds: number): Promise<string[]> {
  const rates = { ours: [] as number[], deno: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const subject of ["ours", "deno"] as const) {
      const start = performance.now();
      const units = await work[subject]();
      // The first round warms up.
      if (round > 0) rates[subject].push(units / (performance.now() - start) * 1000);
    }
  }
  const [ours, deno] = [median(rates.ours), median(rates.deno)];
  return [name, `${unit}/s`, ours.toFixed(0), deno.toFixed(0), (ours / deno).toFixed(2)];
}

type ReadAt = (p: Uint8Array, position: number) => Promise<number | null>;

function randomReads({ bytes }: Source, ours: ReadAt, deno: ReadAt): FileWork {
  const blocks = Math.floor(bytes / BLOCK_BYTES);
  const readWith = (readAt: ReadAt, lanes: number) => async () => {
    let left = RANDOM_READS;
    const lane = async () => {
      const p = new Uint8Array(BLOCK_BYTES);
      while (left-- > 0) {
        const position = Math.floor(Math.random() * blocks) * BLOCK_BYTES;
        if (await readAt(p, position) !== BLOCK_BYTES) throw new Error("a read came short");
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return RANDOM_READS;
  };
  const name = `4 KiB reads at random places, ${IN_FLIGHT} in flight (Deno: 1)`;
  return { name, unit: "reads", ours: readWith(ours, IN_FLIGHT), deno: readWith(deno, 1) };
}

function smallFiles(folder: string): FileWork {
  const readAll = (read: (path: string) => Promise<Uint8Array>) => async () => {
    let next = 0;
    const lane = async () => {
      while (next < SMALL_FILES) {
        const index = next++;
        const bytes = await read(`${folder}/${index}`);
        if (bytes.length !== index) throw new Error(`file ${index} has ${bytes.length} bytes`);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return SMALL_FILES;
  };
  const name = `small files read whole, ${IN_FLIGHT} in flight`;
  return { name, unit: "files", ours: readAll(readFile), deno: readAll(Deno.readFile) };
}

function walks(folder: string): FileWork {
  return {
    name: "entries of a folder looked at",
    unit: "entries",
    async ours() {
      let count = 0;
      for await (const { info } of walk(folder, { stat: true })) if (info !== null) count++;
      return count;
    },
    async deno() {
      let count = 0;
      for await (const { name } of Deno.readDir(folder)) {
        await Deno.lstat(`${folder}/${name}`);
        count++;
      }
      return count;
    },
  };
}

function copies({ path, bytes }: Source, directory: string): FileWork {
  const copyWith = (copy: typeof Deno.copyFile) => async () => {
    const target = `${directory}/copy`;
    await copy(path, target);
    const { size } = Deno.statSync(target);
    if (size !== bytes) throw new Error(`the copy has ${size} bytes`);
    Deno.removeSync(target);
    return bytes / MIB;
  };
  return {
    name: "copy of a file",
    unit: "MiB",
    ours: copyWith(copyFile),
    deno: copyWith(Deno.copyFile),
  };
}

/** Files with 0, 1, 2... bytes, named so. */
function makeSmallFiles(folder: string): string {
  Deno.mkdirSync(folder);
  for (let i = 0; i < SMALL_FILES; i++) Deno.writeFileSync(`${folder}/${i}`, new Uint8Array(i));
  return folder;
}
