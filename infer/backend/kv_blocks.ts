// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ModelConfig } from "../model/model_config.ts";
import { kvOffset, type PagedKeysValues } from "./reference_operators.ts";

/**
 * Keys and values of all layers in blocks of tokens, F32.
 *
 *     layer:  | block 0 | block 1 | ...
 *     block:  | head 0: blockTokens x headSize | head 1 | ...
 */
export class KvBlocks {
  readonly #layers: readonly PagedKeysValues[];
  readonly #blockCount: number;
  readonly #blockNumbers: number;

  /**
   * Makes the blocks, all zero.
   *
   * @throws {RangeError} when a size is not a whole number above 0, or the memory is not to be had
   */
  constructor(config: ModelConfig, blockCount: number, blockTokens: number) {
    for (const size of [blockCount, blockTokens]) {
      if (Number.isSafeInteger(size) && size > 0) continue;
      throw new RangeError(`Cannot make ${blockCount} blocks of ${blockTokens} tokens`);
    }
    const { headSize, kvHeadCount: kvHeads, layerCount } = config;
    this.#blockCount = blockCount;
    this.#blockNumbers = kvHeads * blockTokens * headSize;
    this.#layers = Array.from({ length: layerCount }, () => ({
      keys: new Float32Array(blockCount * this.#blockNumbers),
      values: new Float32Array(blockCount * this.#blockNumbers),
      blockTokens,
      headSize,
      kvHeads,
    }));
  }

  /** Keys and values of a layer. */
  layer(index: number): PagedKeysValues {
    return this.#layers[index]!;
  }

  /** Takes a token's keys and values, row `token` of each, to its position. */
  put(
    index: number,
    blockTable: Int32Array,
    position: number,
    token: number,
    keys: Float32Array,
    values: Float32Array,
  ): void {
    const layer = this.#layers[index]!;
    const { headSize, kvHeads } = layer;
    for (let head = 0; head < kvHeads; head++) {
      const from = (token * kvHeads + head) * headSize;
      const to = kvOffset(layer, blockTable, position, head);
      layer.keys.set(keys.subarray(from, from + headSize), to);
      layer.values.set(values.subarray(from, from + headSize), to);
    }
  }

  /**
   * Copies blocks in all layers.
   *
   * @param pairs `[from, to]` one after the other
   * @throws {RangeError} when a block does not exist; nothing is copied then
   */
  copy(pairs: ArrayLike<number>): void {
    const ids = Array.from(pairs);
    const isBlock = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < this.#blockCount;
    if (ids.length % 2 !== 0 || !ids.every(isBlock)) {
      throw new RangeError(`Cannot copy blocks [${ids}] of ${this.#blockCount}`);
    }
    const size = this.#blockNumbers;
    for (let i = 0; i < ids.length; i += 2) {
      for (const { keys, values } of this.#layers) {
        const from = ids[i]! * size;
        keys.copyWithin(ids[i + 1]! * size, from, from + size);
        values.copyWithin(ids[i + 1]! * size, from, from + size);
      }
    }
  }
}
