// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";

const MODULE = new URL("../io/passing_buffers.ts", import.meta.url).href;
/** So many that what survives each collection would add up. */
const MEBIBYTES = 4096;
/** A full collection comes first when they are rarer than 32 (V8 15.0, with a heap of 10 MiB). */
const YOUNG_EVERY_MEBIBYTES = 16;

const PROGRAM = `
  import { notePassing } from ${JSON.stringify(MODULE)};
  const bytes = new Uint8Array(1 << 20);
  let latest;
  for (let count = 0; count < ${MEBIBYTES}; count++) {
    latest = new Uint8Array(bytes);
    notePassing(latest.length);
  }
`;

Deno.test("notePassing() has young collections come before full ones", async () => {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--v8-flags=--trace-gc", PROGRAM],
    stderr: "inherit",
  }).output();
  assert(success);
  const collections = new TextDecoder().decode(stdout).split("Scavenge").length - 1;
  // Without it they are 64 MiB apart.
  assert(collections >= MEBIBYTES / YOUNG_EVERY_MEBIBYTES, `Only ${collections}`);
});
