// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { Backend, StepOutput } from "../infer/backend/backend.ts";
import type { DrawBatch } from "../infer/backend/draw_batch.ts";
import type { Drawing, DrawOutput } from "../infer/backend/drawing.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { Candidates, likeliest } from "../infer/sampling/candidates.ts";
import type { DrawSettings } from "../infer/sampling/draw_settings.ts";
import { logprobsOf } from "../infer/sampling/log_probabilities.ts";
import { applyEdits } from "../infer/sampling/logit_rules.ts";
import type { SampledToken } from "../infer/sampling/sampler.ts";

/** Logits that leave something to choose, of a model that is sure of one token. */
export class SoftBackend implements Backend {
  readonly config: Backend["config"];
  readonly bounds: Backend["bounds"];
  readonly blockCount: number;
  readonly #inner: Backend;

  /** Over a model. */
  constructor(inner: Backend) {
    this.#inner = inner;
    ({ config: this.config, bounds: this.bounds, blockCount: this.blockCount } = inner);
  }

  submit(batch: StepBatch): void {
    this.#inner.submit(batch);
  }

  wait(): StepOutput {
    const output = this.#inner.wait();
    const { vocabularySize } = this.config;
    for (let row = 0; row < output.rows; row++) {
      const logits = output.logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
      const sure = likeliest(logits);
      for (let id = 0; id < vocabularySize; id++) {
        logits[id] = (Math.imul(sure * 97 + id, 0x9e3779b1) >>> 16) / 2 ** 13;
      }
      logits[sure]! += 1;
    }
    return output;
  }

  copyBlocks(pairs: ArrayLike<number>): void {
    this.#inner.copyBlocks(pairs);
  }

  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A call that is computed only when it is waited for, as late as a device may be. */
interface Call {
  readonly batch: StepBatch;
  readonly draws: readonly { readonly row: number; readonly settings: DrawSettings }[];
  readonly steps: number;
}

/** A backend that chooses tokens itself, as a GPU does. */
export class DrawingBackend extends SoftBackend {
  readonly drawing: Drawing;
  /** Most calls that were on their way together, most steps in a row, and all calls. */
  readonly most = { calls: 0, steps: 0, all: 0 };
  /** The call that fails, counted from 0. */
  failsAt = Infinity;
  readonly #onWay: Call[] = [];
  #last: number[] = [];

  /** Over a model. */
  constructor(inner: Backend) {
    super(inner);
    this.drawing = {
      ...{ stepsMax: 64, drawsMax: 128 },
      submit: (batch, draws, steps) => this.#start(batch, draws, steps),
      wait: () => this.#finish(),
    };
  }

  override submit(batch: StepBatch): void {
    assertEquals(this.#onWay.length, 0, "a step with logits while others are on their way");
    super.submit(batch);
  }

  override copyBlocks(pairs: ArrayLike<number>): void {
    assertEquals(this.#onWay.length, 0, "blocks are copied while steps are on their way");
    super.copyBlocks(pairs);
  }

  #start(batch: StepBatch, draws: DrawBatch, steps: number): void {
    assert(this.#onWay.length < 2, "three steps on their way");
    const copy = new StepBatch(batch.bounds);
    copy.words.set(batch.words);
    const { buffer } = draws.records;
    const rows = Array.from({ length: draws.count }, (_, i) => {
      return new DataView(buffer).getInt32(i * 96 + 88, true);
    });
    if (steps > 1) assertEquals(rows, Array.from({ length: batch.sequenceCount }, (_, i) => i));
    const settings = draws.settings.map((one) => structuredClone(one));
    this.#onWay.push({
      batch: copy,
      draws: rows.map((row, i) => ({ row, settings: settings[i]! })),
      steps,
    });
    this.most.calls = Math.max(this.most.calls, this.#onWay.length);
    this.most.steps = Math.max(this.most.steps, steps);
    this.most.all++;
  }

  #finish(): DrawOutput {
    const { batch, draws, steps } = this.#onWay.shift()!;
    if (this.failsAt-- === 0) throw new Error("Cannot run a step: the device is gone");
    const chosen: (SampledToken | Error)[][] = [];
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < batch.tokenCount; i++) {
        const id = batch.tokenIds[i]!;
        if (id < 0) batch.tokenIds[i] = this.#last[-1 - id]!;
      }
      super.submit(batch);
      const { logits, rows } = super.wait();
      const size = logits.length / Math.max(rows, 1);
      chosen.push(draws.map(({ row, settings }) => {
        const position = settings.position + step;
        return drawFrom(logits.slice(row * size, (row + 1) * size), { ...settings, position });
      }));
      this.#last = chosen[step]!.map((one) => one instanceof Error ? 0 : one.token);
      if (step + 1 === steps) break;
      for (let i = 0; i < batch.tokenCount; i++) {
        batch.tokenIds[i] = this.#last[i]!;
        batch.contextLengths[i]!++;
      }
    }
    return {
      deviceUs: 0,
      token(draw, step) {
        const one = chosen[step]![draw]!;
        if (one instanceof Error) throw one;
        return one;
      },
    };
  }
}

function drawFrom(logits: Float32Array, settings: DrawSettings): SampledToken | Error {
  const { params, temperature, edits, position, answer } = settings;
  const raw = logits.slice();
  applyEdits(logits, edits, params);
  try {
    const token = temperature === 0
      ? likeliest(logits)
      : drawToken(logits, settings).draw(params.seed, position, answer);
    if (params.logprobs === undefined) return { token };
    return { token, ...logprobsOf(raw, token, params.logprobs) };
  } catch (error) {
    return error as Error;
  }
}

function drawToken(logits: Float32Array, { params, temperature }: DrawSettings): Candidates {
  const candidates = new Candidates(logits.length);
  candidates.fill(logits, temperature, params.minP);
  if (params.topK > 0) candidates.keepTopK(params.topK);
  if (params.topP < 1) candidates.keepTopP(params.topP);
  return candidates;
}
