// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ProxyHealth, UpstreamStatus } from "./proxy_upstreams.ts";
import { type ProxyBalance, Upstream, UpstreamSet } from "./proxy_upstreams.ts";
import { ClientCore } from "./client_core.ts";
import type { ClientExchange } from "./client_exchange.ts";
import { ClientResponse } from "./client_response.ts";
import { counted } from "./counted_body.ts";
import { type Exchange, exchangeOf } from "./exchange.ts";
import { directAnswer, directExchange, DirectForwarder } from "./proxy_direct.ts";
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
   * Whether what a client says of where it comes from (`Forwarded`, `X-Forwarded-*`) is believed
   * and continued: for proxies behind another one. By default it is replaced.
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
  readonly #client: ClientCore;
  /** Null where what clients say is believed: then it has to be read. */
  readonly #direct: DirectForwarder | null;
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
    this.#client = new ClientCore({
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
    this.#direct = options.trustForwarded
      ? null
      : new DirectForwarder(this.#client, options.preserveHost ?? false);
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

  answer(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    const exchange = this.#direct === null ? null : directExchange(request, info);
    return exchange === null
      ? this.#answerAny(request, info)
      : this.#answerDirect(request, exchange);
  }

  /** Passes a request on as octets; the other way is there for what fails, or cannot go so. */
  async #answerDirect(request: Request, exchange: Exchange): Promise<Response> {
    const first = this.#choose(request, exchange, NONE);
    const asked = first === null ? null : this.#begin(exchange, first);
    if (first === null || asked === null) return this.#answerAny(request, exchange, { first });
    exchange.onLost = () => this.#client.aborted(asked, LOST);
    first.active++;
    first.requests++;
    try {
      return this.#took(await this.#client.send(asked), first);
    } catch (error) {
      exchange.onLost = null;
      this.#failed(first, error === LOST);
      // The client is gone: nobody waits for another server.
      if (error === LOST) return new Response(null, { status: 502 });
      return this.#answerAny(request, exchange, { failed: [first, error] });
    }
  }

  #begin(exchange: Exchange, upstream: Upstream): ClientExchange | null {
    try {
      return this.#direct!.begin(exchange, upstream);
    } catch {
      // The other way fails as well, and is where that counts.
      return null;
    }
  }

  async #answerAny(
    request: Request,
    info: Deno.ServeHandlerInfo,
    { first, failed }: Attempts = {},
  ): Promise<Response> {
    const { retries = 1, trustForwarded = false } = this.#options;
    const repeatable = request.body === null && IDEMPOTENT.includes(request.method);
    const client = forwardedFor(request, info);
    const headers = requestFields(request.headers, client, trustForwarded);
    const gone = new AbortController();
    // Not the signal of the request: that is aborted, with an error each, when all went well too.
    info.completed.catch((error) => gone.abort(error));
    const tried = new Set<Upstream>(failed === undefined ? [] : [failed[0]]);
    let failure: unknown = failed?.[1] ?? null;
    while (tried.size <= (repeatable ? retries : 0)) {
      const isFirst = tried.size === 0 && first !== undefined;
      const upstream = isFirst ? first : this.#choose(request, info, tried);
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

  #choose(
    request: Request,
    info: Deno.ServeHandlerInfo,
    tried: ReadonlySet<Upstream>,
  ): Upstream | null {
    const { balance, hashKey } = this.#options;
    const key = hashKey?.(request, info) ??
      (balance === "consistent-hash" ? addressOf(info.remoteAddr) : "");
    return this.set.choose(key, tried);
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
      return this.#took(await this.#ask(request, upstream, headers, host, signal), upstream);
    } catch (error) {
      this.#failed(upstream, signal.aborted);
      throw error;
    }
  }

  #took(response: Response, upstream: Upstream): Response {
    if (response.status < 500) upstream.succeeded();
    else if (response.status === 503) upstream.failed(performance.now());
    return this.#track(response, upstream);
  }

  #failed(upstream: Upstream, isGone: boolean): void {
    upstream.active--;
    if (isGone) return;
    upstream.failures++;
    upstream.failed(performance.now());
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
    const { status } = response;
    const direct = directAnswer(response, (content) => returned(response, content));
    const whole = direct === null ? ClientResponse.takeWhole(response) : null;
    if (direct !== null || status === 101 || whole !== null || response.body === null) {
      const isNull = status === 204 || status === 205 || status === 304;
      const answer = status === 101
        ? response
        : direct ?? returned(response, isNull ? null : whole);
      upstream.active--;
      return answer;
    }
    return returned(response, counted(response.body, () => upstream.active--));
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

/** The server whose turn it is, if that was found out, and one that failed. */
interface Attempts {
  readonly first?: Upstream | null;
  readonly failed?: readonly [Upstream, unknown];
}

const NONE: ReadonlySet<Upstream> = new Set();
/** Why a request ends that nobody waits for. */
const LOST: Error = new Deno.errors.Interrupted("The client is gone");

const DEFAULT_HEALTH: Required<ProxyHealth> = {
  path: null,
  intervalMs: 5000,
  timeoutMs: 2000,
  failuresMax: 3,
  successesMin: 2,
};

/** What goes back to the client of an answer. */
function returned(response: Response, content: BodyInit | null): Response {
  const { status, statusText } = response;
  return new Response(content, { status, statusText, headers: responseFields(response.headers) });
}

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
