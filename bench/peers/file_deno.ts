// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Arguments: the work, and what it takes; see file_work.ts. `--parallel` before them looks at 32
// entries at once in a walk.

import { open as openNode, read } from "node:fs";
import { promisify } from "node:util";
import { type FileSubject, measureFiles } from "./file_work.ts";

const parallel = Deno.args[0] === "--parallel";
const ENTRIES_AT_ONCE = 32;

const deno: FileSubject = {
  async openRandom(path) {
    const fd = await promisify(openNode)(path, "r");
    const readAt = (bytes: Uint8Array, position: number) =>
      new Promise<number>((resolve, reject) => {
        read(fd, bytes, 0, bytes.length, position, (error, count) => {
          if (error) reject(error);
          else resolve(count);
        });
      });
    return { readAt };
  },
  readFile: Deno.readFile,
  walk: parallel ? walkParallel : walkInTurn,
  async readThrough(path, pieceBytes) {
    using file = await Deno.open(path);
    const piece = new Uint8Array(pieceBytes);
    let total = 0;
    for (let count; (count = await file.read(piece)) !== null;) total += count;
    return total;
  },
  async writeThrough(path, isNew, byteLength, piece) {
    using file = await (isNew ? Deno.create(path) : Deno.open(path, { write: true }));
    for (let left = byteLength; left > 0;) {
      left -= await file.write(left < piece.length ? piece.subarray(0, left) : piece);
    }
  },
  copyFile: Deno.copyFile,
};

async function walkInTurn(path: string): Promise<number> {
  let count = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    await Deno.lstat(`${path}/${name}`);
    count++;
    if (isDirectory) count += await walkInTurn(`${path}/${name}`);
  }
  return count;
}

async function walkParallel(root: string): Promise<number> {
  let count = 0;
  for (const folders = [root]; folders.length > 0;) {
    const path = folders.pop()!;
    const entries = await Array.fromAsync(Deno.readDir(path));
    count += entries.length;
    for (const { name, isDirectory } of entries) if (isDirectory) folders.push(`${path}/${name}`);
    const lane = async () => {
      for (let entry; (entry = entries.pop()) !== undefined;) {
        await Deno.lstat(`${path}/${entry.name}`);
      }
    };
    await Promise.all(Array.from({ length: ENTRIES_AT_ONCE }, lane));
  }
  return count;
}

if (import.meta.main) {
  await measureFiles(parallel ? Deno.args.slice(1) : Deno.args, deno);
  Deno.exit();
}
