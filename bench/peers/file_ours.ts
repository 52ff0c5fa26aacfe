// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Arguments: the work, and what it takes; see file_work.ts.

import { alignedBytes, copyFile, create, open, readFile, walk } from "../../fs/mod.ts";
import { type FileSubject, measureFiles } from "./file_work.ts";

const ours: FileSubject = {
  openRandom: (path) => open(path),
  readFile,
  async walk(path) {
    let count = 0;
    for await (const { info } of walk(path, { stat: true })) if (info !== null) count++;
    return count;
  },
  async readThrough(path, pieceBytes) {
    using file = await open(path);
    const piece = alignedBytes(pieceBytes);
    let total = 0;
    for (let count; (count = await file.read(piece)) !== null;) total += count;
    return total;
  },
  async writeThrough(path, isNew, byteLength, piece) {
    using file = await (isNew ? create(path) : open(path, { write: true }));
    for (let left = byteLength; left > 0;) {
      left -= await file.write(left < piece.length ? piece.subarray(0, left) : piece);
    }
  },
  copyFile,
};

if (import.meta.main) {
  await measureFiles(Deno.args, ours);
  Deno.exit();
}
