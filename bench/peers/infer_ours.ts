// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Measures our native backend: infer_ours.ts MODEL.gguf [THREADS]. Prints "listening PORT", then
// answers cases over HTTP, see infer_case.json in bench/infer_cases.ts.

import { nativeLibrary } from "../../infer/backend/native_library.ts";
import { NativeBackend } from "../../infer/backend/native_backend.ts";
import { StepBatch } from "../../infer/backend/step_batch.ts";
import { openModel } from "../../infer/model/open_model.ts";
import {
  BATCHES,
  CONTEXT_TOKENS,
  type InferAnswer,
  type InferCase,
  PREFILL_TOKENS_MAX,
  PROMPT_TOKENS,
  promptTokens,
} from "../infer_cases.ts";

const BLOCK_TOKENS = 16;
const SEQUENCES_MAX = Math.max(...BATCHES);
const BLOCKS_EACH = CONTEXT_TOKENS / BLOCK_TOKENS;

const bounds = {
  tokensMax: PREFILL_TOKENS_MAX,
  sequencesMax: SEQUENCES_MAX,
  blocksPerSequenceMax: BLOCKS_EACH,
  blockTokens: BLOCK_TOKENS,
};

interface Sequence {
  readonly blocks: readonly number[];
  computedTokens: number;
  next: number;
}

/** Greedy, as the other subjects: the library draws with a temperature of 0. */
const greedy = new Uint8Array(32);

class Measurement {
  readonly #backend: NativeBackend;
  readonly #batch = new StepBatch(bounds);
  readonly #sequences: Sequence[];

  constructor(backend: NativeBackend) {
    this.#backend = backend;
    this.#sequences = Array.from({ length: SEQUENCES_MAX }, (_, i) => ({
      blocks: Array.from({ length: BLOCKS_EACH }, (_, block) => i * BLOCKS_EACH + block),
      computedTokens: 0,
      next: 0,
    }));
  }

  async run(one: InferCase): Promise<InferAnswer> {
    return one.kind === "prefill"
      ? await this.#prefill(one.tokens, one.repeats)
      : await this.#decode(one.batch, one.steps);
  }

  async #prefill(count: number, repeats: number): Promise<InferAnswer> {
    const blocks = this.#sequences[0]!.blocks;
    const timer = new TimerLateness();
    const begin = performance.now();
    for (let i = 0; i < repeats; i++) {
      this.#batch.clear();
      const tokens = promptTokens(count, i);
      this.#batch.add({ tokens, computedTokens: 0, blocks, logits: "last" });
      await this.#step();
    }
    const seconds = secondsSince(begin);
    return { tokens: count * repeats, steps: repeats, seconds, timerP99Ms: timer.stop() };
  }

  async #decode(batch: number, steps: number): Promise<InferAnswer> {
    const sequences = this.#sequences.slice(0, batch);
    for (const [i, sequence] of sequences.entries()) {
      this.#batch.clear();
      const tokens = promptTokens(PROMPT_TOKENS, i);
      this.#batch.add({ tokens, computedTokens: 0, blocks: sequence.blocks, logits: "last" });
      await this.#step();
      sequence.computedTokens = PROMPT_TOKENS;
      sequence.next = 10 + i;
    }
    const begin = performance.now();
    for (let i = 0; i < steps; i++) await this.#decodeStep(sequences);
    return { tokens: batch * steps, steps, seconds: secondsSince(begin) };
  }

  async #decodeStep(sequences: readonly Sequence[]): Promise<void> {
    this.#batch.clear();
    for (const { next, computedTokens, blocks } of sequences) {
      this.#batch.add({ tokens: [next], computedTokens, blocks, logits: "last" });
    }
    const logits = await this.#step();
    const size = this.#backend.config.vocabularySize;
    const token = new Int32Array(1);
    for (const [i, sequence] of sequences.entries()) {
      const row = logits.subarray(i * size, (i + 1) * size);
      nativeLibrary().opSample(0n, row, size, greedy, token);
      sequence.next = token[0]!;
      sequence.computedTokens++;
    }
  }

  async #step(): Promise<Float32Array<ArrayBuffer>> {
    this.#backend.submit(this.#batch);
    await this.#backend.done();
    return this.#backend.wait().logits as Float32Array<ArrayBuffer>;
  }
}

/** How late a timer of 1 ms comes, again and again: what the threads leave to the event loop. */
class TimerLateness {
  readonly #late: number[] = [];
  #isStopped = false;

  constructor() {
    this.#again();
  }

  /** The 99th percentile in milliseconds. */
  stop(): number {
    this.#isStopped = true;
    return this.#late.toSorted((a, b) => a - b)[Math.floor(this.#late.length * 0.99)] ?? 0;
  }

  #again(): void {
    const due = performance.now() + 1;
    setTimeout(() => {
      this.#late.push(performance.now() - due);
      if (!this.#isStopped) this.#again();
    }, 1);
  }
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1_000;
}

const [path, threads = "2"] = Deno.args;
const source = await openModel(path!);
const backend = await NativeBackend.load(source, {
  bounds,
  blockCount: SEQUENCES_MAX * BLOCKS_EACH,
  threads: Number(threads),
});
const measurement = new Measurement(backend);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening ${port} ${JSON.stringify(backend.device)}`),
}, async (request) => Response.json(await measurement.run(await request.json())));
