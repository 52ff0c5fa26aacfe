// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { killPrograms } from "./fs_cache_killing.ts";
import { leakTest } from "./leak.ts";

leakTest("CachedFs survives 6 kills in the middle of refills and evictions", async () => {
  assert(await killPrograms(6) > 0);
});
