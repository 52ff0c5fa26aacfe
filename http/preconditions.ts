// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ifMatch, ifNoneMatch } from "@std/http/etag";

/** What identifies the state of a representation. */
export interface Validators {
  /** A strong entity tag. */
  readonly etag: string;
  /** When it changed last, in milliseconds. */
  readonly modifiedMs: number;
}

/**
 * What the conditions of a GET or HEAD ask for, in the order of RFC 9110 section 13.2.2.
 *
 * @returns 412 when one does not hold, 304 when the client has it, 200 else
 */
export function checkPreconditions(
  headers: Headers,
  { etag, modifiedMs }: Validators,
): 200 | 304 | 412 {
  const match = headers.get("if-match");
  if (match !== null) {
    if (!ifMatch(match, etag)) return 412;
  } else {
    const unmodified = dateOf(headers.get("if-unmodified-since"));
    if (unmodified !== null && seconds(modifiedMs) > unmodified) return 412;
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) return ifNoneMatch(noneMatch, etag) ? 200 : 304;
  const modified = dateOf(headers.get("if-modified-since"));
  return modified !== null && seconds(modifiedMs) <= modified ? 304 : 200;
}

/** Whether a `Range` counts (RFC 9110 section 13.1.5): a weak tag or an older date does not do. */
export function rangeCounts(ifRange: string | null, { etag, modifiedMs }: Validators): boolean {
  if (ifRange === null) return true;
  const value = ifRange.trim();
  if (value.startsWith('"') || value.startsWith("W/")) return value === etag;
  return dateOf(value) === seconds(modifiedMs);
}

const DATE_REGEXP = /^[A-Z][a-z]{2,8}, .* GMT$|^[A-Z][a-z]{2} [A-Z][a-z]{2} .* \d{4}$/;

/** An HTTP date in seconds; null when it is none and is to be passed over. */
function dateOf(value: string | null): number | null {
  if (value === null || !DATE_REGEXP.test(value)) return null;
  const asctime = !value.endsWith("GMT");
  const ms = Date.parse(asctime ? `${value} GMT` : value);
  return Number.isNaN(ms) ? null : seconds(ms);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
