// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Writes all of some bytes at a place of a file. */
export function writeAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}
