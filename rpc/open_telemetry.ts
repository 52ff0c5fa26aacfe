// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type ClientInterceptor, withMetadata } from "./client_interceptor.ts";
import type { Interceptor } from "./handlers.ts";
import { whenOver } from "./outcome.ts";
import { asRpcError } from "./rpc_error.ts";
import type { Service } from "./service.ts";

/** As much of `npm:@opentelemetry/api` as {@linkcode openTelemetry} needs. */
export interface OpenTelemetryApi {
  /** Its `trace`. */
  readonly trace: {
    /** Gives what begins spans. */
    getTracer(name: string): OpenTelemetryTracer;
    /** The context with a span in it. */
    setSpan(context: unknown, span: unknown): unknown;
  };
  /** Its `context`. */
  readonly context: {
    /** That of the running coroutine. */
    active(): unknown;
    /** Runs a function in one. */
    with(context: unknown, call: () => unknown): unknown;
  };
  /** Its `propagation`. */
  readonly propagation: {
    /** Writes where a context belongs into metadata. */
    inject(context: unknown, carrier: Record<string, string>): void;
    /** Reads it. */
    extract(context: unknown, carrier: Record<string, string>): unknown;
  };
}

/** As much of a `Tracer` as is needed. */
export interface OpenTelemetryTracer {
  /** Begins a span. */
  startSpan(name: string, options: OpenTelemetrySpanOptions, context: unknown): OpenTelemetrySpan;
}

/** What a span begins with. */
export interface OpenTelemetrySpanOptions {
  /** `SpanKind` of the API. */
  kind: number;
  /** What is known of the call, named as the semantic conventions for RPC name it. */
  attributes: Record<string, string>;
}

/** As much of a `Span` as is needed. */
export interface OpenTelemetrySpan {
  /** Sets one more attribute. */
  setAttribute(name: string, value: string): unknown;
  /** Says how it went, with a `SpanStatusCode` of the API. */
  setStatus(status: { code: number; message: string }): unknown;
  /** Ends it. */
  end(): void;
}

/** Makes spans of calls. */
export interface OpenTelemetryInterceptors {
  /** For `serve`: a span for each call, under that of its caller. */
  readonly interceptor: Interceptor;
  /** For `interceptCalls`: a span for each call, of which the server is told. */
  readonly clientInterceptor: ClientInterceptor;
}

// As `SpanKind` and `SpanStatusCode` of the API number them.
const KIND_SERVER = 1;
const KIND_CLIENT = 2;
const STATUS_ERROR = 2;

/**
 * Makes OpenTelemetry spans of calls, by the API object of an application that has one: the library
 * itself does not load it. A call and what its handler does are in one trace when the application
 * has set a propagator; spans nest in a process when it has set a context manager, as the SDKs do
 * and as Deno does with `OTEL_DENO=true`.
 *
 * @param api The namespace of `npm:@opentelemetry/api`
 *
 * @example An application with OpenTelemetry
 * ```ts
 * import * as api from "@opentelemetry/api";
 * import { memoryDuplex } from "@photon/std/io";
 * import { listen } from "@photon/std/net";
 * import { Health, interceptCalls, openTelemetry, RpcChannel, serve } from "@photon/std/rpc";
 *
 * const { interceptor, clientInterceptor } = openTelemetry(api);
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const interceptors = [interceptor];
 * await using _server = serve(listener, [new Health().implementation], { interceptors });
 * using channel = new RpcChannel(memoryDuplex()[0]);
 * const _caller = interceptCalls(channel, clientInterceptor);
 * ```
 */
export function openTelemetry(api: OpenTelemetryApi): OpenTelemetryInterceptors {
  const tracer = api.trace.getTracer("@photon/std/rpc");
  return {
    interceptor(call, next) {
      const parent = api.propagation.extract(api.context.active(), { ...call.context.metadata });
      const span = tracer.startSpan(nameOf(call), begin(KIND_SERVER, call), parent);
      const context = api.trace.setSpan(parent, span);
      return whenOver(
        next,
        (error) => end(span, error),
        (step) => api.context.with(context, step) as ReturnType<typeof step>,
      );
    },
    clientInterceptor(call, next) {
      const parent = api.context.active();
      const span = tracer.startSpan(nameOf(call), begin(KIND_CLIENT, call), parent);
      const carrier: Record<string, string> = {};
      api.propagation.inject(api.trace.setSpan(parent, span), carrier);
      return whenOver(() => next(withMetadata(call, carrier)), (error) => end(span, error));
    },
  };
}

/** A call, from either side. */
interface NamedCall {
  readonly service: Service;
  readonly methodName: string;
}

function nameOf({ service, methodName }: NamedCall): string {
  return `${service.name}/${methodName}`;
}

function begin(kind: number, { service, methodName }: NamedCall): OpenTelemetrySpanOptions {
  const attributes = {
    "rpc.system": "photon",
    "rpc.service": service.name,
    "rpc.method": methodName,
  };
  return { kind, attributes };
}

function end(span: OpenTelemetrySpan, error: unknown): void {
  if (error !== undefined) {
    const { code, message } = asRpcError(error);
    span.setAttribute("error.type", code);
    span.setStatus({ code: STATUS_ERROR, message });
  }
  span.end();
}
