// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `infer_batching.ts static|continuous model|device SEQUENCES REQUESTS`: answers that many requests
// which are all there at the start, so many at a time: the next group when the last of one has
// ended, or the next request when one has ended. By the demo model, or by `infer_device.ts`.

import { Engine } from "../../infer/engine/engine.ts";
import { type LoadRequest, type LoadResult, makeLoad, sendInBatches } from "../infer_load.ts";
import { sendLoad } from "../infer_load.ts";
import { demoModel } from "../infer_model.ts";
import { percentile } from "./percentile.ts";

const [way, computes] = Deno.args;
const [sequences, count] = Deno.args.slice(2).map(Number) as [number, number];
const load = makeLoad(
  {
    ...{ seed: 11, count, rate: Infinity, windowMs: 1 },
    ...{ promptTokens: [4, 60], answerTokens: [4, 120], priorities: 1 },
    ...{ aborts: 0, abortAfterMs: 0 },
  } as const,
);

await using engine = await Engine.load(demoModel().path, {
  ...{ sequencesMax: sequences, tokensMax: 64 + sequences },
  ...computes === "device" ? { backend: new URL("infer_device.ts", import.meta.url) } : {},
  // Two orders of the same requests would find other things in it.
  prefixCache: false,
});
// All of them once, so that what is measured is compiled.
await send(load);
console.log("measuring");
const start = performance.now();
const results = await send(load);
const seconds = (performance.now() - start) / 1000;
const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
console.log(JSON.stringify({
  rate: tokens / seconds,
  wait: mean(results, ({ waitMs }) => waitMs),
  run: mean(results, ({ totalMs, waitMs }) => totalMs - waitMs),
  total: mean(results, ({ totalMs }) => totalMs),
  total95: percentile(results.map(({ totalMs }) => totalMs).sort((a, b) => a - b), 0.95),
}));

function send(load: readonly LoadRequest[]): Promise<LoadResult[]> {
  return way === "static" ? sendInBatches(engine, load, sequences) : sendLoad(engine, load);
}

function mean(results: readonly LoadResult[], of: (result: LoadResult) => number): number {
  return results.reduce((sum, result) => sum + of(result), 0) / results.length;
}
