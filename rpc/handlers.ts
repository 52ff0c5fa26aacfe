// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CallContext } from "./call_context.ts";
import { messageCodec, type NativeCodec } from "./native_codec.ts";
import type { Type } from "./schema.ts";
import {
  isStream,
  itemSchema,
  type Message,
  type Method,
  type Methods,
  type Service,
  type Stream,
} from "./service.ts";

/** What a handler gets for a request: the message, or a stream of them. */
export type Incoming<M> = M extends Stream<infer T> ? AsyncIterable<T>
  : M extends Type<infer T> ? T
  : never;

/** What a handler gives for a reply: the message, now or later, or a stream of them. */
export type Outgoing<M> = M extends Stream<infer T> ? AsyncIterable<T>
  : M extends Type<infer T> ? T | Promise<T>
  : never;

/** A function for each method of a service. */
export type Handlers<M extends Methods> = {
  [Name in keyof M]: (
    request: Incoming<M[Name]["request"]>,
    context: CallContext,
  ) => Outgoing<M[Name]["response"]>;
};

/** A service with its handlers, as {@linkcode serve} takes it. */
export interface Implementation {
  /** The service. */
  readonly service: Service;
  /** Its handlers, by method. */
  readonly handlers: Readonly<Record<string, Handler>>;
}

/** A handler whose types were checked before. */
export type Handler = (request: never, context: CallContext) => unknown;

/**
 * Joins a service with its handlers; `this` is the object in each of them.
 *
 * @example One handler for each method
 * ```ts
 * import { defineService, implement, method, struct, u32 } from "@photon/std/rpc";
 *
 * const number = struct({ value: u32 });
 * const math = defineService({
 *   id: 1,
 *   methods: { square: method({ id: 1, request: number, response: number }) },
 * });
 * implement(math, { square: ({ value }) => ({ value: value * value }) });
 * ```
 */
export function implement<M extends Methods>(
  service: Service<M>,
  handlers: Handlers<M>,
): Implementation {
  return { service, handlers: handlers as unknown as Record<string, Handler> };
}

/** The call that an interceptor stands before. */
export interface InterceptedCall {
  /** The service that is called. */
  readonly service: Service;
  /** Name of the method. */
  readonly methodName: string;
  /** The method. */
  readonly method: Method;
  /** The request, or the stream of them. */
  readonly request: unknown;
  /** What else is known. */
  readonly context: CallContext;
}

/** Stands before every handler: may look, refuse, measure, or answer in its place. */
export type Interceptor = (call: InterceptedCall, next: () => unknown) => unknown;

/** One method, ready to be called. */
export interface BoundMethod {
  readonly service: Service;
  readonly methodName: string;
  readonly method: Method;
  readonly requestCodec: NativeCodec;
  readonly replyCodec: NativeCodec;
  readonly streamsRequests: boolean;
  readonly streamsReplies: boolean;
  /** Runs interceptors and handler. */
  call(request: unknown, context: CallContext): unknown;
}

/**
 * Finds methods by their numbers.
 *
 * @throws {RangeError} When two services have the same id
 * @throws {TypeError} When a handler is missing
 */
export function bindMethods(
  implementations: readonly Implementation[],
  interceptors: readonly Interceptor[],
): Map<number, Map<number, BoundMethod>> {
  const services = new Map<number, Map<number, BoundMethod>>();
  for (const { service, handlers } of implementations) {
    if (services.has(service.id)) {
      throw new RangeError(`Cannot serve ${service.name}: id ${service.id} is taken`);
    }
    const methods = new Map<number, BoundMethod>();
    for (const [methodName, method] of Object.entries(service.methods)) {
      const handler = handlers[methodName];
      if (typeof handler !== "function") {
        throw new TypeError(`Cannot serve ${service.name}: ${methodName} has no handler`);
      }
      methods.set(
        method.id,
        bindMethod(service, methodName, method, handler.bind(handlers), interceptors),
      );
    }
    services.set(service.id, methods);
  }
  return services;
}

function bindMethod(
  service: Service,
  methodName: string,
  method: Method<Message, Message>,
  handler: Handler,
  interceptors: readonly Interceptor[],
): BoundMethod {
  let call = handler as BoundMethod["call"];
  for (const interceptor of interceptors.toReversed()) {
    const inner = call;
    call = (request, context) =>
      interceptor({ service, methodName, method, request, context }, () => inner(request, context));
  }
  return {
    service,
    methodName,
    method,
    requestCodec: messageCodec(itemSchema(method.request)),
    replyCodec: messageCodec(itemSchema(method.response)),
    streamsRequests: isStream(method.request),
    streamsReplies: isStream(method.response),
    call,
  };
}
