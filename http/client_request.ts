// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type ClientContent, contentOf, requestContent } from "./client_content.ts";
import type { ClientTarget, TargetCache } from "./client_target.ts";

/** One request as it is to be sent, checked. */
export interface ClientRequest {
  /** Where to. */
  readonly target: ClientTarget;
  /** The method, the usual ones in capitals. */
  readonly method: string;
  /** The caller's fields, names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  /** What follows the head. */
  readonly content: ClientContent | null;
  /** What becomes of a redirect. */
  readonly redirect: RequestRedirect;
  /** Gives up. */
  readonly signal: AbortSignal | null;
  /** What the content has to be (Subresource Integrity), empty for anything. */
  readonly integrity: string;
}

/** A GET with nothing of the caller's in it. */
export function plainGet(target: ClientTarget): ClientRequest {
  return {
    target,
    method: "GET",
    headers: target.authorization === null ? NO_HEADERS : [[AUTHORIZATION, target.authorization]],
    content: null,
    redirect: "follow",
    signal: null,
    integrity: "",
  };
}

/**
 * Reads the arguments of a fetch. What is plain is read here; all else becomes a `Request` first,
 * which knows every rule and takes ten times as long.
 *
 * @throws {TypeError} in the platform's words
 */
export function readRequest(
  targets: TargetCache,
  input: string | URL | Request,
  init: RequestInit | undefined,
): ClientRequest | Promise<ClientRequest> {
  const url = typeof input === "string" ? input : input instanceof URL ? input.href : null;
  if (url !== null && isPlain(init)) return readPlain(targets, url, init ?? {});
  return fromRequest(targets, new Request(input, init), init);
}

/** The request that a `Request` stands for; its body counts as read. */
export function fromRequest(
  targets: TargetCache,
  request: Request,
  init?: RequestInit,
): ClientRequest {
  const target = targets.get(request.url);
  return {
    target,
    method: request.method,
    headers: withAuthorization([...request.headers], target),
    content: requestContent(request),
    redirect: request.redirect,
    signal: init?.signal === null ? null : request.signal,
    // A Deno without integrity in its requests has it in none.
    integrity: init?.integrity ?? request.integrity ?? "",
  };
}

/**
 * The next request after a redirect (Fetch standard, "HTTP-redirect fetch"), or the error that it
 * is. Credentials stay with their origin.
 */
export function redirected(
  request: ClientRequest,
  target: ClientTarget,
  status: number,
): ClientRequest | TypeError {
  const { content } = request;
  const turnsToGet = (status === 301 || status === 302) && request.method === "POST" ||
    status === 303 && request.method !== "GET" && request.method !== "HEAD";
  if (!turnsToGet && content !== null && !content.repeatable) {
    return new TypeError("Fetch failed: Can not redirect a request whose body is a stream");
  }
  const leaves = target.origin !== request.target.origin;
  const headers = request.headers.filter(([name]) =>
    !(leaves && CREDENTIAL_FIELDS.has(name)) && !(turnsToGet && CONTENT_FIELDS.has(name))
  );
  return {
    ...request,
    target,
    method: turnsToGet ? "GET" : request.method,
    headers: withAuthorization(headers, target),
    content: turnsToGet ? null : content,
  };
}

const NO_HEADERS: ClientRequest["headers"] = [];
const AUTHORIZATION = "authorization";

// Data: fields that are for one origin, and fields that speak of a content.
const CREDENTIAL_FIELDS: ReadonlySet<string> = new Set([
  AUTHORIZATION,
  "cookie",
  "host",
  "proxy-authorization",
]);
const CONTENT_FIELDS: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
]);

// Data: members of `init` that are read here; with any other a `Request` is made.
const PLAIN_MEMBERS: ReadonlySet<string> = new Set([
  ...["method", "headers", "body", "signal", "redirect", "integrity", "client"],
  // Deno passes these over as well.
  ...["cache", "credentials", "duplex", "keepalive", "mode", "priority", "referrer"],
]);
/** Methods that are made of capitals (Fetch standard, "normalize a method"). */
const NORMALIZED = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
const METHOD_REGEXP = /^[\w!#$%&'*+.^`|~-]+$/;
const NAME_REGEXP = METHOD_REGEXP;
const VALUE_REGEXP = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;

function isPlain(init: RequestInit | undefined): boolean {
  if (init === undefined) return true;
  if (init === null || Object.getPrototypeOf(init) !== Object.prototype) return false;
  for (const member in init) {
    if (!PLAIN_MEMBERS.has(member)) return false;
  }
  const { method = "GET", redirect = "follow", signal } = init;
  return typeof method === "string" && METHOD_REGEXP.test(method) && !isForbidden(method) &&
    (redirect === "follow" || redirect === "manual" || redirect === "error") &&
    (signal === undefined || signal === null || signal instanceof AbortSignal);
}

function isForbidden(method: string): boolean {
  return method.length >= 5 && /^(?:connect|trace|track)$/i.test(method);
}

function readPlain(
  targets: TargetCache,
  url: string,
  init: RequestInit,
): ClientRequest | Promise<ClientRequest> {
  const target = targets.get(url);
  const method = normalized(init.method ?? "GET");
  const headers = headerPairs(init.headers);
  const body = init.body ?? null;
  if (body !== null && (method === "GET" || method === "HEAD")) {
    throw new TypeError("Request with GET/HEAD method cannot have body");
  }
  const { redirect = "follow", signal = null, integrity = "" } = init;
  const finish = (content: ClientContent | null): ClientRequest => ({
    target,
    method,
    headers: withAuthorization(withContentType(headers, content), target),
    content,
    redirect,
    signal,
    integrity,
  });
  const content = body === null ? null : contentOf(body);
  return content instanceof Promise ? content.then(finish) : finish(content);
}

function normalized(method: string): string {
  if (NORMALIZED.includes(method)) return method;
  const upper = method.toUpperCase();
  return NORMALIZED.includes(upper) ? upper : method;
}

/** Names in lower case with values as they leave. */
function headerPairs(init: HeadersInit | undefined): [string, string][] {
  if (init === undefined) return [];
  const pairs: [string, string][] = [];
  if (init !== null && Object.getPrototypeOf(init) === Object.prototype) {
    for (const [name, value] of Object.entries(init as Record<string, string>)) {
      const isKnown = typeof value === "string" && NAME_REGEXP.test(name) &&
        VALUE_REGEXP.test(value);
      if (!isKnown) return [...new Headers(init)];
      pairs.push([name.toLowerCase(), value]);
    }
    const names = new Set(pairs.map(([name]) => name));
    return names.size === pairs.length ? pairs : [...new Headers(init)];
  }
  return [...new Headers(init)];
}

function withContentType(
  headers: [string, string][],
  content: ClientContent | null,
): [string, string][] {
  const type = content?.contentType ?? null;
  if (type === null || headers.some(([name]) => name === "content-type")) return headers;
  return [...headers, ["content-type", type]];
}

/** Credentials of the URL, unless the caller has others. */
function withAuthorization(
  headers: ClientRequest["headers"],
  { authorization }: ClientTarget,
): ClientRequest["headers"] {
  if (authorization === null || headers.some(([name]) => name === AUTHORIZATION)) return headers;
  return [...headers, [AUTHORIZATION, authorization]];
}
