// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { closeDescriptor, openPipe, writeByte } from "../ffi/socket.ts";
import { engineInfo, engineStatistics } from "../io/engine_info.ts";
import { waitFor } from "../io/wait_for.ts";
import { lstat } from "../fs/stat.ts";

const POLL_INTERVAL_MS = 5;

// Loaded before every test file and example (`--preload` in the tasks of `deno.json`): opens what
// the engine opens once and keeps, so that no test is blamed for it by Deno's sanitizers or by
// `leak.ts`.

await warmUp();

/**
 * Libraries, ring and eventfd open at the first use, the wake socket at the first sleep, the table
 * of mounts at the first look at a file.
 */
async function warmUp(): Promise<void> {
  if (engineInfo().engine !== "uring") return;
  await lstat("/");
  const [reader, writer] = openPipe();
  const ready = waitFor(reader, { readable: true });
  while (engineStatistics().sleeps === 0) {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  writeByte(writer, 0);
  await ready;
  closeDescriptor(reader);
  closeDescriptor(writer);
}
