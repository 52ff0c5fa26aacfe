// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CallOptions } from "./call_options.ts";
import type { Type } from "./schema.ts";
import {
  isStream,
  type Message,
  type Method,
  type Methods,
  type Service,
  type Stream,
} from "./service.ts";

/** What a caller sends: the message, or a stream of them. */
export type Sent<M> = M extends Stream<infer T> ? AsyncIterable<T> | Iterable<T>
  : M extends Type<infer T> ? T
  : never;

/** What a caller gets: a promise of the message, or a stream of them. */
export type Received<M> = M extends Stream<infer T> ? AsyncIterableIterator<T>
  : M extends Type<infer T> ? Promise<T>
  : never;

/** A function for each method of a service. */
export type Client<M extends Methods, Options extends CallOptions = CallOptions> = {
  readonly [Name in keyof M]: (
    request: Sent<M[Name]["request"]>,
    options?: Options,
  ) => Received<M[Name]["response"]>;
};

/** What carries calls to a server: one connection, or a pool of them. */
export interface Caller {
  /** One request, one reply. */
  unary(
    serviceId: number,
    method: Method,
    request: unknown,
    options?: CallOptions,
  ): Promise<unknown>;
  /** A stream of replies. */
  stream(
    serviceId: number,
    method: Method,
    request: unknown,
    options?: CallOptions,
  ): AsyncIterableIterator<unknown>;
  /** A stream of requests, one reply. */
  collect(
    serviceId: number,
    method: Method,
    requests: AsyncIterable<unknown>,
    options?: CallOptions,
  ): Promise<unknown>;
}

/**
 * The methods of a service, as functions that call through this caller.
 *
 * @example A caller that answers by itself
 * ```ts
 * import { type Caller, clientOf, defineService, method, string, struct } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const text = struct({ text: string });
 * const echo = defineService({
 *   id: 1,
 *   methods: { say: method({ id: 1, request: text, response: text }) },
 * });
 * const caller = { unary: (_id, _method, request) => Promise.resolve(request) } as Caller;
 * assertEquals(await clientOf(echo, caller).say({ text: "hi" }), { text: "hi" });
 * ```
 */
export function clientOf<M extends Methods>(service: Service<M>, caller: Caller): Client<M> {
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(service.methods)) {
    client[name] = bind(service.id, method, caller);
  }
  return client as Client<M>;
}

function bind(serviceId: number, method: Method<Message, Message>, caller: Caller): unknown {
  if (isStream(method.response)) {
    return (request: unknown, options?: CallOptions) =>
      caller.stream(serviceId, method, request, options);
  }
  if (isStream(method.request)) {
    return (requests: AsyncIterable<unknown>, options?: CallOptions) =>
      caller.collect(serviceId, method, requests, options);
  }
  return (request: unknown, options?: CallOptions) =>
    caller.unary(serviceId, method, request, options);
}
