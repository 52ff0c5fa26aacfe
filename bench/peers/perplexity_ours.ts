// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `perplexity_ours.ts MODEL HELD_OUT DOCUMENTS float32|int8`: a load that measures itself. The rate
// is of the whole, with the model's loading and the tokens' encoding.

import { perplexityOf } from "../../tests/infer_perplexity.ts";

const [directory, heldOut, count, activations] = Deno.args;
console.log("measuring");
const start = performance.now();
const result = await perplexityOf(
  directory!,
  heldOut!,
  Number(count),
  activations as "float32" | "int8",
);
const rate = result.tokens / (performance.now() - start) * 1000;
console.log(JSON.stringify({ ...result, rate }));
