// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KvType } from "../backend/backend.ts";
import type { LoadWeightsOptions } from "../model/load_weights.ts";
import type { SpeculativeOptions } from "../speculative/speculative_options.ts";

/** Options of `Engine.load`. */
export interface EngineOptions {
  /**
   * What computes: the CUDA library, where it and a GPU are found, else the native library for
   * processors, else plain TypeScript (`"auto"`); one of them; or a module whose exported
   * {@linkcode OpenBackend} `openBackend` makes another.
   *
   * @default {"auto"}
   */
  backend?: "auto" | "cuda" | "native" | "reference" | URL;
  /**
   * GPUs that compute together, each with a part of the model and of the keys and values, so that a
   * model may be larger than one GPU's memory and steps take less time: the first of those that the
   * environment variable `CUDA_VISIBLE_DEVICES` names, or the machine has. They meet by NCCL, where
   * it is found (`libnccl.so.2`, or the path in `PHOTON_INFER_NCCL_LIBRARY`), else through the
   * host's memory; `Engine.backend` says which. More than 1 takes the CUDA library, or fails.
   *
   * They must divide the query heads of the model, and divide or be divided by its key-value heads;
   * INT8 groups are not cut. `kvBytesMax` counts what all of them keep together.
   *
   * @example A model on the third and the fourth GPU, with `CUDA_VISIBLE_DEVICES=2,3`
   * ```ts ignore
   * import { Engine } from "@photon/std/infer";
   *
   * await using engine = await Engine.load("Llama-3.1-70B-Instruct", {
   *   tensorParallel: 2,
   *   weights: { groupSize: 64 },
   * });
   * console.log(engine.backend); // cuda: {..., "tensorParallel":2,"communicator":"nccl 2.30.7"}
   * ```
   * @default {1}
   */
  tensorParallel?: number;
  /**
   * What weights of two dimensions become while they are loaded.
   *
   * @default {"stored"}
   */
  weights?: NonNullable<LoadWeightsOptions["weights"]>;
  /**
   * Sequences that are computed together; others wait.
   *
   * @default {64}
   */
  sequencesMax?: number;
  /**
   * Tokens of a step, those of prompts and of answers together: the more, the sooner a prompt is
   * read, and the longer the others wait meanwhile.
   *
   * @default {512}
   */
  tokensMax?: number;
  /**
   * Tokens of one prompt in one step.
   *
   * @default {tokensMax}
   */
  prefillTokensMax?: number;
  /**
   * Tokens of a sequence, prompt and answer, if the model takes as many and the blocks hold them.
   *
   * @default {the model's}
   */
  contextTokensMax?: number;
  /**
   * Tokens whose keys and values a block holds.
   *
   * @default {16}
   */
  blockTokens?: number;
  /**
   * How keys and values are kept: the fewer bytes, the more tokens `kvBytesMax` has room for, and
   * the less a step reads. INT8 and FP8 (E4M3) have a scale for each token and head. Plain
   * TypeScript has only `"float32"`, and whoever asks it for another is refused.
   *
   * @default {"float16"; in TypeScript "float32"}
   */
  kvType?: KvType;
  /**
   * Blocks of keys and values.
   *
   * @default {as many as `kvBytesMax` has room for, and the sequences can use}
   */
  blockCount?: number;
  /**
   * Memory of the blocks, of all GPUs together, where `blockCount` does not say how many there are.
   * Weights, and what steps work in, come on top, as `Engine.memory` tells; and where a smaller
   * model guesses, as many blocks of that one.
   *
   * @default {2 ** 30}
   */
  kvBytesMax?: number;
  /**
   * Whether prompts that begin like others use what was computed for those.
   *
   * @default {true}
   */
  prefixCache?: boolean;
  /** How tokens are guessed, of which a step then looks at several; where absent, they are not. */
  speculative?: SpeculativeOptions;
  /**
   * Whether an answer of a GPU is the same, bit by bit, whatever else it computes in the same
   * steps; that is slower. The other backends always are like this.
   *
   * @default {false}
   */
  deterministic?: boolean;
  /**
   * Steps by which a request may be passed by later ones, for each level that these are more
   * urgent.
   *
   * @default {256}
   */
  agingSteps?: number;
  /**
   * Requests that the engine takes at a time; one more rejects with `Deno.errors.Busy`.
   *
   * @default {1024}
   */
  requestsMax?: number;
}

/** Options of an engine with their defaults. */
export type CheckedOptions = Required<
  Omit<
    EngineOptions,
    "backend" | "kvType" | "prefillTokensMax" | "contextTokensMax" | "blockCount" | "speculative"
  >
>;

/** Options as they go to the worker of an engine. */
export type PlainOptions = Omit<EngineOptions, "backend"> & CheckedOptions & {
  /** What computes: a name, or where a module is. */
  readonly backend: string;
};

const KV_TYPES: readonly unknown[] = ["float32", "float16", "int8", "float8"];

// Data: numbers of the options, where they are given.
const NUMBERS = [
  ...["sequencesMax", "tokensMax", "prefillTokensMax", "contextTokensMax", "blockTokens"],
  ...["blockCount", "kvBytesMax", "agingSteps", "requestsMax", "tensorParallel"],
] as const;

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} that names a number which is not a whole one above 0, or an unknown `kvType`
 */
export function checkEngineOptions(options: EngineOptions): PlainOptions {
  for (const name of NUMBERS) {
    const value = options[name as keyof EngineOptions];
    if (value === undefined || Number.isSafeInteger(value) && (value as number) > 0) continue;
    throw new RangeError(
      `Cannot load an engine with ${name} ${String(value)}: a whole number above 0 is needed`,
    );
  }
  const { kvType, prefillTokensMax, contextTokensMax, blockCount, speculative } = options;
  if (kvType !== undefined && !KV_TYPES.includes(kvType)) {
    throw new RangeError(`Cannot keep keys and values as "${kvType}"`);
  }
  const sequencesMax = options.sequencesMax ?? 64;
  const { backend = "auto", tensorParallel = 1 } = options;
  if (tensorParallel > 1 && backend !== "auto" && backend !== "cuda") {
    throw new RangeError(
      `Cannot load an engine with tensorParallel ${tensorParallel} and the backend ${backend}: ` +
        `it is for GPUs`,
    );
  }
  // None but those: what else an object has may be no message to a worker.
  return {
    ...(kvType && { kvType }),
    ...(prefillTokensMax && { prefillTokensMax }),
    ...(contextTokensMax && { contextTokensMax }),
    ...(blockCount && { blockCount }),
    ...(speculative && { speculative }),
    backend: String(backend),
    tensorParallel,
    weights: options.weights ?? "stored",
    sequencesMax,
    tokensMax: options.tokensMax ?? Math.max(512, sequencesMax),
    blockTokens: options.blockTokens ?? 16,
    kvBytesMax: options.kvBytesMax ?? 2 ** 30,
    prefixCache: options.prefixCache ?? true,
    deterministic: options.deterministic ?? false,
    agingSteps: options.agingSteps ?? 256,
    requestsMax: options.requestsMax ?? 1024,
  };
}
