// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkNet, mayReachEveryHost } from "../ffi/permission.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import type { HostResolver } from "../net/addr.ts";
import { Resolver } from "../net/resolver.ts";
import type { StartTlsOptions } from "../net/tls_options.ts";
import { ClientExchange, type ExchangeOwner } from "./client_exchange.ts";
import {
  checkClientLimits,
  type ClientLimits,
  type ClientStatistics,
  type CookieStore,
  type HttpClientOptions,
} from "./client_options.ts";
import { ClientPool, type PoolOwner } from "./client_pool.ts";
import {
  type ClientRequest,
  fromRequest,
  plainGet,
  readRequest,
  redirected,
} from "./client_request.ts";
import { encodeRequestHead } from "./client_request_head.ts";
import { type ClientResponse, openResponses } from "./client_response.ts";
import { type ClientRoute, type Proxy, routeTo } from "./client_route.ts";
import { defaultFields, proxyRule, tlsOptions } from "./client_settings.ts";
import { type ClientTarget, isHttpUrl, TargetCache, targetOf } from "./client_target.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import type { FetchRequest } from "./fetch_request.ts";
import { checkIntegrity } from "./integrity.ts";
import { openHeaders } from "./request_headers.ts";
import { retry } from "./retry.ts";
import type { AnswerNotes } from "./response_notes.ts";
import { TurnClock } from "./turn_clock.ts";

/** Origins that a client remembers; beyond, those without a connection are forgotten. */
export const ORIGINS_MAX = 4096;

/** What an {@linkcode HttpClient} does, with all that its connections need of it. */
export class ClientCore implements PoolOwner, ExchangeOwner {
  /** For its connections. */
  readonly clock: TurnClock;
  /** For its connections. */
  readonly limits: ClientLimits;
  /** For its connections. */
  readonly decodes: boolean;

  readonly #options: HttpClientOptions;
  readonly #resolver: HostResolver;
  readonly #tls: StartTlsOptions;
  readonly #proxyFor: (target: ClientTarget) => Proxy | null;
  readonly #defaults: readonly (readonly [string, string])[];
  readonly #cookies: CookieStore | null;
  readonly #around: FetchRequest | null;
  readonly #targets = new TargetCache();
  readonly #timer: DeadlineTimer;
  readonly #origins: Map<string, Origin> = new Map();
  readonly #plain: Map<string, PlainGet> = new Map();
  #lastUrl = "";
  #last: PlainGet | null = null;
  #closed = false;

  /** A client without connections yet. */
  constructor(options: HttpClientOptions) {
    openResponses();
    openHeaders();
    const engine = engineInfo().engine === "uring" ? openEngine() : null;
    this.#options = options;
    this.limits = checkClientLimits(options);
    this.decodes = options.decode ?? true;
    this.clock = new TurnClock(engine);
    this.#timer = new DeadlineTimer(engine, () => this.#sweep());
    this.#resolver = options.resolver ?? new Resolver();
    this.#tls = tlsOptions(options);
    this.#proxyFor = proxyRule(options.proxy);
    this.#defaults = defaultFields(options.headers);
    this.#cookies = options.cookieJar ?? null;
    this.#around = this.#wrapped(options);
  }

  /** Fetches. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    try {
      if (init === undefined && typeof input === "string") {
        const plain = input === this.#lastUrl ? this.#last : this.#plainGet(input);
        if (plain !== null) return this.#start(plain.request, plain.head, plain.origin);
      }
      return this.#fetch(input, init);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Begins an exchange whose head is written already, for {@linkcode send}.
   *
   * @throws {Deno.errors.NotCapable} without net permission for the host
   * @throws {Deno.errors.BadResource} when the client is closed
   */
  begin(request: ClientRequest, head: Uint8Array): ClientExchange {
    if (this.#closed) throw new Deno.errors.BadResource("Client has been closed");
    checkReach(request.target);
    const exchange = new ClientExchange(this, request, head);
    const { timeoutMs } = this.limits;
    if (timeoutMs > 0) exchange.deadlineMs = this.clock.nowMs + timeoutMs;
    return exchange;
  }

  /** Sends what was begun: the response, at least its head. */
  send(
    exchange: ClientExchange,
    origin = this.#originOf(exchange.request.target),
  ): Promise<Response> {
    // What can be told at once settles it in this call.
    const { promise } = exchange;
    origin.pool.send(exchange);
    return promise;
  }

  /** What there is at the moment. */
  statistics(): ClientStatistics {
    const all = { idle: 0, busy: 0, connecting: 0, waiting: 0 };
    for (const { pool } of this.#origins.values()) {
      const { idle, busy, connecting, waiting } = pool.counts;
      all.idle += idle;
      all.busy += busy;
      all.connecting += connecting;
      all.waiting += waiting;
    }
    return all;
  }

  /** Closes the connections that wait to be used. */
  closeIdle(): void {
    for (const { pool } of this.#origins.values()) pool.closeIdle();
    // The timer for what has gone is not needed any more.
    this.#timer.stop();
    this.noteDeadline(this.#sweep());
  }

  /** Closes all connections: what is under way fails, and nothing more is sent. */
  close(): void {
    this.#closed = true;
    this.#timer.stop();
    for (const { pool } of this.#origins.values()) pool.close();
  }

  /** For its connections: sees to it that a sweep comes at a deadline. */
  noteDeadline(deadlineMs: number): void {
    this.#timer.note(deadlineMs, this.clock.nowMs);
  }

  /** For its connections: a response came. */
  answered(exchange: ClientExchange, response: ClientResponse, notes: AnswerNotes): void {
    if (exchange.settled) return response.discard();
    if (this.#cookies !== null && notes.cookies.length > 0) {
      this.#cookies.store(exchange.request.target.href, notes.cookies);
    }
    if (notes.location !== null && REDIRECTS.includes(response.status)) {
      const { redirect } = exchange.request;
      if (redirect !== "manual") return this.#follow(exchange, response, notes.location);
    }
    exchange.resolve(response as unknown as Response);
  }

  /** For its connections: there is no response. */
  failed(exchange: ClientExchange, cause: unknown): void {
    const isRefusal = cause instanceof Deno.errors.NotCapable;
    exchange.reject(isRefusal ? cause : new TypeError("fetch failed", { cause }));
  }

  /** For exchanges: the caller gave one up. */
  aborted(exchange: ClientExchange, reason: unknown): void {
    const { body } = exchange;
    if (exchange.settled) body?.fail(reason);
    else exchange.reject(reason);
    this.#origins.get(exchange.request.target.origin)?.pool.withdraw(exchange);
  }

  /** A URL that was fetched before, and needs nothing but what is known. */
  #plainGet(url: string): PlainGet | null {
    if (this.#around !== null || this.#cookies !== null || !isHttpUrl(url)) return null;
    let plain = this.#plain.get(url);
    if (plain === undefined) {
      const request = plainGet(this.#targets.get(url));
      const origin = this.#originOf(request.target);
      plain = { request, origin, head: this.#headOf(request, origin) };
      if (this.#plain.size >= PLAIN_MAX) this.#plain.clear();
      this.#plain.set(url, plain);
    }
    this.#lastUrl = url;
    return this.#last = plain;
  }

  #fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const url = input instanceof Request ? input.url : String(input);
    if (/^(?:data|blob|file|about):/i.test(url)) return platformFetch(input, init);
    if (this.#around !== null) return this.#around(new Request(input, init));
    const request = readRequest(this.#targets, input, init);
    return request instanceof Promise
      ? request.then((ready) => this.#send(ready))
      : this.#send(request);
  }

  /** What is put around the client, innermost last; null when that is nothing. */
  #wrapped({ around = [], cache, retry: tries }: HttpClientOptions): FetchRequest | null {
    const wraps = [...around];
    if (cache !== undefined) wraps.push((next) => cache.wrap(next));
    if (tries !== undefined) wraps.push((next) => retry(next, tries));
    if (wraps.length === 0) return null;
    const inner: FetchRequest = (request) => this.#inner(request);
    return wraps.reduceRight((next, wrap) => wrap(next), inner);
  }

  /** What the innermost of the functions around it calls. */
  async #inner(request: Request): Promise<Response> {
    return await this.#send(fromRequest(this.#targets, request));
  }

  #send(request: ClientRequest): Promise<Response> {
    if (request.signal?.aborted) {
      request.content?.open().cancel(request.signal.reason).catch(() => {});
      return Promise.reject(request.signal.reason);
    }
    const origin = this.#originOf(request.target);
    const response = this.#start(request, this.#headOf(request, origin), origin);
    return request.integrity === "" ? response : checkIntegrity(response, request.integrity);
  }

  #start(request: ClientRequest, head: Uint8Array, origin: Origin): Promise<Response> {
    return this.send(this.begin(request, head), origin);
  }

  #follow(exchange: ClientExchange, response: ClientResponse, location: string): void {
    response.discard();
    const { request } = exchange;
    if (request.redirect === "error") {
      return exchange.reject(
        new TypeError("Fetch failed: Encountered redirect while redirect mode is set to 'error'"),
      );
    }
    try {
      exchange.request = this.#next(exchange, response.status, location);
      exchange.body = null;
      exchange.redirects++;
      const { target } = exchange.request;
      checkReach(target);
      const origin = this.#originOf(target);
      exchange.head = this.#headOf(exchange.request, origin);
      exchange.retried = false;
      exchange.listen();
      origin.pool.send(exchange);
    } catch (error) {
      exchange.reject(error);
    }
  }

  #next({ request, redirects }: ClientExchange, status: number, location: string): ClientRequest {
    const { redirectsMax } = this.limits;
    if (redirects >= redirectsMax) {
      throw new TypeError(
        `Fetch failed: Maximum number of redirects (${redirectsMax}) reached`,
      );
    }
    const url = new URL(location, request.target.href);
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new TypeError("Fetch failed: Can not redirect to a non HTTP(s) url");
    }
    const next = redirected(request, targetOf(url), status);
    if (next instanceof TypeError) throw next;
    return next;
  }

  #originOf(target: ClientTarget): Origin {
    let origin = this.#origins.get(target.origin);
    if (origin === undefined) {
      if (this.#origins.size >= ORIGINS_MAX) this.#forgetOrigins();
      const { unixPath } = this.#options;
      const route = routeTo(target, unixPath === undefined ? this.#proxyFor(target) : null, {
        resolver: this.#resolver,
        tls: this.#tls,
        unixPath,
      });
      origin = { route, pool: new ClientPool(this, route.dial) };
      this.#origins.set(target.origin, origin);
    }
    return origin;
  }

  /** Forgets origins that have no connection, and what points to them. */
  #forgetOrigins(): void {
    for (const [key, { pool }] of this.#origins) {
      if (pool.empty) this.#origins.delete(key);
    }
    this.#plain.clear();
    this.#last = null;
    if (this.#origins.size >= ORIGINS_MAX) {
      throw new Deno.errors.Busy(`Cannot fetch: ${ORIGINS_MAX} origins are in use`);
    }
  }

  #headOf(request: ClientRequest, { route }: Origin): Uint8Array {
    const further: [string, string][] = [];
    const cookie = this.#cookies?.cookiesFor(request.target.href);
    const own = request.headers.find(([name]) => name === "cookie")?.[1];
    let { headers } = request;
    if (cookie !== undefined && cookie !== "") {
      headers = headers.filter(([name]) => name !== "cookie");
      further.push(["cookie", own === undefined ? cookie : `${own}; ${cookie}`]);
    }
    // What is for a proxy is for no server (RFC 9110 section 11.7.1).
    headers = headers.filter(([name]) => name !== "proxy-authorization");
    if (route.proxyAuthorization !== null) {
      further.push(["proxy-authorization", route.proxyAuthorization]);
    }
    const { expectContinueBytesMin } = this.limits;
    const { content } = request;
    const asksFirst = content !== null && expectContinueBytesMin < Infinity &&
      (content.byteLength < 0 || content.byteLength >= expectContinueBytesMin);
    if (asksFirst && !headers.some(([name]) => name === "expect")) {
      further.push(["expect", "100-continue"]);
    }
    return encodeRequestHead({ ...request, headers }, {
      defaults: this.#defaults,
      allowHost: this.#options.allowHost ?? false,
      absolute: route.absolute,
      further,
    });
  }

  /** Ends what has taken too long, and says when to look again. */
  #sweep(): number {
    const nowMs = performance.now();
    let nextMs = Infinity;
    for (const { pool } of this.#origins.values()) nextMs = Math.min(nextMs, pool.sweep(nowMs));
    return nextMs;
  }
}

interface Origin {
  readonly route: ClientRoute;
  readonly pool: ClientPool;
}

interface PlainGet {
  readonly request: ClientRequest;
  readonly head: Uint8Array;
  readonly origin: Origin;
}

/** URLs whose whole head is remembered; one more forgets all. */
const PLAIN_MAX = 1024;
/** Statuses that lead elsewhere (Fetch standard, "redirect status"). */
const REDIRECTS = [301, 302, 303, 307, 308];
/** Taken before anybody puts ours in its place. */
const platformFetch = globalThis.fetch;

/** A connection that is there already was allowed when it was made; the grant may be gone since. */
function checkReach({ hostname, port }: ClientTarget): void {
  if (!mayReachEveryHost()) checkNet(hostname, port);
}
