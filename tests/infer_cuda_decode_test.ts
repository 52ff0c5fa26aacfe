// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { openLibrary } from "../ffi/load.ts";
import { type NativeDevice, newHandle } from "../infer/backend/native_device.ts";
import { checkStatus } from "../infer/backend/native_library.ts";
import { NativeWeights } from "../infer/backend/native_weights.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { openModel } from "../infer/model/open_model.ts";
import { cudaTest, LIBRARY, openCuda } from "./infer_cuda.ts";
import { MODELS } from "./infer_model.ts";

// Steps in a row, decode.h: what is drawn on the device is the next step's token.

const BOUNDS = { tokensMax: 32, sequencesMax: 8, blocksPerSequenceMax: 8, blockTokens: 4 };
const SEQUENCES = 3;
const STEPS = 6;
/** Of blocks of 4: the steps go over an edge. */
const CONTEXT = 6;
/** infer_sampling: temperature, top_k, top_p, min_p; seed, seed, position, 0. */
const SAMPLING_WORDS = 8;

cudaTest("CUDA emulation: steps in a row draw what steps one by one draw", async () => {
  for (const [path, parts] of [["cuda", 1], ["eager", 1], ["cuda", 2]] as const) {
    using model = await openContext(path, parts);
    const alone = model.stepByStep();
    model.prefill();
    assertEquals(model.decode(STEPS), alone);
    // The same graph again.
    model.prefill();
    assertEquals(model.decode(STEPS), alone);
  }
});

cudaTest("CUDA emulation: steps in a row that cannot be are refused", async () => {
  using model = await openContext("cuda");
  for (const steps of [0, 65]) {
    assertThrows(() => model.decode(steps), RangeError, "steps in a row");
  }
  assertThrows(() => model.decode(40), RangeError, "A context of");
});

async function openContext(path: "cuda" | "eager", parts = 1): Promise<Context> {
  const device = openCuda(path, { tensorParallel: parts, communicator: "host" });
  using source = await openModel(`${MODELS}llama-tied-default`);
  const weights = new NativeWeights(device, source.config);
  await weights.load(source, { weights: { groupSize: 64 } });
  return new Context(device, weights, source.config.vocabularySize, source.config.hiddenSize);
}

/** A context by its bare calls. */
class Context implements Disposable {
  readonly #handle: bigint;
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #states: Float32Array<ArrayBuffer>;
  readonly #library = openLibrary([LIBRARY], {
    infer_cuda_decode: {
      parameters: ["u64", "buffer", "usize", "i32", "buffer", "buffer"],
      result: "i32",
    },
  });

  constructor(
    readonly device: NativeDevice,
    readonly weights: NativeWeights,
    readonly vocabularySize: number,
    hiddenSize: number,
  ) {
    const { calls } = device;
    const sizes = [BOUNDS.tokensMax, BOUNDS.sequencesMax, BOUNDS.blocksPerSequenceMax];
    const config = Int32Array.of(...sizes, BOUNDS.blockTokens, 64, 0);
    this.#handle = newHandle((into) => {
      checkStatus(calls, calls.contextCreate(weights.handle, config, into));
    });
    this.#logits = new Float32Array(BOUNDS.tokensMax * vocabularySize);
    this.#states = new Float32Array(BOUNDS.tokensMax * hiddenSize);
  }

  /** Prompts of all sequences; logits of the last tokens. */
  prefill(): void {
    const batch = new StepBatch(BOUNDS);
    for (let i = 0; i < SEQUENCES; i++) {
      const tokens = Array.from({ length: CONTEXT }, (_, at) => 5 + 7 * i + at);
      batch.add({ tokens, computedTokens: 0, blocks: blocksOf(i), logits: "last" });
    }
    this.#run(batch);
  }

  /** All tokens, each step's one after the other. */
  stepByStep(): number[] {
    this.prefill();
    let last = FIRST_TOKENS;
    const all: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      this.#run(decodeBatch(last, CONTEXT + step));
      last = last.map((_, i) => this.#draw(i, step));
      all.push(...last);
    }
    return all;
  }

  decode(steps: number): number[] {
    const { words } = decodeBatch(FIRST_TOKENS, CONTEXT);
    const sampling = new Uint8Array(SEQUENCES * SAMPLING_WORDS * 4);
    for (let i = 0; i < SEQUENCES; i++) sampling.set(samplingOf(i, 0), i * SAMPLING_WORDS * 4);
    const tokens = new Int32Array(SEQUENCES * Math.max(steps, 1));
    const { calls } = this.device;
    const size = BigInt(words.length);
    const bytes = words as Int32Array<ArrayBuffer>;
    const call = this.#library.symbols.infer_cuda_decode;
    checkStatus(calls, call(this.#handle, bytes, size, steps, sampling, tokens));
    checkStatus(calls, calls.wait(this.#handle));
    return [...tokens];
  }

  [Symbol.dispose](): void {
    this.device.calls.contextDestroy(this.#handle);
    this.weights.close();
    this.device.close();
    this.#library.close();
  }

  #run({ words }: StepBatch): void {
    const { calls } = this.device;
    const bytes = words as Int32Array<ArrayBuffer>;
    const size = BigInt(words.length);
    checkStatus(calls, calls.submit(this.#handle, bytes, size, this.#logits, this.#states));
    checkStatus(calls, calls.wait(this.#handle));
  }

  #draw(row: number, step: number): number {
    const { calls, handle } = this.device;
    const token = new Int32Array(1);
    const logits = this.#logits.slice(row * this.vocabularySize, (row + 1) * this.vocabularySize);
    const sampling = samplingOf(row, step);
    checkStatus(calls, calls.opSample(handle, logits, logits.length, sampling, token));
    return token[0]!;
  }
}

const FIRST_TOKENS = Array.from({ length: SEQUENCES }, (_, i) => 40 + i);

function blocksOf(sequence: number): number[] {
  return Array.from({ length: BOUNDS.blocksPerSequenceMax }, (_, i) => 3 * i + sequence);
}

function decodeBatch(tokens: readonly number[], computedTokens: number): StepBatch {
  const batch = new StepBatch(BOUNDS);
  tokens.forEach((token, i) => {
    batch.add({ tokens: [token], computedTokens, blocks: blocksOf(i), logits: "last" });
  });
  return batch;
}

/** The first sequence takes the likeliest token, the others draw. */
function samplingOf(sequence: number, step: number): Uint8Array<ArrayBuffer> {
  const bytes = new ArrayBuffer(SAMPLING_WORDS * 4);
  new Float32Array(bytes).set([sequence, 0, 0.9, 0]);
  new Int32Array(bytes).set([20], 1);
  new Uint32Array(bytes).set([77 + sequence, 1, 100 + step], 4);
  return new Uint8Array(bytes);
}
