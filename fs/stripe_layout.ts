// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * How one logical file is spread over several: by stripes of a fixed size in turn, or by parts one
 * after the other.
 *
 *     stripes   0 1 2 3 4 5 6 7     linear    0 1 2 | 3 4 5 | 6 7
 *     file 0    0   2   4   6       file 0    0 1 2
 *     file 1      1   3   5   7     file 1            3 4 5
 *                                   file 2                    6 7
 *
 * The last part of a linear file has no end.
 */
export type StripeLayout =
  | {
    /** Stripes in turn. */
    kind: "stripes";
    /** Bytes of a stripe. */
    stripeBytes: number;
  }
  | {
    /** Parts one after the other. */
    kind: "linear";
    /** Bytes of every part, or of each. */
    partBytes: number | readonly number[];
  };

/** Bytes that are next to each other in the logical file and in one of its members. */
export interface StripePiece {
  /** Which member. */
  readonly member: number;
  /** Offset in it. */
  readonly memberOffset: number;
  /** Offset in the range that was asked for. */
  readonly at: number;
  /** How many. */
  readonly byteLength: number;
}

/** The arithmetic of a {@linkcode StripeLayout} over a number of members. */
export class StripeMap {
  readonly #count: number;
  readonly #stripeBytes: number;
  /** Where each part begins; empty for stripes. */
  readonly #starts: number[] = [];

  /**
   * Checks the layout.
   *
   * @throws {RangeError} when there is no member, or one without bytes
   */
  constructor(count: number, layout: StripeLayout) {
    const sizes = layout.kind === "stripes" ? [layout.stripeBytes] : [layout.partBytes].flat();
    if (count < 1 || sizes.length < 1 || sizes.some((size) => !isSize(size))) {
      throw new RangeError("Cannot stripe: there must be a member, and each must have bytes");
    }
    if (sizes.length !== 1 && sizes.length !== count) {
      throw new RangeError(`Cannot stripe: ${count} members have ${sizes.length} sizes`);
    }
    this.#count = count;
    this.#stripeBytes = sizes[0]!;
    if (layout.kind === "stripes") return;
    let start = 0;
    for (let i = 0; i < count; i++) {
      this.#starts.push(start);
      start += sizes[i % sizes.length]!;
    }
  }

  /** The pieces of a range, in its order. */
  *pieces(offset: number, byteLength: number): Iterable<StripePiece> {
    for (let at = 0; at < byteLength;) {
      const { member, memberOffset, rest } = this.#locate(offset + at);
      const length = Math.min(rest, byteLength - at);
      yield { member, memberOffset, at, byteLength: length };
      at += length;
    }
  }

  /** How many of the first `byteLength` bytes a member has: all its bytes before them. */
  share(member: number, byteLength: number): number {
    if (this.#starts.length > 0) {
      const start = this.#starts[member]!;
      return Math.max(0, Math.min(byteLength, this.#starts[member + 1] ?? Infinity) - start);
    }
    const rounds = Math.floor(byteLength / (this.#stripeBytes * this.#count));
    const rest = byteLength - rounds * this.#stripeBytes * this.#count;
    const last = Math.max(0, Math.min(rest - member * this.#stripeBytes, this.#stripeBytes));
    return rounds * this.#stripeBytes + last;
  }

  /** Where the logical file ends, as far as a member of a certain length can tell. */
  end(member: number, byteLength: number): number {
    if (byteLength === 0) return 0;
    if (this.#starts.length > 0) return this.#starts[member]! + byteLength;
    const stripe = Math.floor((byteLength - 1) / this.#stripeBytes);
    return (stripe * (this.#count - 1) + member) * this.#stripeBytes + byteLength;
  }

  #locate(offset: number): { member: number; memberOffset: number; rest: number } {
    if (this.#starts.length > 0) {
      const member = this.#starts.findLastIndex((start) => start <= offset);
      const rest = (this.#starts[member + 1] ?? Infinity) - offset;
      return { member, memberOffset: offset - this.#starts[member]!, rest };
    }
    const stripe = Math.floor(offset / this.#stripeBytes);
    const within = offset - stripe * this.#stripeBytes;
    const memberOffset = Math.floor(stripe / this.#count) * this.#stripeBytes + within;
    return { member: stripe % this.#count, memberOffset, rest: this.#stripeBytes - within };
  }
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size > 0;
}
