// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Runs in Bun. Arguments: the work, and what it takes; see file_work.ts.

import { open, read } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import { measureFiles } from "./file_work.ts";

await measureFiles(process.argv.slice(2), {
  async openRandom(path) {
    const fd = await promisify(open)(path, "r");
    const readAt = (bytes: Uint8Array, position: number) =>
      new Promise<number>((resolve, reject) => {
        read(fd, bytes, 0, bytes.length, position, (error, count) => {
          if (error) reject(error);
          else resolve(count);
        });
      });
    return { readAt };
  },
});
process.exit();
