// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** From the first byte to behind the last. */
export type ByteSpan = readonly [start: number, end: number];

/**
 * Which bytes of a file are there: spans in order that do not touch.
 *
 * ```
 *   0        10   20       35          size
 *   ##########....##########...........
 *   spans: [0, 10], [20, 35]      gaps: [10, 20], [35, size]
 * ```
 */
export class ByteRanges {
  #spans: ByteSpan[] = [];

  /** Bytes in all. */
  get bytes(): number {
    return this.#spans.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** The spans, in order. */
  get spans(): readonly ByteSpan[] {
    return this.#spans;
  }

  /** Adds bytes; they may be there already. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const before = this.#spans.filter((span) => span[1] < start);
    const behind = this.#spans.filter((span) => span[0] > end);
    const touching = this.#spans.slice(before.length, this.#spans.length - behind.length);
    const first = Math.min(start, touching[0]?.[0] ?? start);
    const last = Math.max(end, touching.at(-1)?.[1] ?? end);
    this.#spans = [...before, [first, last], ...behind];
  }

  /** Forgets all. */
  clear(): void {
    this.#spans = [];
  }

  /** What is missing of so many bytes, in pieces of at most this size. */
  gaps(size: number, pieceBytes = Infinity): ByteSpan[] {
    const gaps: ByteSpan[] = [];
    let at = 0;
    for (const [start, end] of [...this.#spans, [size, size]] satisfies ByteSpan[]) {
      for (; at < start; at = Math.min(start, at + pieceBytes)) {
        gaps.push([at, Math.min(start, at + pieceBytes)]);
      }
      at = end;
    }
    return gaps;
  }
}
