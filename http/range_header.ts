// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes of a representation, both ends included (RFC 9110 section 14.1.2). */
export interface ByteRange {
  /** First byte. */
  readonly first: number;
  /** Last byte. */
  readonly last: number;
}

/** Ranges that one request may ask for; more are answered with the whole. */
export const RANGES_MAX = 32;

const RANGES_REGEXP = /^bytes[ \t]*=(.*)$/i;
const RANGE_REGEXP = /^(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/**
 * Reads a `Range` field.
 *
 * @param size Bytes of the representation
 * @returns null when the field is to be passed over: another unit, malformed, too many ranges, or
 *   ranges that are more than the whole together. An empty list when none can be satisfied.
 */
export function parseRanges(header: string, size: number): ByteRange[] | null {
  const list = RANGES_REGEXP.exec(header.trim())?.[1];
  if (list === undefined) return null;
  const specs = list.split(",").map((spec) => spec.trim()).filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > RANGES_MAX) return null;
  const ranges: ByteRange[] = [];
  let total = 0;
  for (const spec of specs) {
    const match = RANGE_REGEXP.exec(spec);
    if (match === null) return null;
    const [, from, to, suffix] = match;
    let first: number;
    let last = size - 1;
    if (suffix !== undefined) {
      first = Math.max(0, size - Number(suffix));
    } else {
      first = Number(from);
      if (to !== "") last = Math.min(last, Number(to));
      if (to !== "" && Number(to) < first) return null;
    }
    if (first > last) continue;
    ranges.push({ first, last });
    total += last - first + 1;
  }
  // Ranges that overlap cost a server more than the whole (RFC 9110 section 17.15).
  return ranges.length > 1 && total > size ? null : ranges;
}
