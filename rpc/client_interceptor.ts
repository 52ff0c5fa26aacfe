// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Caller, ClientCall } from "./client.ts";
import type { Metadata } from "./native_frame.ts";

/**
 * Stands before every call of a client: may look, change its options, measure, or answer in its
 * place. What `next` gives is what the {@linkcode Caller} gives: a promise, or a stream of replies.
 */
export type ClientInterceptor = (
  call: ClientCall,
  next: (call: ClientCall) => unknown,
) => unknown;

/**
 * Calls through a caller with interceptors before each call, the first one outermost.
 *
 * @example A client that names its user
 * ```ts
 * import { memoryDuplex } from "@photon/std/io";
 * import { type ClientInterceptor, clientOf, healthService } from "@photon/std/rpc";
 * import { interceptCalls, RpcChannel } from "@photon/std/rpc";
 *
 * const named: ClientInterceptor = (call, next) =>
 *   next({ ...call, options: { ...call.options, metadata: { user: "ada" } } });
 * const [near] = memoryDuplex();
 * using channel = new RpcChannel(near);
 * const client = clientOf(healthService, interceptCalls(channel, named));
 * ```
 */
export function interceptCalls(
  inner: Caller,
  ...interceptors: readonly ClientInterceptor[]
): Caller {
  const through = (kind: keyof Caller) => {
    const last = (call: ClientCall): unknown => inner[kind](call);
    return interceptors.reduceRight<(call: ClientCall) => unknown>(
      (next, interceptor) => (call) => interceptor(call, next),
      last,
    );
  };
  return {
    unary: through("unary"),
    stream: through("stream"),
    collect: through("collect"),
  } as Caller;
}

/** The call with more metadata. */
export function withMetadata(call: ClientCall, metadata: Metadata): ClientCall {
  const { options } = call;
  return { ...call, options: { ...options, metadata: { ...options?.metadata, ...metadata } } };
}
