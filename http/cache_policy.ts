// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CacheControl, millisecondsOf } from "./cache_control.ts";
import { parseHttpDate } from "./http_date.ts";

/** A response as it is kept. */
export interface StoredResponse {
  /** URL of the request. */
  readonly url: string;
  /** Status code. */
  readonly status: number;
  /** Reason phrase. */
  readonly statusText: string;
  /** Header fields. */
  readonly headers: readonly (readonly [string, string])[];
  /** What the request said in the fields that `Vary` names; null for nothing. */
  readonly vary: readonly (readonly [string, string | null])[];
  /** When it was asked for, in milliseconds since 1970. */
  readonly requestMs: number;
  /** When it came, or was found to be still good. */
  readonly responseMs: number;
  /** The content. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What may be done with a stored response. */
export type CacheDecision = "serve" | "serve and validate" | "validate";

/** A private cache may keep these without being told for how long (RFC 9110 section 15.1). */
const HEURISTIC_STATUSES = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Of the time since the last change, and no more than a day (RFC 9111 section 4.2.2). */
const HEURISTIC_SHARE = 0.1;
const HEURISTIC_MS_MAX = 86_400_000;
/** Fields that belong to one message or connection (RFC 9111 section 3.1). */
const HOP_FIELDS = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
]);
/** What a 304 does not tell of the stored content (RFC 9111 section 3.2). */
const CONTENT_FIELDS = new Set(["content-length", "content-encoding", "content-range"]);

/** Whether a private cache may keep the answer to a GET (RFC 9111 section 3). */
export function isStorable(request: Request, response: Response): boolean {
  const { status, headers } = response;
  if (request.method !== "GET" || response.redirected) return false;
  // A `Response` has none beyond these.
  if (status < 200 || status > 599) return false;
  // Parts and confirmations are not whole responses.
  if (status === 206 || status === 304) return false;
  if (new CacheControl(request.headers).has("no-store")) return false;
  const control = new CacheControl(headers);
  const isUnderstood = HEURISTIC_STATUSES.has(status);
  if (control.has("must-understand") ? !isUnderstood : control.has("no-store")) return false;
  if (varyNames(headers).includes("*")) return false;
  if (control.has("max-age") || headers.has("expires")) return true;
  // What has neither a time nor a validator would never be used: an event stream, for one.
  if (!headers.has("etag") && !headers.has("last-modified")) return false;
  return isUnderstood || control.has("public") || control.has("private");
}

/** The response to keep. */
export function stored(
  request: Request,
  response: Response,
  body: Uint8Array<ArrayBuffer>,
  requestMs: number,
  responseMs: number,
): StoredResponse {
  const { status, statusText, headers } = response;
  return {
    ...{ url: request.url, status, statusText, requestMs, responseMs, body },
    headers: [...headers].filter(([name]) => !HOP_FIELDS.has(name)),
    vary: varyNames(headers).map((name) => [name, normal(request.headers.get(name))]),
  };
}

/** Whether it was the answer to such a request (RFC 9111 section 4.1). */
export function isVariantFor({ vary }: StoredResponse, headers: Headers): boolean {
  return vary.every(([name, value]) => normal(headers.get(name)) === value);
}

/** Milliseconds for which it was fresh when it was made (RFC 9111 section 4.2.1). */
export function lifetimeMs({ headers: pairs, status, responseMs }: StoredResponse): number {
  const headers = new Headers(pairs as [string, string][]);
  const maxAgeMs = new CacheControl(headers).milliseconds("max-age");
  if (maxAgeMs !== undefined) return maxAgeMs;
  const dateMs = dateOf(headers, responseMs);
  const expires = headers.get("expires");
  // What is no date has passed, `0` most often.
  if (expires !== null) return Math.max(0, (parseHttpDate(expires) || 0) - dateMs);
  if (!HEURISTIC_STATUSES.has(status)) return 0;
  const changedMs = parseHttpDate(headers.get("last-modified") ?? "");
  if (Number.isNaN(changedMs)) return 0;
  return Math.max(0, Math.min(HEURISTIC_MS_MAX, (dateMs - changedMs) * HEURISTIC_SHARE));
}

/** Milliseconds since it was made or validated at its origin (RFC 9111 section 4.2.3). */
export function ageMs(response: StoredResponse, nowMs: number): number {
  const { requestMs, responseMs } = response;
  const headers = new Headers(response.headers as [string, string][]);
  const apparentMs = Math.max(0, responseMs - dateOf(headers, responseMs));
  // Of several the first counts (RFC 9111 section 5.1).
  const age = /^(\d+)\s*(?:,|$)/.exec(headers.get("age") ?? "")?.[1];
  const correctedMs = millisecondsOf(age ?? "0") + responseMs - requestMs;
  return Math.max(apparentMs, correctedMs) + nowMs - responseMs;
}

/** Whether it may answer a request by itself (RFC 9111 section 4.2 and 5.2.1, RFC 5861). */
export function decide(
  response: StoredResponse,
  request: Headers,
  nowMs: number,
): CacheDecision {
  const asked = new CacheControl(request, true);
  const control = controlOf(response);
  if (asked.has("no-cache") || control.has("no-cache")) return "validate";
  const age = ageMs(response, nowMs);
  const staleMs = age - lifetimeMs(response);
  const askedAgeMs = asked.milliseconds("max-age");
  if (askedAgeMs !== undefined && age > askedAgeMs) return "validate";
  if (staleMs + (asked.milliseconds("min-fresh") ?? 0) < 0) return "serve";
  if (control.has("must-revalidate") || asked.has("min-fresh")) return "validate";
  if (asked.has("max-stale") && staleMs <= acceptedStaleMs(asked, request)) return "serve";
  const meanwhileMs = control.milliseconds("stale-while-revalidate") ?? -1;
  return staleMs <= meanwhileMs ? "serve and validate" : "validate";
}

/** Without an argument any staleness will do (RFC 9111 section 5.2.1.2). */
function acceptedStaleMs(asked: CacheControl, request: Headers): number {
  const hasArgument = /max-stale\s*=/i.test(request.get("cache-control") ?? "");
  return hasArgument ? asked.milliseconds("max-stale")! : Infinity;
}

/**
 * Whether it may stand in for an error (RFC 5861 section 4).
 *
 * @param staleIfErrorMs What is allowed where neither side says
 */
export function mayHideError(
  response: StoredResponse,
  request: Headers,
  nowMs: number,
  staleIfErrorMs: number,
): boolean {
  const control = controlOf(response);
  if (control.has("must-revalidate") || control.has("no-cache")) return false;
  const allowedMs = new CacheControl(request).milliseconds("stale-if-error") ??
    control.milliseconds("stale-if-error") ?? staleIfErrorMs;
  return ageMs(response, nowMs) - lifetimeMs(response) <= allowedMs;
}

/** The fields that ask whether it is still good (RFC 9111 section 4.3.1). */
export function conditions(response: StoredResponse): [string, string][] {
  const headers = new Headers(response.headers as [string, string][]);
  const [tag, date] = [headers.get("etag"), headers.get("last-modified")];
  const fields: [string, string][] = [];
  if (tag !== null) fields.push(["if-none-match", tag]);
  if (date !== null) fields.push(["if-modified-since", date]);
  return fields;
}

/** Whether a 304 is about it (RFC 9111 section 4.3.3). */
export function isConfirmedBy(response: StoredResponse, confirmation: Headers): boolean {
  const headers = new Headers(response.headers as [string, string][]);
  const opaque = (tag: string | null) => tag?.replace(/^W\//, "");
  const tag = confirmation.get("etag");
  if (tag !== null) return opaque(tag) === opaque(headers.get("etag"));
  const date = confirmation.get("last-modified");
  return date === null || date === headers.get("last-modified");
}

/** The response with what a 304 said anew (RFC 9111 section 3.2). */
export function refreshed(
  response: StoredResponse,
  confirmation: Headers,
  requestMs: number,
  responseMs: number,
): StoredResponse {
  const fields = [...confirmation].filter(([name]) =>
    !HOP_FIELDS.has(name) && !CONTENT_FIELDS.has(name)
  );
  const replaced = new Set(fields.map(([name]) => name));
  // An `Age` that came earlier says nothing of now.
  replaced.add("age");
  const kept = response.headers.filter(([name]) => !replaced.has(name));
  return { ...response, headers: [...kept, ...fields], requestMs, responseMs };
}

function controlOf({ headers }: StoredResponse): CacheControl {
  return new CacheControl(new Headers(headers as [string, string][]));
}

function dateOf(headers: Headers, otherwiseMs: number): number {
  const dateMs = parseHttpDate(headers.get("date") ?? "");
  return Number.isNaN(dateMs) ? otherwiseMs : dateMs;
}

function varyNames(headers: Headers): string[] {
  const names = (headers.get("vary") ?? "").toLowerCase().split(",").map((name) => name.trim());
  return names.filter((name) => name !== "").sort();
}

/** Without the blanks that mean nothing (RFC 9111 section 4.1). */
function normal(value: string | null): string | null {
  return value === null ? null : value.trim().replace(/\s*,\s*/g, ",").replace(/\s+/g, " ");
}
