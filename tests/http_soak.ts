// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { compareWithLlhttp, JUSTIFIED } from "./http_differential.ts";

Deno.test("1 000 000 mutated requests are taken and refused as llhttp does", async () => {
  const seed = 20_261_121;
  const differences = await compareWithLlhttp(1_000_000, seed);
  for (const [key, count] of differences) {
    const [, reason] = JUSTIFIED.find(([pattern]) => pattern.test(key))!;
    console.log(`${count} of "${key}": ${reason}`);
  }
});
