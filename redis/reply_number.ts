// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ProtocolError } from "./redis_error.ts";

/**
 * A double as the server writes it: `1.5`, `inf`, `-inf`, `nan`.
 *
 * @throws {ProtocolError} when it is none
 */
export function parseDouble(text: string): number {
  const lower = text.toLowerCase();
  if (lower === "inf" || lower === "+inf") return Infinity;
  if (lower === "-inf") return -Infinity;
  if (lower === "nan" || lower === "-nan") return NaN;
  const value = Number(text);
  if (text === "" || Number.isNaN(value) || text !== text.trim()) {
    throw new ProtocolError("Cannot decode reply: a double is a number");
  }
  return value;
}

/**
 * An integer of any size: a number while that is exact.
 *
 * @throws {ProtocolError} when it is none
 */
export function parseInteger(text: string): number | bigint {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new ProtocolError("Cannot decode reply: an integer is a number");
  }
  const value = Number(text);
  return Number.isSafeInteger(value) ? value + 0 : BigInt(text.replace(/^\+/, ""));
}
