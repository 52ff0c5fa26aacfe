// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KvType } from "../backend/backend.ts";
import type { StepBounds } from "../backend/step_batch.ts";
import type { ModelConfig } from "../model/model_config.ts";
import { checkBounds, type SchedulerBounds } from "../scheduler/scheduler_bounds.ts";
import type { SpeculativeOptions } from "../speculative/speculative_options.ts";
import type { EngineOptions, PlainOptions } from "./engine_options.ts";

/** Which backend, and how it computes. */
export interface BackendChoice {
  /** Which one: `"auto"`, `"cuda"`, `"native"`, `"reference"`, or where a module is. */
  readonly backend: string;
  /** GPUs that compute together. */
  readonly tensorParallel: number;
  /** What weights become while they are loaded. */
  readonly weights: NonNullable<EngineOptions["weights"]>;
  /** How keys and values are kept; where absent, as the backend likes. */
  readonly kvType?: KvType;
  /** Whether answers must not depend on what else is computed. */
  readonly deterministic: boolean;
}

/** What a backend is to be like. */
export interface BackendPlan extends BackendChoice {
  /** How tokens are guessed, where they are. */
  readonly speculative?: SpeculativeOptions;
  /** How large a step can be. */
  readonly stepBounds: StepBounds;
  /** What the scheduler keeps to, the number of blocks among it. */
  readonly bounds: SchedulerBounds;
}

/**
 * How many blocks there are for a model, and how long a sequence can be.
 *
 * @param blockBytes bytes of a block of so many tokens, as the backend keeps them
 * @throws {RangeError} when not a single block fits, or bounds contradict each other
 */
export function planEngine(
  config: ModelConfig,
  options: PlainOptions,
  blockBytes: (blockTokens: number) => number,
): BackendPlan {
  const { backend, kvType, weights, sequencesMax, tokensMax, blockTokens, prefixCache } = options;
  const contextTokensMax = Math.min(
    config.contextTokensMax,
    options.contextTokensMax ?? config.contextTokensMax,
  );
  const blocksOfContext = Math.ceil(contextTokensMax / blockTokens);
  const blockCount = options.blockCount ?? Math.min(
    sequencesMax * blocksOfContext,
    Math.floor(options.kvBytesMax / blockBytes(blockTokens)),
  );
  if (blockCount < 1) {
    const needed = `a block needs ${blockBytes(blockTokens)}`;
    throw new RangeError(`Cannot load an engine with kvBytesMax ${options.kvBytesMax}: ${needed}`);
  }
  const blocksPerSequenceMax = Math.min(blocksOfContext, blockCount);
  const stepBounds = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens };
  const bounds: SchedulerBounds = {
    ...stepBounds,
    blockCount,
    prefillTokensMax: options.prefillTokensMax ?? tokensMax,
    prefixCache,
    agingSteps: options.agingSteps,
  };
  checkBounds(bounds);
  const { speculative } = options;
  return {
    backend,
    tensorParallel: options.tensorParallel,
    weights,
    ...(kvType && { kvType }),
    deterministic: options.deterministic,
    ...(speculative && { speculative }),
    stepBounds,
    bounds,
  };
}

// Data: bytes of a number, without scales.
const NUMBER_BYTES: Record<KvType, number> = { float32: 4, float16: 2, int8: 1, float8: 1 };

/** Bytes of a block of a backend that keeps numbers and nothing else, F32 where it is not said. */
export function plainBlockBytes(
  { layerCount, kvHeadCount, headSize }: ModelConfig,
  kvType: KvType = "float32",
): (blockTokens: number) => number {
  const tokenBytes = 2 * layerCount * kvHeadCount * headSize * NUMBER_BYTES[kvType];
  return (blockTokens) => tokenBytes * blockTokens;
}
