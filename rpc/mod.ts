// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Typed services over any stream: many calls at once on one connection, answered in any order, with
 * deadlines, cancellation, metadata and streams; and the wire format of C++ PhotonLibOS.
 *
 * ```ts
 * import { defineService, method, string, struct } from "@photon/std/rpc";
 *
 * const text = struct({ text: string });
 * export const echo = defineService({
 *   id: 1,
 *   name: "echo",
 *   methods: { say: method({ id: 1, request: text, response: text }) },
 * });
 * ```
 *
 * | for                                | use                                                   |
 * | ---------------------------------- | ----------------------------------------------------- |
 * | types of messages                  | {@linkcode struct}, {@linkcode u32} and their like    |
 * | a server, on one thread or several | {@linkcode serve}, {@linkcode serveWorkers}           |
 * | calls over one connection          | {@linkcode RpcChannel}                                |
 * | several servers, retries, hedging  | {@linkcode RpcPool}                                   |
 * | finding servers                    | {@linkcode dnsResolver}, {@linkcode redisResolver}    |
 * | who may call                       | {@linkcode bearerTokenInterceptor}                    |
 * | counts, times, traces              | {@linkcode RpcMetrics}, {@linkcode openTelemetry}     |
 * | what a server is and does          | {@linkcode Health}, {@linkcode reflection}            |
 * | a peer in C++                      | `framing: "photon"`, {@linkcode checked}              |
 * | another protocol with tags         | {@linkcode OutOfOrder}                                |
 *
 * @module
 */
export type { BackoffOptions } from "./backoff.ts";
export {
  bearerTokenClientInterceptor,
  bearerTokenInterceptor,
  type BearerTokenOptions,
} from "./bearer_token.ts";
export type { Balance } from "./balancer.ts";
export { CallContext } from "./call_context.ts";
export type { CallOptions } from "./call_options.ts";
export { RpcChannel } from "./channel.ts";
export type { RpcChannelOptions } from "./channel_options.ts";
export { CircuitBreaker, type CircuitBreakerOptions } from "./circuit_breaker.ts";
export {
  type Caller,
  type Client,
  type ClientCall,
  clientOf,
  type Received,
  type Sent,
} from "./client.ts";
export { type ClientInterceptor, interceptCalls } from "./client_interceptor.ts";
export {
  type Handler,
  type Handlers,
  implement,
  type Implementation,
  type Incoming,
  type InterceptedCall,
  type Interceptor,
  type Outgoing,
} from "./handlers.ts";
export { Health, type HealthMethods, healthService, type HealthStatus } from "./health.ts";
export type { CompressionOptions } from "./compression.ts";
export type { KeepAliveOptions } from "./keep_alive.ts";
export type { LatencyHistogram } from "./latency_histogram.ts";
export { type MethodMetrics, RpcMetrics } from "./metrics.ts";
export type { Metadata } from "./native_frame.ts";
export {
  openTelemetry,
  type OpenTelemetryApi,
  type OpenTelemetryInterceptors,
  type OpenTelemetrySpan,
  type OpenTelemetrySpanOptions,
  type OpenTelemetryTracer,
} from "./open_telemetry.ts";
export { OutOfOrder, type OutOfOrderOptions } from "./out_of_order.ts";
export {
  type DescribedMessage,
  type DescribedMethod,
  type DescribedService,
  reflection,
  type ReflectionMethods,
  reflectionService,
} from "./reflection.ts";
export type { RetryOptions } from "./retry_options.ts";
export { type RpcCode, RpcError, type RpcErrorOptions } from "./rpc_error.ts";
export { type PoolCall, type PoolCallOptions, RpcPool, type RpcPoolOptions } from "./rpc_pool.ts";
export {
  dnsResolver,
  redisResolver,
  registerInRedis,
  type RegistryClient,
  type RpcResolver,
  staticResolver,
} from "./resolver.ts";
export {
  alignedBytes,
  alignedIovecArray,
  array,
  bool,
  bytes,
  type BytesKind,
  checked,
  f32,
  f64,
  i16,
  i32,
  i64,
  i64Number,
  i8,
  iovecArray,
  map,
  oneOf,
  optional,
  type ScalarKind,
  type Schema,
  type SchemaField,
  string,
  struct,
  type StructOf,
  type Type,
  u16,
  u32,
  u64,
  u64Number,
  u8,
  type ValueOf,
  variant,
  type VariantOf,
} from "./schema.ts";
export { RpcServer, serve } from "./serve.ts";
export type { RpcListener, ServeOptions } from "./serve_options.ts";
export { RpcWorkers, serveWorkers, type ServeWorkersOptions } from "./serve_workers.ts";
export type { WorkerModule } from "./serve_worker.ts";
export {
  defineService,
  type Message,
  type Method,
  method,
  type Methods,
  type Service,
  type Stream,
  stream,
} from "./service.ts";
export {
  currentTrace,
  formatTraceparent,
  newSpan,
  parseTraceparent,
  runInTrace,
  traceClientInterceptor,
  type TraceContext,
  traceInterceptor,
} from "./trace_context.ts";
