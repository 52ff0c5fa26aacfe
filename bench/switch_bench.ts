// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { switchCases } from "./peers/switch_cases.ts";

// The cases of the suite `switch` under `deno bench`; an iteration is a thousand operations.

const OPERATIONS = 1_000;

for (const [group, loops] of Object.entries(switchCases)) {
  for (const [name, loop] of Object.entries(loops)) {
    Deno.bench({
      name: `${name}, ${OPERATIONS} times`,
      group,
      baseline: name === "await",
      // Of a function that is not `async` the runner awaits nothing.
      fn: async () => await loop(OPERATIONS),
    });
  }
}
