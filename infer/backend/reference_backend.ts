// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Matrix, readRow } from "../model/matrix.ts";
import type { ModelConfig } from "../model/model_config.ts";
import type { LayerWeights, Linear, ModelWeights } from "../model/model_weights.ts";
import { type RopeTable, ropeTable } from "../model/rope.ts";
import type { Backend, KvType, StepOutput } from "./backend.ts";
import { KvBlocks } from "./kv_blocks.ts";
import {
  addBias,
  attend,
  multiply,
  multiplyInt8,
  rmsNorm,
  rotate,
  swiglu,
} from "./reference_operators.ts";
import { checkStep } from "./step_check.ts";
import type { StepBatch, StepBounds } from "./step_batch.ts";

/** Options of {@linkcode ReferenceBackend}. */
export interface ReferenceBackendOptions {
  /** Blocks of keys and values. */
  readonly blockCount: number;
  /** How large a step can be. */
  readonly bounds: StepBounds;
  /**
   * What INT8 matrices are multiplied with: the numbers as they are, or rounded to INT8 in groups
   * as well, as the native libraries do.
   *
   * @default {"float32"}
   */
  readonly activations?: "float32" | "int8";
  /**
   * Told the residual stream of all tokens of a step: after the embedding (0), and after each layer
   * (1 and on). For finding where two backends part.
   */
  readonly onLayer?: (layer: number, states: Float32Array) => void;
}

/**
 * The arithmetic in plain TypeScript: runs everywhere, is quick enough for models of a few million
 * parameters, and is what the native libraries are tested against.
 *
 * @example The next token after a prompt
 * ```ts
 * import { loadWeights, openModel, ReferenceBackend, runStep, StepBatch } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
 * const weights = await loadWeights(source);
 * const bounds = { tokensMax: 64, sequencesMax: 4, blocksPerSequenceMax: 16, blockTokens: 16 };
 * using backend = new ReferenceBackend(weights, { bounds, blockCount: 64 });
 * const batch = new StepBatch(bounds);
 * batch.add({ tokens: [5, 6, 7], computedTokens: 0, blocks: [0], logits: "last" });
 * const { logits } = runStep(backend, batch);
 * assertEquals(logits.length, backend.config.vocabularySize);
 * ```
 */
export class ReferenceBackend implements Backend {
  readonly config: ModelConfig;
  readonly bounds: StepBounds;
  readonly blockCount: number;
  readonly kvType: KvType = "float32";
  readonly #weights: ModelWeights;
  readonly #rope: RopeTable;
  readonly #isInt8: boolean;
  readonly #onLayer: ReferenceBackendOptions["onLayer"];
  #kv: KvBlocks | null;
  #output: StepOutput | null = null;

  /**
   * Makes a backend and its blocks.
   *
   * @throws {RangeError} when a bound is not a whole number above 0
   */
  constructor(weights: ModelWeights, options: ReferenceBackendOptions) {
    this.config = weights.config;
    this.bounds = options.bounds;
    this.blockCount = options.blockCount;
    this.#weights = weights;
    this.#isInt8 = options.activations === "int8";
    this.#onLayer = options.onLayer;
    this.#rope = ropeTable(this.config.rope, this.config.headSize);
    this.#kv = new KvBlocks(this.config, options.blockCount, options.bounds.blockTokens);
  }

  /** See {@linkcode Backend.submit}; the step is done when it returns. */
  submit(batch: StepBatch): void {
    const kv = this.#open();
    if (this.#output) {
      throw new Deno.errors.Busy("Cannot submit a step before the last is waited for");
    }
    checkStep(batch, this);
    this.#output = this.#run(batch, kv);
  }

  /** See {@linkcode Backend.wait}. */
  wait(): StepOutput {
    this.#open();
    const output = this.#output;
    if (!output) throw new Deno.errors.BadResource("No step is on its way");
    this.#output = null;
    return output;
  }

  /** See {@linkcode Backend.copyBlocks}. */
  copyBlocks(pairs: ArrayLike<number>): void {
    this.#open().copy(pairs);
  }

  /** Frees all memory. */
  close(): void {
    this.#kv = null;
    this.#output = null;
  }

  /** {@linkcode close} */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(): KvBlocks {
    if (this.#kv) return this.#kv;
    throw new Deno.errors.BadResource("The backend is closed");
  }

  #run(batch: StepBatch, kv: KvBlocks): StepOutput {
    const { hiddenSize, normEpsilon, vocabularySize } = this.config;
    const { embedding, layers, finalNorm, head } = this.#weights;
    const positions = positionsOf(batch);
    const states = new Float32Array(batch.tokenCount * hiddenSize);
    for (let token = 0; token < batch.tokenCount; token++) {
      const row = states.subarray(token * hiddenSize, (token + 1) * hiddenSize);
      readRow(embedding, batch.tokenIds[token]!, row);
    }
    this.#onLayer?.(0, states.slice());
    for (const [index, layer] of layers.entries()) {
      this.#attention(batch, positions, layer, kv, index, states);
      this.#feedForward(layer, states);
      this.#onLayer?.(index + 1, states.slice());
    }
    const rows = batch.logitCount;
    const wanted = new Float32Array(rows * hiddenSize);
    for (let row = 0; row < rows; row++) {
      const token = batch.logitTokens[row]!;
      wanted.set(states.subarray(token * hiddenSize, (token + 1) * hiddenSize), row * hiddenSize);
    }
    rmsNorm(wanted, finalNorm, normEpsilon, wanted);
    const logits = new Float32Array(rows * vocabularySize);
    this.#multiply(wanted, head, logits);
    return { rows, logits, states: wanted };
  }

  /** Adds the attention of a layer to the states. */
  #attention(
    batch: StepBatch,
    positions: Int32Array,
    layer: LayerWeights,
    blocks: KvBlocks,
    index: number,
    states: Float32Array,
  ): void {
    const { headCount, headSize, normEpsilon } = this.config;
    const input = new Float32Array(states.length);
    rmsNorm(states, layer.attentionNorm, normEpsilon, input);
    const tokens = batch.tokenCount;
    const project = (weight: LayerWeights["query"], norm: Float32Array | null) => {
      const out = new Float32Array(tokens * weight.matrix.rows);
      this.#linear(input, weight, out);
      if (norm) rmsNorm(out, norm, normEpsilon, out);
      return out;
    };
    const queries = project(layer.query, layer.queryNorm);
    const keys = project(layer.key, layer.keyNorm);
    const values = project(layer.value, null);
    rotate(queries, positions, headSize, this.#rope);
    rotate(keys, positions, headSize, this.#rope);
    const kv = blocks.layer(index);
    const width = headCount * headSize;
    const mixed = new Float32Array(tokens * width);
    // All of the step's keys and values are there before any of its tokens looks at them.
    forEachToken(
      batch,
      (token, table) => blocks.put(index, table, positions[token]!, token, keys, values),
    );
    forEachToken(batch, (token, table) => {
      const [begin, end] = [token * width, (token + 1) * width];
      const into = mixed.subarray(begin, end);
      attend(queries.subarray(begin, end), kv, table, positions[token]!, into);
    });
    const output = new Float32Array(states.length);
    this.#linear(mixed, layer.output, output);
    addTo(states, output);
  }

  /** Adds the feed-forward network of a layer to the states. */
  #feedForward(layer: LayerWeights, states: Float32Array): void {
    const { hiddenSize, intermediateSize, normEpsilon } = this.config;
    const tokens = states.length / hiddenSize;
    const input = new Float32Array(states.length);
    rmsNorm(states, layer.mlpNorm, normEpsilon, input);
    const gate = new Float32Array(tokens * intermediateSize);
    const up = new Float32Array(tokens * intermediateSize);
    this.#linear(input, layer.gate, gate);
    this.#linear(input, layer.up, up);
    swiglu(gate, up, gate);
    this.#linear(gate, layer.down, input);
    addTo(states, input);
  }

  #linear(input: Float32Array, { matrix, bias }: Linear, into: Float32Array): void {
    this.#multiply(input, matrix, into);
    if (bias) addBias(into, bias);
  }

  #multiply(input: Float32Array, matrix: Matrix, into: Float32Array): void {
    if (this.#isInt8 && matrix.kind === "int8") multiplyInt8(input, matrix, into);
    else multiply(input, matrix, into);
  }
}

/** The position of each token in its own sequence. */
function positionsOf(batch: StepBatch): Int32Array {
  const positions = new Int32Array(batch.tokenCount);
  for (let sequence = 0; sequence < batch.sequenceCount; sequence++) {
    const end = batch.queryStarts[sequence + 1]!;
    for (let token = batch.queryStarts[sequence]!; token < end; token++) {
      positions[token] = batch.contextLengths[sequence]! - end + token;
    }
  }
  return positions;
}

function forEachToken(
  batch: StepBatch,
  visit: (token: number, blockTable: Int32Array) => void,
): void {
  const { blocksPerSequenceMax } = batch.bounds;
  for (let sequence = 0; sequence < batch.sequenceCount; sequence++) {
    const begin = sequence * blocksPerSequenceMax;
    const table = batch.blockTables.subarray(begin, begin + blocksPerSequenceMax);
    const end = batch.queryStarts[sequence + 1]!;
    for (let token = batch.queryStarts[sequence]!; token < end; token++) visit(token, table);
  }
}

function addTo(states: Float32Array, more: Float32Array): void {
  for (let i = 0; i < states.length; i++) states[i]! += more[i]!;
}
