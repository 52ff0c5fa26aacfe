// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientInterceptor } from "./client_interceptor.ts";
import type { Interceptor } from "./handlers.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { whenOver } from "./outcome.ts";
import { asRpcError, type RpcCode } from "./rpc_error.ts";
import type { Service } from "./service.ts";

/** What was counted of one method. */
export interface MethodMetrics {
  /** Calls that are over. */
  readonly calls: number;
  /** Calls in flight. */
  readonly inFlight: number;
  /** How calls failed, and how often. */
  readonly errors: ReadonlyMap<RpcCode, number>;
  /** How long calls took, streams to their end. */
  readonly latency: LatencyHistogram;
}

interface Counted extends MethodMetrics {
  calls: number;
  inFlight: number;
  readonly errors: Map<RpcCode, number>;
}

/**
 * Counts calls and their times by method, on a server, a client or both.
 *
 * @example Calls of a server
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { Health, healthService, RpcChannel, RpcMetrics, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const metrics = new RpcMetrics();
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const interceptors = [metrics.interceptor];
 * await using server = serve(listener, [new Health().implementation], { interceptors });
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * await channel.client(healthService).check({ service: "" });
 * assertEquals(metrics.methods.get("health/check")?.calls, 1);
 * ```
 */
export class RpcMetrics {
  readonly #methods = new Map<string, Counted>();

  /** What was counted, by `service/method`. */
  get methods(): ReadonlyMap<string, MethodMetrics> {
    return this.#methods;
  }

  /** For `serve`: counts what is served. */
  readonly interceptor: Interceptor = (call, next) => this.#count(nameOf(call), next);

  /** For `interceptCalls`: counts what is called. */
  readonly clientInterceptor: ClientInterceptor = (call, next) =>
    this.#count(nameOf(call), () => next(call));

  #count(name: string, call: () => unknown): unknown {
    const counted = this.#of(name);
    counted.inFlight++;
    const startMs = performance.now();
    return whenOver(call, (error) => {
      counted.inFlight--;
      counted.calls++;
      counted.latency.add((performance.now() - startMs) * 1000);
      if (error === undefined) return;
      const { code } = asRpcError(error);
      counted.errors.set(code, (counted.errors.get(code) ?? 0) + 1);
    });
  }

  #of(name: string): Counted {
    let counted = this.#methods.get(name);
    if (counted === undefined) {
      counted = { calls: 0, inFlight: 0, errors: new Map(), latency: new LatencyHistogram() };
      this.#methods.set(name, counted);
    }
    return counted;
  }
}

function nameOf({ service, methodName }: { service: Service; methodName: string }): string {
  return `${service.name}/${methodName}`;
}
