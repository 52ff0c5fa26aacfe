// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { backoffMs, type BackoffOptions } from "../thread/backoff.ts";
import { RetryBudget } from "../thread/retry_budget.ts";
import { sleep } from "../thread/sleep.ts";
import type { FetchRequest } from "./fetch_request.ts";
import { ReplayableBody } from "./replayable_body.ts";
import { retryAfterMs } from "./retry_after.ts";

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /**
   * Tries in all, the first one included.
   *
   * @default {3}
   */
  triesMax?: number;
  /**
   * Methods that are tried again: by default those that do the same when done twice (RFC 9110
   * section 9.2.2).
   *
   * @default {["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]}
   */
  methods?: readonly string[];
  /**
   * Statuses that another try may better.
   *
   * @default {[408, 429, 502, 503, 504]}
   */
  statuses?: readonly number[];
  /** Waits between tries, unless `Retry-After` asks for longer ones. */
  backoff?: BackoffOptions;
  /**
   * Milliseconds of `Retry-After` that are waited; the response of a server that asks for more is
   * what the caller gets.
   *
   * @default {60000}
   */
  retryAfterMsMax?: number;
  /**
   * Tries beyond the first that requests may cause, as a share of all requests: what fails for
   * everybody must not be asked for three times as often. A few are always at hand.
   *
   * @default {0.1}
   */
  budgetShare?: number;
  /**
   * Bytes of a body that are kept to be sent again; a request with a longer one is tried once.
   *
   * @default {1048576}
   */
  bodyBytesMax?: number;
}

/**
 * Tries requests again that failed on their way, or were answered with a status that passes.
 *
 * Only what may be done twice is tried again, with a wait that doubles and is partly left to
 * chance; `Retry-After` is obeyed. An aborted request is not tried again, nor is waited for. The
 * last response or error is the caller's, the bodies of those before are given up.
 *
 * @example A server that is not ready yet
 * ```ts
 * import { retry } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * let tries = 0;
 * const flaky = () => Promise.resolve(new Response("", { status: ++tries < 3 ? 503 : 200 }));
 * const patient = retry(flaky, { backoff: { firstMs: 1 } });
 * assertEquals((await patient(new Request("http://localhost/"))).status, 200);
 * assertEquals(tries, 3);
 * ```
 */
export function retry(fetch: FetchRequest, options: RetryOptions = {}): FetchRequest {
  const { triesMax = 3, methods = METHODS, bodyBytesMax = 1_048_576 } = options;
  const budget = new RetryBudget(options.budgetShare);
  const settings = { ...options, triesMax, budget };
  return async (request) => {
    budget.earn();
    if (triesMax <= 1 || !methods.includes(request.method)) return await fetch(request);
    const body = request.body === null ? null : new ReplayableBody(request.body, bodyBytesMax);
    try {
      const response = await tryRepeatedly(fetch, request, body, settings);
      body?.settle();
      return response;
    } catch (error) {
      body?.cancel(error);
      throw error;
    }
  };
}

/** Done twice they do the same as once. */
const METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
const STATUSES = [408, 429, 502, 503, 504];

interface Settings extends RetryOptions {
  readonly triesMax: number;
  readonly budget: RetryBudget;
}

async function tryRepeatedly(
  fetch: FetchRequest,
  request: Request,
  body: ReplayableBody | null,
  settings: Settings,
): Promise<Response> {
  const { triesMax, budget, statuses = STATUSES, retryAfterMsMax = 60_000 } = settings;
  const { signal } = request;
  for (let tries = 1;; tries++) {
    const last = () => tries >= triesMax || body?.replayable === false || !budget.spend();
    let waitMs = backoffMs(tries, settings.backoff);
    try {
      const response = await fetch(await requestOf(request, body));
      if (!statuses.includes(response.status)) return response;
      const askedMs = retryAfterMs(response.headers);
      if (askedMs > retryAfterMsMax || last()) return response;
      waitMs = Math.max(waitMs, askedMs);
      await response.body?.cancel();
    } catch (error) {
      if (signal.aborted || last()) throw error;
    }
    await sleep(waitMs, { signal });
  }
}

/** The request for one more try. */
async function requestOf(request: Request, body: ReplayableBody | null): Promise<Request> {
  return body === null ? request : new Request(request, { body: await body.open() });
}
