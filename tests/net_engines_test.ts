// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { onRing } from "./net_pair.ts";
import { runTestFiles } from "./subprocess.ts";

// The tests of what goes beyond Deno's API, once more on the other engines. The engine is chosen
// once per isolate, so each needs a process of its own.

/** The longest takes a quarter of a minute. */
const RUN_LIMIT_MS = 180_000;

// deno-fmt-ignore
const FILES = [
  "chunks", "conn_options", "conn_signal", "conn", "connect", "exit", "faults", "listen_shared",
  "listener", "moments",
].map((name) => `tests/net_${name}_test.ts`);

Deno.test("connections and listeners hold with PHOTON_ENGINE=deno", async () => {
  await runTestFiles(FILES, { PHOTON_ENGINE: "deno" }, RUN_LIMIT_MS);
});

Deno.test({
  name: "connections and listeners hold with PHOTON_TASK_RUN=cooperative",
  ignore: !onRing || Deno.env.has("PHOTON_TASK_RUN"),
  fn: () => runTestFiles(FILES, { PHOTON_TASK_RUN: "cooperative" }, RUN_LIMIT_MS),
});
