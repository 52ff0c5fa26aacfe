// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { onRing } from "./net_pair.ts";
import { runTestFiles } from "./subprocess.ts";

// The tests of what goes beyond Deno's API, once more on the portable engine, which is chosen once
// per isolate.

/** A run takes a quarter of a minute. */
const RUN_LIMIT_MS = 120_000;

Deno.test({
  name: "files hold with PHOTON_ENGINE=deno",
  ignore: !onRing,
  fn: () => {
    const names = ["file", "tree", "faults", "large_write"];
    const files = names.map((name) => `tests/fs_${name}_test.ts`);
    return runTestFiles(files, { PHOTON_ENGINE: "deno" }, RUN_LIMIT_MS);
  },
});
