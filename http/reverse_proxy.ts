// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ProxyHealth, UpstreamStatus } from "./proxy_upstreams.ts";
import { type ProxyBalance, Upstream, UpstreamSet } from "./proxy_upstreams.ts";
import { ClientResponse } from "./client_response.ts";
import { exchangeOf } from "./exchange.ts";
import { HttpClient } from "./http_client.ts";
import { type Field, type ForwardedFor, requestFields, responseFields } from "./proxy_headers.ts";
import { passUpgrade } from "./proxy_upgrade.ts";
import { withTimeout } from "./proxy_timeout.ts";

/** Options of {@linkcode reverseProxy}. */
export interface ReverseProxyOptions {
  /** The servers behind, `http:` or `https:`; a path is put in front of the requests'. */
  upstreams: (string | URL)[];
  /**
   * How one is chosen.
   *
   * @default {"round-robin"}
   */
  balance?: ProxyBalance;
  /** What `"consistent-hash"` goes by; the client's address when left out. */
  hashKey?: (request: Request, info: Deno.ServeHandlerInfo) => string;
  /**
   * Milliseconds for a connection.
   *
   * @default {5000}
   */
  connectTimeoutMs?: number;
  /**
   * Milliseconds for the head of an answer.
   *
   * @default {60000}
   */
  headersTimeoutMs?: number;
  /**
   * Milliseconds for the next byte of a body.
   *
   * @default {60000}
   */
  bodyTimeoutMs?: number;
  /**
   * Further servers that are tried when one fails before it answers. Only requests that can be
   * repeated without harm (RFC 9110 section 9.2.2), and that have no body, are.
   *
   * @default {1}
   */
  retries?: number;
  /** When servers are left out. */
  health?: ProxyHealth;
  /**
   * Whether what a client says of where it comes from (`Forwarded`, `X-Forwarded-*`) is believed and
   * continued: for proxies behind another one. By default it is replaced.
   *
   * @default {false}
   */
  trustForwarded?: boolean;
  /**
   * Whether servers see the `Host` that the client asked for, and not their own.
   *
   * @default {false}
   */
  preserveHost?: boolean;
  /** Who may have signed the servers' certificates, in PEM, beside those that the system trusts. */
  caCerts?: string[];
}

/** A handler that passes requests on. */
export interface ReverseProxy extends Disposable {
  (request: Request, info: Deno.ServeHandlerInfo): Promise<Response>;
  /** What is known of the servers. */
  upstreams(): UpstreamStatus[];
  /** Stops asking them, and closes connections. */
  close(): void;
}

const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/**
 * Passes requests on to servers behind: bodies are streamed both ways, no faster than they are
 * taken. WebSockets and other upgrades are passed on as well.
 *
 * A server that cannot be reached is answered for with 502, one that takes too long with 504, and
 * 503 says that none is left. One that fails again and again gets no requests for a while.
 *
 * @throws {TypeError} when there is no server, or a URL is none
 * @throws {RangeError} when a number is out of range
 *
 * @example A proxy in front of a server
 * ```ts
 * import { reverseProxy, serve } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
 * await using server = serve(options, (request) => new Response(new URL(request.url).pathname));
 * using proxy = reverseProxy({ upstreams: [`http://127.0.0.1:${server.addr.port}`] });
 * await using front = serve(options, proxy);
 * const response = await fetch(`http://127.0.0.1:${front.addr.port}/path`);
 * assertEquals(await response.text(), "/path");
 * ```
 */
export function reverseProxy(options: ReverseProxyOptions): ReverseProxy {
  const proxy = new Proxying(options);
  const close = () => proxy.close();
  return Object.assign(
    (request: Request, info: Deno.ServeHandlerInfo) => proxy.answer(request, info),
    {
      upstreams: () => proxy.set.all.map((upstream) => upstream.status()),
      close,
      [Symbol.dispose]: close,
    },
  );
}

class Proxying {
  readonly set: UpstreamSet;
  readonly #options: ReverseProxyOptions;
  readonly #health: Required<ProxyHealth>;
  readonly #client: HttpClient;
  readonly #connectTimeoutMs: number;
  readonly #closed = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ReverseProxyOptions) {
    const { upstreams, balance = "round-robin", caCerts = [] } = options;
    if (upstreams.length === 0) throw new TypeError("Cannot proxy: there is no upstream");
    this.#options = options;
    this.#health = { ...DEFAULT_HEALTH, ...options.health };
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5000;
    this.set = new UpstreamSet(
      upstreams.map((url) => new Upstream(upstreamUrl(url), this.#health)),
      balance,
    );
    this.#client = new HttpClient({
      connectTimeoutMs: this.#connectTimeoutMs,
      headersTimeoutMs: options.headersTimeoutMs ?? 60_000,
      bodyTimeoutMs: options.bodyTimeoutMs ?? 60_000,
      decode: false,
      allowHost: true,
      proxy: null,
      headers: {
        "user-agent": null,
        "accept": null,
        "accept-encoding": null,
        "accept-language": null,
      },
      ...caCerts.length > 0 ? { caCerts } : {},
    });
    if (this.#health.path !== null) {
      this.#timer = setInterval(() => this.#checkAll(), this.#health.intervalMs);
      Deno.unrefTimer(this.#timer as unknown as number);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closed.abort();
    this.#client.close();
  }

  async answer(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    const { hashKey, retries = 1 } = this.#options;
    const key = hashKey?.(request, info) ?? addressOf(info.remoteAddr);
    const repeatable = request.body === null && IDEMPOTENT.includes(request.method);
    const client = forwardedFor(request, info);
    const headers = requestFields(request.headers, client, this.#options.trustForwarded ?? false);
    const gone = new AbortController();
    // Not the signal of the request: that is aborted, with an error each, when all went well too.
    info.completed.catch((error) => gone.abort(error));
    const tried = new Set<Upstream>();
    let failure: unknown = null;
    while (tried.size <= (repeatable ? retries : 0)) {
      const upstream = this.set.choose(key, tried);
      if (upstream === null) break;
      tried.add(upstream);
      try {
        return await this.#pass(request, upstream, headers, client.host, gone.signal);
      } catch (error) {
        failure = error;
        // The client is gone: nobody waits for another server.
        if (gone.signal.aborted) break;
      }
    }
    if (failure === null) {
      return new Response(null, { status: 503, headers: { "retry-after": "5" } });
    }
    return new Response(null, { status: isTimeout(failure) ? 504 : 502 });
  }

  async #pass(
    request: Request,
    upstream: Upstream,
    headers: readonly Field[],
    host: string,
    signal: AbortSignal,
  ): Promise<Response> {
    upstream.active++;
    upstream.requests++;
    try {
      const response = await this.#ask(request, upstream, headers, host, signal);
      if (response.status < 500) upstream.succeeded();
      else if (response.status === 503) upstream.failed(performance.now());
      return this.#track(response, upstream);
    } catch (error) {
      upstream.active--;
      if (!signal.aborted) {
        upstream.failures++;
        upstream.failed(performance.now());
      }
      throw error;
    }
  }

  #ask(
    request: Request,
    upstream: Upstream,
    headers: readonly Field[],
    clientHost: string,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = targetOf(request.url, upstream);
    const host = this.#options.preserveHost && clientHost !== ""
      ? clientHost
      : upstream.location.host;
    const exchange = exchangeOf(request);
    const protocol = request.headers.get("upgrade");
    if (exchange !== undefined && protocol !== null && request.method === "GET") {
      const { caCerts = [], headersTimeoutMs = 60_000 } = this.#options;
      return withTimeout(
        headersTimeoutMs,
        signal,
        (signal) =>
          passUpgrade(exchange, { url: new URL(url), host, headers, protocol, caCerts, signal }),
      );
    }
    return this.#client.fetch(url, {
      method: request.method,
      headers: [...headers, ["host", host]],
      body: request.body,
      redirect: "manual",
      signal,
    });
  }

  /** The server counts as busy until its answer has left. */
  #track(response: Response, upstream: Upstream): Response {
    const { status, statusText } = response;
    const whole = ClientResponse.takeWhole(response);
    if (status === 101 || whole !== null || response.body === null) {
      upstream.active--;
      if (status === 101) return response;
      const headers = responseFields(response.headers);
      const isNull = status === 204 || status === 205 || status === 304;
      return new Response(isNull ? null : whole, { status, statusText, headers });
    }
    const headers = responseFields(response.headers);
    return new Response(counted(response.body, () => upstream.active--), {
      status,
      statusText,
      headers,
    });
  }

  #checkAll(): void {
    for (const upstream of this.set.all) this.#check(upstream);
  }

  async #check(upstream: Upstream): Promise<void> {
    try {
      const { path, timeoutMs } = this.#health;
      const ok = await withTimeout(timeoutMs, this.#closed.signal, async (signal) => {
        const url = new URL(path!, upstream.location);
        const response = await this.#client.fetch(url, { redirect: "manual", signal });
        await response.body?.cancel();
        return response.status < 400;
      });
      if (ok) upstream.succeeded();
      else upstream.failed(performance.now());
    } catch {
      if (!this.#closed.signal.aborted) upstream.failed(performance.now());
    }
  }
}

const DEFAULT_HEALTH: Required<ProxyHealth> = {
  path: null,
  intervalMs: 5000,
  timeoutMs: 2000,
  failuresMax: 3,
  successesMin: 2,
};

function upstreamUrl(url: string | URL): URL {
  const parsed = new URL(url);
  if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed;
  throw new TypeError(`Cannot proxy: an upstream must be http or https, received '${url}'`);
}

/** The client's path and query behind the server's, as they stand there. */
function targetOf(url: string, upstream: Upstream): string {
  const scheme = url.indexOf("://");
  const path = url.indexOf("/", scheme + 3);
  return upstream.url + (path < 0 ? "/" : url.slice(path));
}

function addressOf(address: Deno.Addr): string {
  return "hostname" in address ? address.hostname : "";
}

function forwardedFor(request: Request, { remoteAddr }: Deno.ServeHandlerInfo): ForwardedFor {
  const scheme = request.url.startsWith("https:") ? "https" : "http";
  return { remoteAddr, scheme, host: request.headers.get("host") ?? "" };
}

function isTimeout(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof Deno.errors.TimedOut || at.name === "TimeoutError") return true;
  }
  return false;
}

/** A body that calls back when it is over, however it ends. */
function counted(
  body: ReadableStream<Uint8Array>,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let over = false;
  const end = () => {
    if (!over) onEnd();
    over = true;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        end();
        throw error;
      }
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
