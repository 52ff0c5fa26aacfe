// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ageMs, type StoredResponse } from "./cache_policy.ts";
import { ReplayableBody } from "./replayable_body.ts";

/** Statuses without a content: a `Response` takes none. */
const EMPTY_STATUSES = new Set([204, 205, 304]);

/** A response out of what is stored, with its `Age` (RFC 9111 section 4). */
export function answerFrom(response: StoredResponse, nowMs: number): Response {
  const { status, statusText, url } = response;
  const headers = new Headers(response.headers as [string, string][]);
  headers.set("age", `${Math.floor(Math.max(0, ageMs(response, nowMs)) / 1000)}`);
  const body = EMPTY_STATUSES.has(status) ? null : response.body;
  return withUrl(new Response(body, { status, statusText, headers }), url);
}

/**
 * The response to hand out, and its content when all of it has come: null where it is longer than
 * the bound, breaks off, or is given up by whoever reads the response.
 */
export function keptAnswer(
  response: Response,
  bytesMax: number,
): [answer: Response, content: Promise<Uint8Array<ArrayBuffer> | null>] {
  if (response.body === null) return [response, Promise.resolve(new Uint8Array())];
  const { status, statusText, headers, url } = response;
  const body = new ReplayableBody(response.body, bytesMax);
  const answer = new Response(body.stream(), { status, statusText, headers });
  body.settle();
  return [withUrl(answer, url), body.whole()];
}

/** The platform's constructor leaves both as they are of a response that was made by hand. */
function withUrl(response: Response, url: string): Response {
  return Object.defineProperties(response, { url: { value: url }, type: { value: "basic" } });
}
