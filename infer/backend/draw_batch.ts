// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { addressOf } from "../../ffi/memory.ts";
import type { DrawSettings } from "../sampling/draw_settings.ts";
import type { LogitEdits } from "../sampling/logit_rules.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import { GrowingList } from "./growing_list.ts";

/**
 * The packed description of the tokens that a step chooses, as `infer/native/cuda/draw.h` has it:
 * one record a draw, and the lists that records name ranges of.
 */
export class DrawBatch {
  /** Draws in it. */
  count = 0;
  readonly #maskWords: number;
  #bytes = new ArrayBuffer(16 * DRAW_BYTES);
  #view = new DataView(this.#bytes);
  readonly #masks = new GrowingList(Uint32Array);
  readonly #banned = new GrowingList(Int32Array);
  readonly #biasTokens = new GrowingList(Int32Array);
  readonly #biasValues = new GrowingList(Float64Array);
  readonly #seenTokens = new GrowingList(Int32Array);
  readonly #seenCounts = new GrowingList(Int32Array);
  readonly #lists = new BigUint64Array(8);
  readonly #listCounts = new Int32Array(this.#lists.buffer, 6 * 8);
  readonly #settings: DrawSettings[] = [];

  /** Makes an empty one. */
  constructor(vocabularySize: number) {
    this.#maskWords = Math.ceil(vocabularySize / 32);
  }

  /** The records; good until the next {@linkcode add}. */
  get records(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes, 0, this.count * DRAW_BYTES);
  }

  /** How each was asked for. */
  get settings(): readonly DrawSettings[] {
    return this.#settings;
  }

  /** Addresses and lengths of the lists; good until the next {@linkcode add}. */
  get lists(): BigUint64Array<ArrayBuffer> {
    const lists = [this.#masks, this.#banned, this.#biasTokens, this.#biasValues];
    for (const [i, list] of [...lists, this.#seenTokens, this.#seenCounts].entries()) {
      this.#lists[i] = addressOf(list.bytes);
    }
    this.#listCounts[0] = this.#masks.length / this.#maskWords;
    this.#listCounts[1] = this.#banned.length;
    this.#listCounts[2] = this.#biasTokens.length;
    this.#listCounts[3] = this.#seenTokens.length;
    return this.#lists;
  }

  /** Empties it for the next step. */
  clear(): void {
    this.count = 0;
    this.#settings.length = 0;
    const lists = [this.#masks, this.#banned, this.#biasTokens, this.#biasValues];
    for (const list of [...lists, this.#seenTokens, this.#seenCounts]) list.length = 0;
  }

  /**
   * Adds a draw.
   *
   * @param row of the step's logits
   * @returns which draw it is
   */
  add(row: number, settings: DrawSettings): number {
    const at = this.count * DRAW_BYTES;
    this.#reserve(at + DRAW_BYTES);
    const { params, temperature, logMinP, position, answer, edits } = settings;
    const view = this.#view;
    view.setFloat32(at, temperature, true);
    view.setInt32(at + 4, Math.min(params.topK, 2 ** 31 - 1), true);
    view.setFloat32(at + 8, params.topP, true);
    view.setFloat32(at + 12, logMinP, true);
    view.setUint32(at + 16, params.seed >>> 0, true);
    view.setUint32(at + 20, Math.floor(params.seed / 2 ** 32), true);
    view.setUint32(at + 24, position, true);
    view.setUint32(at + 28, answer, true);
    view.setFloat64(at + 32, params.repetitionPenalty, true);
    view.setFloat64(at + 40, params.frequencyPenalty, true);
    view.setFloat64(at + 48, params.presencePenalty, true);
    this.#addEdits(at + 56, edits);
    view.setInt32(at + 88, row, true);
    view.setInt32(at + 92, params.logprobs ?? -1, true);
    this.#settings.push(settings);
    return this.count++;
  }

  #addEdits(at: number, { allowed, banned, bias, seen }: LogitEdits): void {
    const view = this.#view;
    view.setInt32(at, allowed ? this.#masks.length / this.#maskWords : -1, true);
    if (allowed) { for (let i = 0; i < this.#maskWords; i++) this.#masks.push(allowed[i] ?? 0); }
    view.setInt32(at + 4, this.#banned.length, true);
    for (const id of banned) this.#banned.push(id);
    view.setInt32(at + 8, this.#banned.length, true);
    view.setInt32(at + 12, this.#biasTokens.length, true);
    for (const [id, value] of bias) {
      this.#biasTokens.push(id);
      this.#biasValues.push(value);
    }
    view.setInt32(at + 16, this.#biasTokens.length, true);
    view.setInt32(at + 20, this.#seenTokens.length, true);
    for (const [id, count] of seen) {
      this.#seenTokens.push(id);
      this.#seenCounts.push(count);
    }
    view.setInt32(at + 24, this.#seenTokens.length, true);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.byteLength) return;
    const more = new ArrayBuffer(2 * this.#bytes.byteLength);
    new Uint8Array(more).set(new Uint8Array(this.#bytes));
    this.#bytes = more;
    this.#view = new DataView(more);
  }
}

/** `sizeof(infer_draw)` */
const DRAW_BYTES = 96;

/** `sizeof(infer_drawn)` */
export const DRAWN_BYTES = 184;

/** Most of the likeliest tokens that a record has room for. */
const TOP_MAX = 20;

// Data: what `trouble` of a record says, as the sampler says it.
const TROUBLES: readonly ((token: number) => string)[] = [
  () => "",
  (token) => `The logit of token ${token} is not a number`,
  () => "No token is left to choose from",
  (token) => `The logit of token ${token} is infinite`,
];

/**
 * Reads a record of what was chosen.
 *
 * @param at where it begins
 * @param isTold whether log probabilities were asked for
 * @throws {RangeError} as `Sampler.sample`
 */
export function readDrawn(view: DataView, at: number, isTold: boolean): SampledToken {
  const token = view.getInt32(at + 8, true);
  const trouble = view.getInt32(at + 12, true);
  if (trouble !== 0) throw new RangeError(TROUBLES[trouble]!(token));
  if (!isTold) return { token };
  const total = view.getFloat64(at, true);
  const top = Array.from({ length: view.getInt32(at + 20, true) }, (_, i) => ({
    token: view.getInt32(at + 24 + 4 * i, true),
    logprob: view.getFloat32(at + 24 + 4 * TOP_MAX + 4 * i, true) - total,
  }));
  return { token, logprob: view.getFloat32(at + 16, true) - total, top };
}
