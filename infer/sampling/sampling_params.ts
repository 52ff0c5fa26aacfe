// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StructuredOutput } from "../grammar/structured_output.ts";

/**
 * How the tokens of one request are chosen and when they end. The names and defaults are those of
 * the OpenAI API and of vLLM, in camel case.
 */
export interface SamplingParams {
  /**
   * What logits are divided by: below 1 the likely becomes likelier, 0 takes the likeliest always.
   *
   * @default {1}
   */
  readonly temperature?: number;
  /**
   * Only so many of the likeliest tokens; 0 is all.
   *
   * @default {0}
   */
  readonly topK?: number;
  /**
   * Only the likeliest tokens that together have this probability; 1 is all.
   *
   * @default {1}
   */
  readonly topP?: number;
  /**
   * Only tokens with this share of the probability of the likeliest; 0 is all.
   *
   * @default {0}
   */
  readonly minP?: number;
  /**
   * Only tokens about as surprising as the distribution is on average, that together have this
   * probability (locally typical sampling, Meister et al. 2022); 1 is all.
   *
   * @default {1}
   */
  readonly typicalP?: number;
  /**
   * Positive logits of tokens in the prompt or the output are divided by it, negative multiplied.
   *
   * @default {1}
   */
  readonly repetitionPenalty?: number;
  /**
   * Taken off the logit of a token for each time it is in the output, -2 to 2.
   *
   * @default {0}
   */
  readonly frequencyPenalty?: number;
  /**
   * Taken off the logits of the tokens in the output, -2 to 2.
   *
   * @default {0}
   */
  readonly presencePenalty?: number;
  /** Added to the logits of tokens, by their ids, -100 to 100. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Only these tokens. Those that end the answer must be among them to be chosen. */
  readonly allowedTokenIds?: readonly number[];
  /** Never these tokens. */
  readonly bannedTokenIds?: readonly number[];
  /** The answer ends after so many tokens; where absent, at the end of the context. */
  readonly maxTokens?: number;
  /**
   * Nothing ends the answer before so many tokens, save a {@linkcode structuredOutput} that nothing
   * can follow.
   *
   * @default {0}
   */
  readonly minTokens?: number;
  /** Texts that end the answer, four in the OpenAI API, {@linkcode STOP_STRINGS_MAX} here. */
  readonly stop?: string | readonly string[];
  /** Tokens that end the answer beside the model's own. */
  readonly stopTokenIds?: readonly number[];
  /**
   * Whether the text that ended the answer is part of it.
   *
   * @default {false}
   */
  readonly includeStop?: boolean;
  /**
   * Whether the model's own end of text does not end the answer.
   *
   * @default {false}
   */
  readonly ignoreEos?: boolean;
  /** Same seed, same prompt, same tokens, whatever else runs. Where absent a random one. */
  readonly seed?: number;
  /**
   * Answers to one prompt, which is computed once.
   *
   * @default {1}
   */
  readonly n?: number;
  /** What the answer has to look like. */
  readonly structuredOutput?: StructuredOutput;
  /** Log probability of each token, and of so many of the likeliest, up to 20. */
  readonly logprobs?: number;
  /** The same for the tokens of the prompt. */
  readonly promptLogprobs?: number;
}

/** Most stop strings of a request. */
export const STOP_STRINGS_MAX = 64;

/** Longest stop string in UTF-16 units: as much text may be held back. */
export const STOP_STRING_UNITS_MAX = 1024;

/** Most likeliest tokens of a position, as in the OpenAI API. */
export const LOGPROBS_MAX = 20;

/** Most answers to one prompt. */
export const ANSWERS_MAX = 128;

/** Below this temperature the likeliest token is taken; 0 would divide by 0. */
export const GREEDY_TEMPERATURE_MAX = 1e-5;

/** {@linkcode SamplingParams} with nothing left open but what has no default. */
export interface CheckedParams extends
  Required<
    Omit<
      SamplingParams,
      "allowedTokenIds" | "maxTokens" | "structuredOutput" | "logprobs" | "promptLogprobs"
    >
  >,
  Pick<
    SamplingParams,
    "allowedTokenIds" | "maxTokens" | "structuredOutput" | "logprobs" | "promptLogprobs"
  > {
  /** As a list. */
  readonly stop: readonly string[];
}

// Data: numbers with their default, least and most; `least` itself is out where `isOpen`.
// deno-fmt-ignore
const NUMBERS: readonly NumberRule[] = [
  { name: "temperature",       fallback: 1,         least: 0,  most: 100 },
  { name: "topK",              fallback: 0,         least: 0,  most: Infinity, isWhole: true },
  { name: "topP",              fallback: 1,         least: 0,  most: 1, isOpen: true },
  { name: "minP",              fallback: 0,         least: 0,  most: 1 },
  { name: "typicalP",          fallback: 1,         least: 0,  most: 1, isOpen: true },
  { name: "repetitionPenalty", fallback: 1,         least: 0,  most: 100, isOpen: true },
  { name: "frequencyPenalty",  fallback: 0,         least: -2, most: 2 },
  { name: "presencePenalty",   fallback: 0,         least: -2, most: 2 },
  { name: "maxTokens",         fallback: undefined, least: 1,  most: Infinity, isWhole: true },
  { name: "minTokens",         fallback: 0,         least: 0,  most: Infinity, isWhole: true },
  { name: "seed",              fallback: undefined, least: 0,  most: Number.MAX_SAFE_INTEGER, isWhole: true },
  { name: "n",                 fallback: 1,         least: 1,  most: ANSWERS_MAX, isWhole: true },
  { name: "logprobs",          fallback: undefined, least: 0,  most: LOGPROBS_MAX, isWhole: true },
  { name: "promptLogprobs",    fallback: undefined, least: 0,  most: LOGPROBS_MAX, isWhole: true },
];

/** What a number must be. */
interface NumberRule {
  readonly name: keyof SamplingParams;
  readonly fallback: number | undefined;
  readonly least: number;
  readonly most: number;
  readonly isWhole?: boolean;
  readonly isOpen?: boolean;
}

const TOKEN_LISTS = ["allowedTokenIds", "bannedTokenIds", "stopTokenIds"] as const;

const LOGIT_BIAS_MAX = 100;

/**
 * Checks what a caller asks for and fills in the defaults; a random seed where there is none.
 *
 * @example A temperature that makes no sense
 * ```ts
 * import { checkSamplingParams } from "@photon/std/infer";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertThrows(() => checkSamplingParams({ temperature: -1 }, 2048), RangeError);
 * assertEquals(checkSamplingParams({ stop: "\n" }, 2048).stop, ["\n"]);
 * ```
 * @throws {RangeError} that names the member and what it may be
 */
export function checkSamplingParams(
  asked: SamplingParams,
  vocabularySize: number,
): CheckedParams {
  const params = withoutAbsent(asked);
  const checked: Record<string, unknown> = {
    ...{ bannedTokenIds: [], stopTokenIds: [], logitBias: {} },
    ...params,
    stop: checkStop(params.stop),
    includeStop: params.includeStop ?? false,
    ignoreEos: params.ignoreEos ?? false,
  };
  for (const rule of NUMBERS) {
    const value = params[rule.name] ?? rule.fallback;
    if (value === undefined) delete checked[rule.name];
    else checked[rule.name] = checkNumber(rule, value);
  }
  for (const name of TOKEN_LISTS) checkTokens(name, params[name], vocabularySize);
  checkBias(params.logitBias, vocabularySize);
  checkTogether(params);
  checked.seed ??= randomSeed();
  return checked as unknown as CheckedParams;
}

/** The members that say something: those that are undefined, or null as in JSON, are left out. */
export function withoutAbsent<T extends object>(members: T): Partial<T> {
  const entries = Object.entries(members).filter(([, value]) => (value ?? null) !== null);
  return Object.fromEntries(entries) as Partial<T>;
}

function checkNumber({ name, least, most, isWhole, isOpen }: NumberRule, value: unknown): number {
  const isInside = typeof value === "number" && value <= most &&
    (isOpen ? value > least : value >= least) && (!isWhole || Number.isSafeInteger(value));
  if (isInside) return value;
  const kind = isWhole ? "a whole number" : "a number";
  const from = isOpen ? `above ${least}` : `from ${least}`;
  const range = most === Infinity ? from : `${from} to ${most}`;
  throw new RangeError(`Cannot sample with ${name} ${String(value)}: it is ${kind} ${range}`);
}

function checkStop(stop: string | readonly string[] = []): readonly string[] {
  const stops = typeof stop === "string" ? [stop] : stop;
  if (stops.length > STOP_STRINGS_MAX) {
    throw new RangeError(`Cannot stop at ${stops.length} texts: ${STOP_STRINGS_MAX} is the most`);
  }
  for (const text of stops) {
    if (typeof text === "string" && text !== "" && text.length <= STOP_STRING_UNITS_MAX) continue;
    throw new RangeError(`Cannot stop at a text without 1 to ${STOP_STRING_UNITS_MAX} characters`);
  }
  return stops;
}

function checkTokens(name: string, ids: readonly number[] | undefined, size: number): void {
  for (const id of ids ?? []) checkToken(name, id, size);
}

function checkToken(name: string, id: number, vocabularySize: number): void {
  if (Number.isSafeInteger(id) && id >= 0 && id < vocabularySize) return;
  throw new RangeError(
    `Cannot sample with ${name} ${id}: the vocabulary has ${vocabularySize} tokens`,
  );
}

function checkBias(bias: SamplingParams["logitBias"], vocabularySize: number): void {
  for (const [id, value] of Object.entries(bias ?? {})) {
    checkToken("logitBias", Number(id), vocabularySize);
    if (typeof value === "number" && Math.abs(value) <= LOGIT_BIAS_MAX) continue;
    throw new RangeError(`Cannot bias token ${id} by ${value}: from -100 to 100`);
  }
}

/** What only makes sense together. */
function checkTogether({ allowedTokenIds, minTokens = 0, maxTokens = Infinity }: SamplingParams) {
  if (allowedTokenIds?.length === 0) throw new RangeError("Cannot sample with no allowedTokenIds");
  if (minTokens > maxTokens) {
    throw new RangeError(`Cannot sample ${minTokens} tokens at least, ${maxTokens} at most`);
  }
}

function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
  return (high & 0x1f_ffff) * 2 ** 32 + low;
}
