// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Handler } from "./middleware.ts";

/** Upper bounds of the durations that are counted apart, in seconds. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** Counts of a server, see {@linkcode HttpMetrics.snapshot}. */
export interface HttpMetricsSnapshot {
  /** Requests that are being answered. */
  inFlight: number;
  /** Responses by method and class of status: `GET 2xx`. */
  responses: Record<string, number>;
  /** Requests whose handler failed. */
  failures: number;
  /** Requests that took no longer than each of {@linkcode DURATION_BUCKETS_SECONDS}, then all. */
  durations: number[];
  /** Seconds that all took together. */
  durationSum: number;
}

// Data: methods that are counted by name; clients can think up others without end.
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/**
 * Counts what a handler answers, and how long it takes to.
 *
 * @example Count requests
 * ```ts
 * import { HttpMetrics } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const metrics = new HttpMetrics();
 * const handler = metrics.measure(() => new Response());
 * await handler(new Request("http://localhost"), {} as Deno.ServeHandlerInfo<never>);
 * assertEquals(metrics.snapshot().responses, { "GET 2xx": 1 });
 * ```
 */
export class HttpMetrics {
  readonly #responses: Map<string, number> = new Map();
  readonly #durations: number[] = new Array(DURATION_BUCKETS_SECONDS.length + 1).fill(0);
  #inFlight = 0;
  #failures = 0;
  #durationSum = 0;

  /** A handler that counts. */
  measure<A extends Deno.Addr = Deno.Addr>(handler: Handler<A>): Handler<A> {
    return async (request, info) => {
      const method = METHODS.includes(request.method) ? request.method : "other";
      const begin = performance.now();
      this.#inFlight++;
      try {
        const response = await handler(request, info);
        const key = `${method} ${Math.floor(response.status / 100)}xx`;
        this.#responses.set(key, (this.#responses.get(key) ?? 0) + 1);
        return response;
      } catch (error) {
        this.#failures++;
        throw error;
      } finally {
        this.#inFlight--;
        this.#took((performance.now() - begin) / 1000);
      }
    };
  }

  /** The counts since the start; made for a Prometheus client to pick up. */
  snapshot(): HttpMetricsSnapshot {
    let below = 0;
    return {
      inFlight: this.#inFlight,
      responses: Object.fromEntries(this.#responses),
      failures: this.#failures,
      durations: this.#durations.map((count) => below += count),
      durationSum: this.#durationSum,
    };
  }

  #took(seconds: number): void {
    const bucket = DURATION_BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
    this.#durations[bucket < 0 ? DURATION_BUCKETS_SECONDS.length : bucket]++;
    this.#durationSum += seconds;
  }
}
