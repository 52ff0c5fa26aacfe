// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";
import { notSupported } from "./portable.ts";

/**
 * Reads a file at an offset with Deno's own API. Only `node:fs` tells descriptors, and it knows
 * only those that it opened itself.
 *
 * @param position Where to begin, in bytes
 * @returns How many bytes; 0 at the end of the file
 * @throws {Deno.errors.NotSupported} when `node:fs` did not open the file
 */
export function denoReadAt(fd: number, position: number, bytes: Uint8Array): Promise<number> {
  const { read } = process.getBuiltinModule("node:fs");
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, bytes.length, position, (error, count) => {
      if (!error) resolve(count);
      else reject(error.code === "EBADF" ? notSupported("sendFile") : error);
    });
  });
}
