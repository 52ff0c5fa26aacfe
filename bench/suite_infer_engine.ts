// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** What an engine costs beside the arithmetic, and what continuous batching gains. */
export const suite: Suite = {
  title: "engine: a step without arithmetic; static and continuous batching",
  // deno-fmt-ignore
  columns: [
    { metric: "step",    head: "step us",      unit: "us",  digits: 0 },
    { metric: "step99",  head: "p99 us",       unit: "us",  digits: 0 },
    { metric: "mean",    head: "mean us",      unit: "us",  digits: 0 },
    { metric: "rate",    head: "tokens/s",     unit: "1/s", digits: 0 },
    { metric: "wait",    head: "wait ms",      unit: "ms",  digits: 0 },
    { metric: "run",     head: "run ms",       unit: "ms",  digits: 0 },
    { metric: "total",   head: "total ms",     unit: "ms",  digits: 0 },
    { metric: "total95", head: "total p95 ms", unit: "ms",  digits: 0 },
  ],
  ratios: [{ metric: "rate", baseline: "static" }],
  prepare,
  values: ({ report }: Outcome) => report,
};

// deno-fmt-ignore
const STEPS = [
  { name: "step, 1 answer, drawn",         sequences: 1,   prompts: 0, way: "drawn"  },
  { name: "step, 64 answers",              sequences: 64,  prompts: 0, way: "logits" },
  { name: "step, 64 answers, drawn",       sequences: 64,  prompts: 0, way: "drawn"  },
  { name: "step, 60 answers, 4 prompts",   sequences: 64,  prompts: 4, way: "logits" },
  { name: "step, 256 answers",             sequences: 256, prompts: 0, way: "logits" },
];

// deno-fmt-ignore
const COMPUTES = [
  { name: "demo model",                  computes: "model"  },
  { name: "device, 2 ms + 10 us/token",  computes: "device" },
];

const SEQUENCES = 16;
const REQUESTS = 768;
const QUICK_REQUESTS = 192;

function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? 1 : 3;
  const requests = quick ? QUICK_REQUESTS : REQUESTS;
  const steps = (quick ? STEPS.slice(0, 4) : STEPS).map(({ name, sequences, prompts, way }) => {
    const numbers = [sequences, prompts, seconds].map(String);
    const peer = denoPeer("infer_step.ts", ...numbers, way);
    return { name, subjects: [{ name: "ours", load: () => peer }] };
  });
  const batching = COMPUTES.map(({ name, computes }) => ({
    name: `${name}: ${requests} requests, ${SEQUENCES} at a time`,
    subjects: ["static", "continuous"].map((way) => {
      const args = [way, computes, String(SEQUENCES), String(requests)];
      return { name: way, everyCpu: true, load: () => denoPeer("infer_batching.ts", ...args) };
    }),
  }));
  const cost =
    "a step: schedule, pack, sample (drawn: on the device), detokenize, write to the caller";
  const device = "the device computes nothing and takes its time: it reads all weights each step";
  const times = "wait: to the first token; run: from there; all requests are there at the start";
  return Promise.resolve({ cases: [...steps, ...batching], notes: [cost, device, times] });
}
