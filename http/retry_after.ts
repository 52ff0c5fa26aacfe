// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseHttpDate } from "./http_date.ts";

/**
 * Milliseconds after which a server wants to be asked again: `Retry-After` in seconds or as a date
 * (RFC 9110 section 10.2.3). 0 when it does not say, or nothing that can be understood.
 */
export function retryAfterMs(headers: Headers, nowMs: number = Date.now()): number {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  const dateMs = parseHttpDate(value);
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs);
}
