// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Schema, Type } from "./schema.ts";

/** A request or a reply of which there are any number, one after the other. */
export interface Stream<T> {
  /** Type of one of them. */
  readonly item: Type<T>;
}

/**
 * Any number of values of a type, where {@linkcode method} takes a request or a reply.
 *
 * @example A reply that is a stream
 * ```ts
 * import { method, stream, struct, u32 } from "@photon/std/rpc";
 *
 * const number = struct({ value: u32 });
 * const count = method({ id: 1, request: number, response: stream(number) });
 * ```
 */
export function stream<T>(item: Type<T>): Stream<T> {
  return { item };
}

/** A type, or a {@linkcode Stream} of it. */
export type Message<T = unknown> = Type<T> | Stream<T>;

/** One method of a service. */
export interface Method<Request extends Message = Message, Reply extends Message = Message> {
  /** Its number on the wire, unique in the service. */
  readonly id: number;
  /** What the caller sends. */
  readonly request: Request;
  /** What comes back. */
  readonly response: Reply;
  /**
   * Whether calling it twice is as good as once, so that a client may try again.
   *
   * @default {false}
   */
  readonly idempotent?: boolean;
}

/**
 * Types of requests and replies, as {@linkcode Method} has them.
 *
 * @example One that may be called again
 * ```ts
 * import { method, string, struct } from "@photon/std/rpc";
 *
 * const text = struct({ text: string });
 * const get = method({ id: 1, request: text, response: text, idempotent: true });
 * ```
 */
export function method<Request extends Message, Reply extends Message>(
  definition: Method<Request, Reply>,
): Method<Request, Reply> {
  return definition;
}

/** Methods by name. */
export type Methods = Readonly<Record<string, Method>>;

/** A typed table of methods: what a client calls and a server serves. */
export interface Service<M extends Methods = Methods> {
  /** Its number on the wire, unique on a server. */
  readonly id: number;
  /** Its name, for people. */
  readonly name: string;
  /** Its methods. */
  readonly methods: M;
}

/**
 * Defines a service. The types of its methods reach client and server without generated code.
 *
 * @throws {RangeError} When an id is no 32-bit number, or two methods have the same
 *
 * @example A service of one method
 * ```ts
 * import { defineService, method, string, struct, u32 } from "@photon/std/rpc";
 *
 * const store = defineService({
 *   id: 7,
 *   name: "store",
 *   methods: {
 *     length: method({
 *       id: 1,
 *       request: struct({ text: string }),
 *       response: struct({ length: u32 }),
 *     }),
 *   },
 * });
 * ```
 */
export function defineService<M extends Methods>(
  definition: { id: number; name?: string; methods: M },
): Service<M> {
  const { id, name = `service ${id}`, methods } = definition;
  checkId(`service ${name}`, id);
  const owners = new Map<number, string>();
  for (const [key, { id }] of Object.entries(methods)) {
    checkId(`method ${key}`, id);
    const other = owners.get(id);
    if (other !== undefined) {
      throw new RangeError(`Cannot define service: ${other} and ${key} have the same id ${id}`);
    }
    owners.set(id, key);
  }
  return { id, name, methods };
}

/** Schema of one message of a request or a reply. */
export function itemSchema(message: Message): Schema {
  return "item" in message ? message.item.schema : message.schema;
}

/** Whether there are any number of messages. */
export function isStream(message: Message): message is Stream<unknown> {
  return "item" in message;
}

function checkId(what: string, id: number): void {
  if (Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff) return;
  throw new RangeError(`Cannot define ${what}: its id must be a 32-bit number, received ${id}`);
}
