// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CallOptions } from "./call_options.ts";
import type { Type } from "./schema.ts";
import { isStream, type Method, type Methods, type Service, type Stream } from "./service.ts";

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

/** One call, on its way from a {@linkcode Client} to a server. */
export interface ClientCall {
  /** The service that is called. */
  readonly service: Service;
  /** Name of the method. */
  readonly methodName: string;
  /** The method. */
  readonly method: Method;
  /** The request, or the stream of them. */
  readonly request: unknown;
  /** Options of the call. */
  readonly options?: CallOptions | undefined;
}

/** What carries calls to a server: one connection, or a pool of them. */
export interface Caller {
  /** One request, one reply. */
  unary(call: ClientCall): Promise<unknown>;
  /** A stream of replies. */
  stream(call: ClientCall): AsyncIterableIterator<unknown>;
  /** A stream of requests, one reply. */
  collect(call: ClientCall): Promise<unknown>;
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
 * const caller = { unary: ({ request }) => Promise.resolve(request) } as Caller;
 * assertEquals(await clientOf(echo, caller).say({ text: "hi" }), { text: "hi" });
 * ```
 */
export function clientOf<M extends Methods>(service: Service<M>, caller: Caller): Client<M> {
  const client: Record<string, unknown> = {};
  for (const [methodName, method] of Object.entries(service.methods)) {
    const kind = kindOf(method);
    client[methodName] = (request: unknown, options?: CallOptions) =>
      caller[kind]({ service, methodName, method, request, options });
  }
  return client as Client<M>;
}

function kindOf({ request, response }: Method): keyof Caller {
  if (isStream(response)) return "stream";
  return isStream(request) ? "collect" : "unary";
}
