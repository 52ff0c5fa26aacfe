// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CoroutineLocal } from "../thread/coroutine_local.ts";
import type { ClientCall } from "./client.ts";
import { withMetadata } from "./client_interceptor.ts";
import { whenOver } from "./outcome.ts";
import type { InterceptedCall } from "./handlers.ts";

/**
 * Where a call belongs in a trace (W3C Trace Context, section 3.2):
 *
 * ```
 *   traceparent: 00-<32 hex digits of the trace>-<16 hex digits of the caller's span>-<flags>
 * ```
 */
export interface TraceContext {
  /** The trace: 32 hex digits. */
  readonly traceId: string;
  /** The span in it: 16 hex digits. */
  readonly spanId: string;
  /** Whether the trace is recorded. */
  readonly sampled: boolean;
}

const current = new CoroutineLocal<TraceContext | undefined>(() => undefined);

/**
 * The trace that the running coroutine belongs to; undefined for none.
 *
 * @example Outside of any trace
 * ```ts
 * import { currentTrace } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(currentTrace(), undefined);
 * ```
 */
export function currentTrace(): TraceContext | undefined {
  return current.get();
}

/**
 * Runs a function, and all that it awaits, as a part of a trace.
 *
 * @example Inside of one
 * ```ts
 * import { currentTrace, newSpan, runInTrace } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const span = newSpan();
 * assertEquals(runInTrace(span, () => currentTrace()), span);
 * ```
 */
export function runInTrace<T>(context: TraceContext, call: () => T): T {
  return current.run(context, call);
}

/**
 * Reads a `traceparent`; undefined for one that is malformed, which the standard has ignored.
 *
 * @example One that is malformed
 * ```ts
 * import { parseTraceparent } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTraceparent("00-0-0-01"), undefined);
 * ```
 */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const match = TRACEPARENT.exec(text ?? "");
  if (match === null || match[1] === "ff" || ZEROS.test(match[2]) || ZEROS.test(match[3])) {
    return undefined;
  }
  // A later version may have more fields; version 00 has none.
  if (match[1] === "00" && match[5] !== undefined) return undefined;
  return { traceId: match[2], spanId: match[3], sampled: (parseInt(match[4], 16) & 1) === 1 };
}

/**
 * Writes a `traceparent`.
 *
 * @example There and back
 * ```ts
 * import { formatTraceparent, newSpan, parseTraceparent } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const span = newSpan();
 * assertEquals(parseTraceparent(formatTraceparent(span)), span);
 * ```
 */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/**
 * A new span of a trace, or the first of a new one.
 *
 * @example Two spans of a trace
 * ```ts
 * import { newSpan } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const first = newSpan();
 * assertEquals(newSpan(first).traceId, first.traceId);
 * ```
 */
export function newSpan(parent?: TraceContext): TraceContext {
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    sampled: parent?.sampled ?? true,
  };
}

/**
 * For `serve`: runs each handler in a span under that of its caller.
 *
 * @example A server whose handlers know their trace
 * ```ts
 * import { listen } from "@photon/std/net";
 * import { Health, serve, traceInterceptor } from "@photon/std/rpc";
 *
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const interceptors = [traceInterceptor];
 * await using _server = serve(listener, [new Health().implementation], { interceptors });
 * ```
 */
export function traceInterceptor({ context }: InterceptedCall, next: () => unknown): unknown {
  const span = newSpan(parseTraceparent(context.metadata["traceparent"]));
  // A handler's stream belongs to it as well.
  return whenOver(next, () => {}, (step) => runInTrace(span, step));
}

/**
 * For `interceptCalls`: sends the running coroutine's trace with every call.
 *
 * @example A client that tells its trace
 * ```ts
 * import { memoryDuplex } from "@photon/std/io";
 * import { clientOf, healthService, interceptCalls, RpcChannel } from "@photon/std/rpc";
 * import { traceClientInterceptor } from "@photon/std/rpc";
 *
 * const [near] = memoryDuplex();
 * using channel = new RpcChannel(near);
 * const client = clientOf(healthService, interceptCalls(channel, traceClientInterceptor));
 * ```
 */
export function traceClientInterceptor(
  call: ClientCall,
  next: (call: ClientCall) => unknown,
): unknown {
  const context = currentTrace();
  if (context === undefined) return next(call);
  return next(withMetadata(call, { traceparent: formatTraceparent(newSpan(context)) }));
}

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

function randomHex(byteLength: number): string {
  return crypto.getRandomValues(new Uint8Array(byteLength)).toHex();
}
