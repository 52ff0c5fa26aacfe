// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ServerRequest } from "./request.ts";

/** Trailer fields, or a function that is asked for them when the body has been sent. */
export type TrailerSource = HeadersInit | (() => HeadersInit | Promise<HeadersInit>);

const sources: WeakMap<Response, TrailerSource> = new WeakMap();
const NONE: [string, string][] = [];

/**
 * Adds trailer fields to a response whose body is a stream (RFC 9110 section 6.5). A client that
 * speaks HTTP/1.0, or gets a body of known length, does not see them.
 *
 * @param trailers The fields, or a function that is asked when the body has been sent
 * @returns The same response
 *
 * @example A checksum behind the content
 * ```ts
 * import { withTrailers } from "@photon/std/http";
 *
 * const body = new Blob(["content"]).stream();
 * const response = withTrailers(new Response(body), () => ({ "x-checksum": "9a03" }));
 * console.assert(response.body === body);
 * ```
 */
export function withTrailers(response: Response, trailers: TrailerSource): Response {
  sources.set(response, trailers);
  return response;
}

/**
 * The trailer fields of a request whose body was read to its end; none before, and none of a
 * request that does not come from `serve`.
 *
 * @example Fields that came behind the body
 * ```ts
 * import { requestTrailers } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...requestTrailers(new Request("http://localhost"))], []);
 * ```
 */
export function requestTrailers(request: Request): Headers {
  return ServerRequest.trailersOf(request) ?? new Headers();
}

/** The trailer fields of a response whose body was sent. */
export async function trailersOf(response: Response): Promise<Iterable<[string, string]>> {
  const source = sources.get(response);
  if (source === undefined) return NONE;
  return new Headers(typeof source === "function" ? await source() : source);
}
