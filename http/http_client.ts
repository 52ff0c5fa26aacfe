// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ClientCore } from "./client_core.ts";
import type { ClientStatistics, HttpClientOptions } from "./client_options.ts";

/**
 * An HTTP client: connections that are kept and used again, and how requests are sent on them.
 *
 * `fetch` of this module is that of a client with the defaults. One of your own has its own
 * connections, limits, proxy, certificates, cookies. Connections that wait to be used do not keep
 * the process alive.
 *
 * A connection that the server closed while a request was on its way to it is made up for once,
 * when the request can be repeated without harm (RFC 9110 section 9.2.2); all else is reported.
 *
 * @example A client of one's own
 * ```ts
 * import { HttpClient, serve } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request) => new Response(request.headers.get("x-api-key")),
 * );
 * using client = new HttpClient({ headers: { "x-api-key": "secret" }, headersTimeoutMs: 5000 });
 * const response = await client.fetch(`http://127.0.0.1:${server.addr.port}/`);
 * assertEquals(await response.text(), "secret");
 * ```
 */
export class HttpClient implements Disposable {
  readonly #core: ClientCore;

  /**
   * A client without connections yet.
   *
   * @throws {RangeError} when a number is out of range
   * @throws {TypeError} when a proxy is none
   */
  constructor(options: HttpClientOptions = {}) {
    this.#core = new ClientCore(options);
  }

  /**
   * Fetches. Drop-in for the global `fetch`.
   *
   * @throws {TypeError} when the arguments make no request; when there is no response, with the
   * reason as `cause`
   * @throws {Deno.errors.NotCapable} without net permission for the host
   * @throws {Deno.errors.BadResource} when the client is closed
   * @throws {unknown} the reason of the signal
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.#core.fetch(input, init);
  }

  /** What there is at the moment. */
  statistics(): ClientStatistics {
    return this.#core.statistics();
  }

  /** Closes the connections that wait to be used. */
  closeIdle(): void {
    this.#core.closeIdle();
  }

  /** Closes all connections: what is under way fails, and nothing more is sent. */
  close(): void {
    this.#core.close();
  }

  /** {@linkcode HttpClient.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
