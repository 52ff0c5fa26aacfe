// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ClientResponse } from "./client_response.ts";
import { HttpClient } from "./http_client.ts";

/** What {@linkcode fetch} takes beside a request: the standard's, and whose connections to use. */
export type FetchInit = RequestInit & {
  /** The client; by default one that all share. */
  client?: HttpClient;
};

let shared: HttpClient | null = null;

/**
 * Fetches over HTTP/1.1. Drop-in for the global `fetch`; `data:`, `blob:` and `file:` go to that.
 *
 * What differs from Deno's:
 * - HTTP/2 is not spoken.
 * - A response with a field that is folded, with two lengths, or with lines that do not end in
 *   CR LF is refused: two parsers might read it in two ways (RFC 9112 sections 2.2, 5.2 and 6.3).
 * - `integrity` is checked, and `statusText` is what the server said.
 * - A compressed body that is taken whole may become 256 MiB; see `HttpClientOptions`.
 *
 * @throws {TypeError} when the arguments make no request; when there is no response, with the
 * reason as `cause`
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {unknown} the reason of the signal
 *
 * @example Ask a server
 * ```ts
 * import { closeIdleConnections, fetch, serve } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   async (request) => Response.json({ got: await request.text() }),
 * );
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * const response = await fetch(url, { method: "POST", body: "ping" });
 * assertEquals(await response.json(), { got: "ping" });
 * closeIdleConnections();
 * ```
 */
export function fetch(input: string | URL | Request, init?: FetchInit): Promise<Response> {
  const client = init?.client;
  if (client === undefined) return (shared ??= new HttpClient()).fetch(input, init);
  if (client instanceof HttpClient) return client.fetch(input, init);
  return Promise.reject(new TypeError("Cannot fetch: client must be an HttpClient of this module"));
}

/**
 * Closes the connections that {@linkcode fetch} keeps to be used again. They close by themselves
 * when they were idle for a minute, and do not keep the process alive.
 *
 * @example At the end of a test
 * ```ts
 * import { closeIdleConnections } from "@photon/std/http";
 *
 * closeIdleConnections();
 * ```
 */
export function closeIdleConnections(): void {
  shared?.closeIdle();
}

/**
 * The trailer fields of a response whose body was read to its end; none before, and none of a
 * response that does not come from {@linkcode fetch} of this module.
 *
 * @example Fields that came behind the body
 * ```ts
 * import { responseTrailers } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...responseTrailers(new Response())], []);
 * ```
 */
export function responseTrailers(response: Response): Headers {
  return ClientResponse.trailersOf(response) ?? new Headers();
}
