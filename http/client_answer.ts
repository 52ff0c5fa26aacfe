// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { keepBytes } from "./byte_slab.ts";
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientLimits } from "./client_options.ts";
import { BodyHandle, ClientResponse, type ResponseOrigin } from "./client_response.ts";
import { IncomingBody } from "./incoming_body.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import type { ResponseBody } from "./response_body.ts";
import { BodyEnd, type ResponseHead } from "./response_head.ts";

/** Where a head was found, and how long what follows it is. */
export interface AnswerPlace {
  readonly head: ResponseHead;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly headLength: number;
  /** Bytes of the body, or one of `BodyEnd`. */
  readonly byteLength: number;
}

/** What a response has of its request. */
export function originOf(
  { request, redirects }: ClientExchange,
  codings: readonly string[] | null,
  { decodedBytesMax }: ClientLimits,
): ResponseOrigin {
  return { url: request.target.href, redirected: redirects > 0, codings, decodedBytesMax };
}

/** A response whose body came along with its head: both are copied in one piece. */
export function wholeResponse(
  origin: ResponseOrigin,
  { head: { status }, bytes, start, headLength, byteLength }: AnswerPlace,
  method: string,
): ClientResponse {
  const kept = keepBytes(bytes, start, start + headLength + byteLength);
  const bodyLength = method === "HEAD" || isNullBody(status) ? -1 : byteLength;
  return new ClientResponse(origin, status, kept, headLength, bodyLength, null);
}

/** A response whose body is still to come. */
export function partialResponse(
  origin: ResponseOrigin,
  { head: { status }, bytes, start, headLength, byteLength }: AnswerPlace,
  body: ResponseBody,
): ClientResponse {
  const kept = keepBytes(bytes, start, start + headLength);
  const handle = new BodyHandle(body, Math.max(-1, byteLength));
  return new ClientResponse(origin, status, kept, headLength, -1, handle);
}

/** Takes a body of so many bytes, or one of `BodyEnd`, off the connection. */
export function incomingBody(body: ResponseBody, byteLength: number): IncomingBody<ResponseBody> {
  const expected = byteLength === BodyEnd.CLOSE ? Infinity : byteLength;
  return new IncomingBody(body, expected, BODY_LIMITS);
}

const BODY_LIMITS = { ...RESPONSE_LIMITS, urlBytesMax: 0, bodyBytesMax: Infinity };

/** Responses that have no body, not even an empty one (Fetch standard, "null body status"). */
function isNullBody(status: number): boolean {
  return status === 101 || status === 204 || status === 205 || status === 304;
}
