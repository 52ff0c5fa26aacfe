// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseIpv6, withoutBrackets } from "../ffi/ip_address.ts";
import type { Handler } from "./middleware.ts";

/** Clients that are remembered at most; then those that were silent for longest are forgotten. */
export const RATE_CLIENTS_MAX = 65_536;

/** Options of {@linkcode rateLimit}. */
export interface RateLimitOptions<A extends Deno.Addr = Deno.Addr> {
  /** Requests that a client may make in {@linkcode RateLimitOptions.perMs}, and at once, or one. */
  requests: number;
  /**
   * Milliseconds in which so many requests are earned.
   *
   * @default {1000}
   */
  perMs?: number;
  /**
   * Who a request is from; by default the address of its client, of IPv6 the /64 that it is in: who
   * has one address of that has all of them (RFC 6177 section 2).
   */
  key?: (request: Request, info: Deno.ServeHandlerInfo<A>) => string;
  /** The time in milliseconds, for tests. */
  now?: () => number;
}

/**
 * Bounds the requests of each client (token bucket); those beyond are answered 429 with
 * `Retry-After`.
 *
 * @throws {RangeError} when `requests` or `perMs` is not above 0
 *
 * @example One request a second
 * ```ts
 * import { rateLimit } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = rateLimit(() => new Response(), { requests: 1, key: () => "all" });
 * const info = {} as Deno.ServeHandlerInfo<never>;
 * const request = new Request("http://localhost");
 * assertEquals((await handler(request, info)).status, 200);
 * assertEquals((await handler(request, info)).status, 429);
 * ```
 */
export function rateLimit<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  options: RateLimitOptions<A>,
): Handler<A> {
  const { requests, perMs = 1000, key = clientOf, now = () => performance.now() } = options;
  if (!(requests > 0 && perMs > 0)) {
    throw new RangeError(
      `Cannot limit rate: requests and perMs must be above 0, received ${requests} and ${perMs}`,
    );
  }
  const perRequestMs = perMs / requests;
  // A bucket holds one request at least.
  const bucketMs = Math.max(perMs, perRequestMs);
  // When the bucket of each client is full again; in the order of the last that was not refused.
  const fullAt = new Map<string, number>();
  return function limited(request, info) {
    const client = key(request, info);
    const nowMs = now();
    const before = Math.max(fullAt.get(client) ?? 0, nowMs);
    const waitMs = before + perRequestMs - nowMs - bucketMs;
    if (waitMs > 0.001) return refuse(waitMs);
    fullAt.delete(client);
    fullAt.set(client, before + perRequestMs);
    forget(fullAt, nowMs);
    return handler(request, info);
  };
}

function clientOf(_request: Request, info: Deno.ServeHandlerInfo): string {
  const addr = info.remoteAddr;
  return "hostname" in addr ? networkOf(addr.hostname) : "local";
}

/** The /64 of an IPv6 address; others as they are, also those of IPv4 that are written as IPv6. */
function networkOf(hostname: string): string {
  const bytes = hostname.includes(":") ? parseIpv6(withoutBrackets(hostname))?.bytes : undefined;
  if (bytes === undefined) return hostname;
  if (MAPPED_PREFIX.every((byte, at) => bytes[at] === byte)) return bytes.subarray(12).join(".");
  // All neighbours are in one network of local addresses (RFC 4291 section 2.5.6).
  const isLinkLocal = bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
  return isLinkLocal ? hostname : bytes.subarray(0, NETWORK_BYTES).join(":");
}

const NETWORK_BYTES = 8;
/** What IPv4 addresses have in front where a socket serves both (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Drops the oldest: those whose bucket is full again, and all beyond the bound. */
function forget(fullAt: Map<string, number>, nowMs: number): void {
  for (const [client, atMs] of fullAt) {
    if (atMs > nowMs && fullAt.size <= RATE_CLIENTS_MAX) return;
    fullAt.delete(client);
  }
}

function refuse(waitMs: number): Response {
  const headers = { "retry-after": String(Math.ceil(waitMs / 1000)) };
  return new Response("Too Many Requests", { status: 429, headers });
}
