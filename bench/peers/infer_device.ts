// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A backend for engines that computes nothing and takes the time of a device which reads all of its
// weights in every step, however many sequences there are.

import type { Backend, StepOutput } from "../../infer/backend/backend.ts";
import type { StepBatch, StepBounds } from "../../infer/backend/step_batch.ts";
import type { BackendPlan } from "../../infer/engine/engine_plan.ts";
import type { ModelConfig } from "../../infer/model/model_config.ts";
import type { ModelSource } from "../../infer/model/model_source.ts";

/** To read the weights. */
const STEP_MS = 2;
/** To multiply with them. */
const TOKEN_MS = 0.01;

class Device implements Backend {
  readonly config: ModelConfig;
  readonly bounds: StepBounds;
  readonly blockCount: number;
  readonly #logits: Float32Array;
  readonly #states: Float32Array;
  readonly #never = new Int32Array(new SharedArrayBuffer(4));
  #rows = 0;

  constructor(config: ModelConfig, bounds: StepBounds, blockCount: number) {
    this.config = config;
    this.bounds = bounds;
    this.blockCount = blockCount;
    this.#logits = new Float32Array(bounds.tokensMax * config.vocabularySize);
    this.#states = new Float32Array(bounds.tokensMax * config.hiddenSize);
  }

  submit(batch: StepBatch): void {
    this.#rows = batch.logitCount;
    Atomics.wait(this.#never, 0, 0, STEP_MS + TOKEN_MS * batch.tokenCount);
  }

  wait(): StepOutput {
    const rows = this.#rows;
    const { vocabularySize, hiddenSize } = this.config;
    const logits = this.#logits.subarray(0, rows * vocabularySize);
    return { rows, logits, states: this.#states.subarray(0, rows * hiddenSize) };
  }

  copyBlocks(): void {}

  close(): void {}

  [Symbol.dispose](): void {}
}

/** See `EngineOptions.backend`. */
export function openBackend({ config }: ModelSource, { stepBounds, bounds }: BackendPlan): Backend {
  return new Device(config, stepBounds, bounds.blockCount);
}
