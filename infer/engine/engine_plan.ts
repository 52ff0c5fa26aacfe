// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StepBounds } from "../backend/step_batch.ts";
import type { ModelConfig } from "../model/model_config.ts";
import { checkBounds, type SchedulerBounds } from "../scheduler/scheduler_bounds.ts";
import type { SpeculativeOptions } from "../speculative/speculative_options.ts";
import type { CheckedOptions, EngineOptions } from "./engine_options.ts";

/** What a backend is to be like. */
export interface BackendPlan {
  /** Which one: `"auto"`, `"cuda"`, `"native"`, `"reference"`, or where a module is. */
  readonly backend: string;
  /** GPUs that compute together. */
  readonly tensorParallel: number;
  /** What weights become while they are loaded. */
  readonly weights: NonNullable<EngineOptions["weights"]>;
  /** Whether answers must not depend on what else is computed. */
  readonly deterministic: boolean;
  /** How tokens are guessed, where they are. */
  readonly speculative?: SpeculativeOptions;
  /** How large a step can be. */
  readonly stepBounds: StepBounds;
  /** What the scheduler keeps to, the number of blocks among it. */
  readonly bounds: SchedulerBounds;
}

/** Bytes of a key's or value's number, where it is not known better: F32. */
const NUMBER_BYTES = 4;

/**
 * How many blocks there are for a model, and how long a sequence can be.
 *
 * @throws {RangeError} when not a single block fits, or bounds contradict each other
 */
export function planEngine(
  config: ModelConfig,
  options: EngineOptions & CheckedOptions,
): BackendPlan {
  const { backend, weights, sequencesMax, tokensMax, blockTokens, prefixCache } = options;
  const contextTokensMax = Math.min(
    config.contextTokensMax,
    options.contextTokensMax ?? config.contextTokensMax,
  );
  const blocksOfContext = Math.ceil(contextTokensMax / blockTokens);
  const blockCount = options.blockCount ?? Math.min(
    sequencesMax * blocksOfContext,
    Math.floor(options.kvBytesMax / blockBytes(config, blockTokens)),
  );
  if (blockCount < 1) {
    const needed = `a block needs ${blockBytes(config, blockTokens)}`;
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
    backend: String(backend),
    tensorParallel: options.tensorParallel,
    weights,
    deterministic: options.deterministic,
    ...(speculative && { speculative }),
    stepBounds,
    bounds,
  };
}

function blockBytes(config: ModelConfig, blockTokens: number): number {
  const { layerCount, kvHeadCount, headSize } = config;
  return 2 * layerCount * kvHeadCount * headSize * blockTokens * NUMBER_BYTES;
}
