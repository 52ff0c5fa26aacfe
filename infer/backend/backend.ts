// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ModelConfig } from "../model/model_config.ts";
import type { Drawing } from "./drawing.ts";
import type { StepBatch, StepBounds } from "./step_batch.ts";

/** How keys and values are kept. INT8 and FP8 (E4M3) have a scale for each token and head. */
export type KvType = "float32" | "float16" | "int8" | "float8";

/** Bytes that a backend takes where it computes. */
export interface BackendMemory {
  /** Weights. */
  readonly weightBytes: number;
  /** Blocks of keys and values. */
  readonly kvBytes: number;
  /**
   * What steps work in, of large products by cuBLASLt too (but not what that library has itself).
   * It grows when logits of more tokens are wanted at a time than before.
   */
  readonly stepBytes: number;
}

/**
 * The arithmetic of one model on one device, with the keys and values of all its sequences in
 * blocks. Which block belongs to whom is the caller's business: a backend only ever sees tables.
 *
 * A step is submitted and waited for apart, so that the next one can be prepared meanwhile. One is
 * on its way at a time.
 */
export interface Backend extends Disposable {
  /** What it computes. */
  readonly config: ModelConfig;
  /** How large a step can be. */
  readonly bounds: StepBounds;
  /** Blocks of keys and values; tables name 0 to one less. */
  readonly blockCount: number;
  /** How it keeps keys and values, where it can tell. */
  readonly kvType?: KvType;
  /** What memory it takes now, where it can tell. */
  readonly memory?: BackendMemory;
  /** Chooses tokens where the logits are, if it can: then no logits need to be looked at. */
  readonly drawing?: Drawing | undefined;

  /**
   * Starts a step. The batch must not change until {@linkcode wait} returns.
   *
   * @throws {RangeError} when the batch names a token, a block or a position that does not exist;
   * nothing is computed then
   * @throws {Deno.errors.Busy} when a step is on its way
   * @throws {Deno.errors.BadResource} when the backend is closed
   */
  submit(batch: StepBatch): void;

  /**
   * Resolves when the step is done, or at once when none is on its way, so that {@linkcode wait}
   * does not block. A backend whose steps are done when `submit` returns has none.
   */
  done?(): Promise<void>;

  /**
   * Blocks until the step is done.
   *
   * @throws {Deno.errors.BadResource} when no step is on its way
   */
  wait(): StepOutput;

  /**
   * Copies blocks, for sequences that share one and then part.
   *
   * @param pairs `[from, to]` one after the other
   * @throws {RangeError} when a block does not exist
   */
  copyBlocks(pairs: ArrayLike<number>): void;

  /** Frees all memory. */
  close(): void;
}

/** What a step gives. The memory belongs to the backend: it is good until the next `submit`. */
export interface StepOutput {
  /** Rows, one for each token after which logits were wanted, in the order of the batch. */
  readonly rows: number;
  /** `rows` times the vocabulary. */
  readonly logits: Float32Array;
  /** `rows` times the hidden size: what the output head saw, for embeddings. */
  readonly states: Float32Array;
}

/**
 * Submits a step and waits for it.
 *
 * @example See {@linkcode ReferenceBackend}
 * ```ts
 * import { type Backend, runStep, StepBatch } from "@photon/std/infer";
 *
 * function logitsAfter(backend: Backend, token: number): Float32Array {
 *   const batch = new StepBatch(backend.bounds);
 *   batch.add({ tokens: [token], computedTokens: 0, blocks: [0], logits: "last" });
 *   return runStep(backend, batch).logits;
 * }
 * ```
 * @throws what {@linkcode Backend.submit} throws
 */
export function runStep(backend: Backend, batch: StepBatch): StepOutput {
  backend.submit(batch);
  return backend.wait();
}
