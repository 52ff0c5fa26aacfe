// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Drawing, DrawOutput } from "./drawing.ts";
import { type DrawBatch, DRAWN_BYTES, readDrawn } from "./draw_batch.ts";
import { checkStatus, type NativeCalls } from "./native_library.ts";
import type { StepBatch, StepBounds } from "./step_batch.ts";

/** As draw.h has them. */
const STEPS_MAX = 64;
const DRAWS_MORE_MAX = 128;
const CALLS_MAX = 2;

/** A call that is on its way. */
interface Call {
  readonly steps: number;
  /** Whether each draw wants log probabilities. */
  readonly areTold: readonly boolean[];
}

/** Drawing by the library for GPUs, see `infer/native/cuda/draw.h`. */
export class NativeDrawing implements Drawing {
  readonly stepsMax: number = STEPS_MAX;
  readonly drawsMax: number;
  readonly #calls: NativeCalls;
  readonly #context: bigint;
  readonly #checkOpen: () => void;
  readonly #onWay: Call[] = [];
  #results = new Uint8Array(DRAWN_BYTES);
  readonly #deviceUs = new Float64Array(1);

  /** Draws after the steps of a context; `checkOpen` throws when that is gone. */
  constructor(
    calls: NativeCalls,
    context: bigint,
    { tokensMax }: StepBounds,
    checkOpen: () => void,
  ) {
    this.#calls = calls;
    this.#context = context;
    this.#checkOpen = checkOpen;
    this.drawsMax = tokensMax + DRAWS_MORE_MAX;
  }

  /** See {@linkcode Drawing.submit}; the library checks what it is given. */
  submit(batch: StepBatch, draws: DrawBatch, steps: number): void {
    this.#checkOpen();
    if (this.#onWay.length === CALLS_MAX) {
      throw new Deno.errors.Busy(`Cannot submit a step while ${CALLS_MAX} are on their way`);
    }
    const words = batch.words as Int32Array<ArrayBuffer>;
    const size = BigInt(words.length);
    const { records, lists, count } = draws;
    const status = this.#calls.draw!(this.#context, words, size, steps, records, count, lists);
    checkStatus(this.#calls, status);
    this.#onWay.push({ steps, areTold: draws.settings.map(isTold) });
  }

  /** See {@linkcode Drawing.wait}. */
  wait(): DrawOutput {
    this.#checkOpen();
    const call = this.#onWay.shift();
    if (!call) throw new Deno.errors.BadResource("No step is on its way");
    const count = call.areTold.length;
    const bytes = Math.max(1, call.steps * count) * DRAWN_BYTES;
    if (this.#results.length < bytes) this.#results = new Uint8Array(2 * bytes);
    const status = this.#calls.drawn!(this.#context, this.#results, this.#deviceUs);
    checkStatus(this.#calls, status);
    const view = new DataView(this.#results.buffer);
    return {
      deviceUs: this.#deviceUs[0]!,
      token: (draw, step) => {
        return readDrawn(view, (step * count + draw) * DRAWN_BYTES, call.areTold[draw]!);
      },
    };
  }
}

function isTold({ params }: DrawBatch["settings"][number]): boolean {
  return params.logprobs !== undefined;
}
