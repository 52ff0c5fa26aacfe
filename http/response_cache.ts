// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { timeout } from "../thread/timeout.ts";
import { CacheControl } from "./cache_control.ts";
import {
  conditions,
  decide,
  isConfirmedBy,
  isStorable,
  isVariantFor,
  mayHideError,
  refreshed,
  stored,
  type StoredResponse,
} from "./cache_policy.ts";
import { answerFrom, keptAnswer } from "./cached_answer.ts";
import type { FetchRequest } from "./fetch_request.ts";
import { MemoryResponseStore, type ResponseStore } from "./response_store.ts";
import { VariantTable } from "./variant_table.ts";

/** Options of {@linkcode ResponseCache}. */
export interface ResponseCacheOptions {
  /** Where responses are kept; by default in memory, 64 MiB. */
  store?: ResponseStore;
  /**
   * Bytes of a content that is kept; longer ones go by.
   *
   * @default {8388608}
   */
  responseBytesMax?: number;
  /**
   * Milliseconds for which a stale response may stand in for an error, where neither side says.
   *
   * @default {0}
   */
  staleIfErrorMs?: number;
  /** Milliseconds since 1970, for tests. */
  nowMs?: () => number;
}

/** What a cache has done so far. */
export interface ResponseCacheStatistics {
  /** Requests that were answered without the server. */
  readonly hits: number;
  /** Of these, with a response that was stale. */
  readonly staleHits: number;
  /** Responses that a server confirmed. */
  readonly validated: number;
  /** Requests that went to a server and could not be answered from here. */
  readonly misses: number;
  /** Responses that were kept. */
  readonly stored: number;
  /** Responses that the store did not take; the requests were answered nevertheless. */
  readonly storeErrors: number;
}

/**
 * Keeps responses as the cache of one user (RFC 9111), around anything that answers requests.
 *
 * Freshness, `Vary`, validation by `ETag` and `Last-Modified`, `stale-while-revalidate` and
 * `stale-if-error` (RFC 5861), the directives of requests and responses, and invalidation by unsafe
 * methods are minded. Requests that ask for the same at the same time become one. Answers to GET
 * are kept; a request with a range or a precondition of its own goes by, and so does an answer that
 * was redirected.
 *
 * @example One request instead of two
 * ```ts
 * import { ResponseCache } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * let asked = 0;
 * const headers = { "cache-control": "max-age=60" };
 * const cache = new ResponseCache();
 * const cached = cache.wrap(() => Promise.resolve(new Response(`${++asked}`, { headers })));
 * for (let i = 0; i < 2; i++) {
 *   assertEquals(await (await cached(new Request("http://localhost/"))).text(), "1");
 *   await cache.whenIdle();
 * }
 * assertEquals(cache.statistics.hits, 1);
 * ```
 */
export class ResponseCache {
  readonly #variants: VariantTable;
  readonly #responseBytesMax: number;
  readonly #staleIfErrorMs: number;
  readonly #nowMs: () => number;
  readonly #counts = { hits: 0, staleHits: 0, validated: 0, misses: 0 };
  /** Requests on their way: settled when the answer is kept, or will not be. */
  readonly #flights = new Map<string, Promise<void>>();
  readonly #background = new Set<Promise<unknown>>();

  /** An empty cache, or what the store has. */
  constructor(options: ResponseCacheOptions = {}) {
    this.#variants = new VariantTable(options.store ?? new MemoryResponseStore());
    this.#responseBytesMax = options.responseBytesMax ?? 8_388_608;
    this.#staleIfErrorMs = options.staleIfErrorMs ?? 0;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** What it has done so far. */
  get statistics(): ResponseCacheStatistics {
    const { stored, storeErrors } = this.#variants;
    return { ...this.#counts, stored, storeErrors };
  }

  /** Answers what it can, and asks `next` for all else. */
  wrap(next: FetchRequest): FetchRequest {
    return (request) => this.#answer(next, request);
  }

  /** Forgets all responses. */
  clear(): Promise<void> {
    return this.#variants.clear();
  }

  /** When nothing is being kept or validated that no caller waits for. */
  async whenIdle(): Promise<void> {
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
  }

  async #answer(next: FetchRequest, request: Request): Promise<Response> {
    if (!/^https?:/.test(request.url)) return await next(request);
    if (!SAFE_METHODS.has(request.method)) return await this.#change(next, request);
    const goesBy = request.method !== "GET" || OWN_FIELDS.some((name) => request.headers.has(name));
    const asked = new CacheControl(request.headers, true);
    if (goesBy || asked.has("no-store")) return await next(request);
    const key = keyOf(request.url);
    const found = await this.#find(key, request.headers);
    if (found !== undefined) {
      const decision = decide(found, request.headers, this.#nowMs());
      if (decision === "serve") return this.#hit(found);
      if (decision === "serve and validate") {
        this.#validateLater(next, request, key, found);
        return this.#hit(found);
      }
    }
    if (asked.has("only-if-cached")) return new Response(null, { status: 504 });
    return await this.#ask(next, request, key, found);
  }

  #hit(response: StoredResponse): Response {
    const nowMs = this.#nowMs();
    this.#counts.hits++;
    if (decide(response, new Headers(), nowMs) !== "serve") this.#counts.staleHits++;
    return answerFrom(response, nowMs);
  }

  async #find(key: string, headers: Headers): Promise<StoredResponse | undefined> {
    const variants = await this.#variants.get(key);
    return variants.find((response) => isVariantFor(response, headers));
  }

  /** Asks the server, or waits for one who asks the same and looks again. */
  async #ask(
    next: FetchRequest,
    request: Request,
    key: string,
    found: StoredResponse | undefined,
  ): Promise<Response> {
    const flightKey = `${key}\n${JSON.stringify([...request.headers])}`;
    const flight = this.#flights.get(flightKey);
    if (flight !== undefined) {
      await timeout(flight, Infinity, { signal: request.signal });
      const again = await this.#find(key, request.headers);
      const isGood = again !== undefined && again !== found &&
        decide(again, request.headers, this.#nowMs()) === "serve";
      if (isGood) return this.#hit(again);
      return (await this.#fetch(next, request, key, again)).response;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flights.set(flightKey, promise);
    const land = () => {
      this.#flights.delete(flightKey);
      resolve();
    };
    try {
      const { response, kept } = await this.#fetch(next, request, key, found);
      this.#inBackground(kept.finally(land));
      return response;
    } catch (error) {
      land();
      throw error;
    }
  }

  /** Asks the server, whether what is stored is still good where there is such a thing. */
  async #fetch(
    next: FetchRequest,
    request: Request,
    key: string,
    found: StoredResponse | undefined,
  ): Promise<Fetched> {
    if (found === undefined) return await this.#fetchWhole(next, request, key);
    const requestMs = this.#nowMs();
    const hides = () => mayHideError(found, request.headers, this.#nowMs(), this.#staleIfErrorMs);
    let response: Response;
    try {
      response = await next(conditional(request, found));
    } catch (error) {
      if (request.signal.aborted || !hides()) throw error;
      return { response: this.#hit(found), kept: DONE };
    }
    if (response.status >= 500 && hides()) {
      await response.body?.cancel();
      return { response: this.#hit(found), kept: DONE };
    }
    if (response.status !== 304) return this.#keep(request, response, key, requestMs);
    await response.body?.cancel();
    if (!isConfirmedBy(found, response.headers)) {
      return await this.#fetchWhole(next, request, key);
    }
    const fresh = refreshed(found, response.headers, requestMs, this.#nowMs());
    this.#counts.validated++;
    const kept = this.#variants.put(key, fresh);
    return { response: answerFrom(fresh, this.#nowMs()), kept };
  }

  async #fetchWhole(next: FetchRequest, request: Request, key: string): Promise<Fetched> {
    const requestMs = this.#nowMs();
    return this.#keep(request, await next(request), key, requestMs);
  }

  /** Hands a response out, and keeps it when its content is all there. */
  #keep(request: Request, response: Response, key: string, requestMs: number): Fetched {
    const responseMs = this.#nowMs();
    this.#counts.misses++;
    const length = Number(response.headers.get("content-length") ?? 0);
    if (!isStorable(request, response) || length > this.#responseBytesMax) {
      return { response, kept: DONE };
    }
    const [answer, content] = keptAnswer(response, this.#responseBytesMax);
    const kept = content.then((bytes) => {
      if (bytes === null) return;
      return this.#variants.put(key, stored(request, response, bytes, requestMs, responseMs));
    });
    return { response: answer, kept };
  }

  /** Nobody waits for it; the next request gets what came of it. */
  #validateLater(
    next: FetchRequest,
    request: Request,
    key: string,
    found: StoredResponse,
  ): void {
    const flightKey = `${key}\nvalidation`;
    if (this.#flights.has(flightKey)) return;
    const later = new Request(request.url, { headers: request.headers });
    const flight = this.#fetch(next, later, key, found).then(async ({ response, kept }) => {
      await kept;
      await response.body?.cancel();
    }).catch(() => {
      // The response stays stale; the next request asks again.
    }).finally(() => this.#flights.delete(flightKey));
    this.#flights.set(flightKey, flight);
    this.#inBackground(flight);
  }

  /** RFC 9111 section 4.4: what an unsafe method has changed is not known any more. */
  async #change(next: FetchRequest, request: Request): Promise<Response> {
    const response = await next(request);
    if (response.status < 200 || response.status >= 400) return response;
    const keys = new Set([keyOf(request.url)]);
    for (const name of ["location", "content-location"]) {
      const url = URL.parse(response.headers.get(name) ?? "", request.url);
      const isOwn = url !== null && url.origin === new URL(request.url).origin;
      if (isOwn && response.headers.has(name)) keys.add(keyOf(url.href));
    }
    for (const key of keys) await this.#variants.invalidate(key, this.#nowMs());
    return response;
  }

  #inBackground(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work.catch(() => {}).finally(() =>
      this.#background.delete(settled)
    );
    this.#background.add(settled);
  }
}

interface Fetched {
  readonly response: Response;
  /** Settled when the response is kept, or will not be. */
  readonly kept: Promise<void>;
}

const DONE: Promise<void> = Promise.resolve();
/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** With these a request asks for something else than the whole. */
const OWN_FIELDS = [
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since"],
  "if-unmodified-since",
];

/** The URL without its fragment. */
function keyOf(url: string): string {
  const hash = url.indexOf("#");
  return hash < 0 ? url : url.slice(0, hash);
}

function conditional(request: Request, found: StoredResponse): Request {
  const headers = new Headers(request.headers);
  for (const [name, value] of conditions(found)) headers.set(name, value);
  return new Request(request, { headers });
}
