// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A worker of a {@linkcode WorkPool} ended before it answered: it was terminated, called
 * `Deno.exit` or `close`, did not load, or threw outside of a call. `cause` says which, where that
 * is known.
 *
 * @example A job that ends its worker
 * ```ts
 * import { WorkerDied, WorkPool } from "@photon/std/io";
 * import { assertRejects } from "@std/assert";
 *
 * await using pool = new WorkPool({ workers: 1 });
 * const job = "data:application/javascript,export function leave() { Deno.exit(); }";
 * await assertRejects(() => pool.call(job, "leave", []), WorkerDied);
 * ```
 */
export class WorkerDied extends Error {
  /** `"WorkerDied"`. */
  override name = "WorkerDied";
}

/** A thrown value in a form that every way between threads can carry. */
export interface FlatThrown {
  /** What was thrown, when it was not an error. */
  value?: unknown;
  /** The error, when it was one. */
  error?: FlatError;
}

interface FlatError {
  /** Nearest class of the error that every thread has. */
  base: string;
  name: string;
  message: string;
  stack?: string | undefined;
  cause?: FlatThrown;
  errors?: FlatThrown[];
  /** Its own properties that are plain values, as `code`. */
  own: Record<string, unknown>;
}

/** Causes within causes. */
const CAUSES_MAX = 8;
/** Members of an `AggregateError` that are kept. */
const MEMBERS_MAX = 64;

type ErrorClass = new (message: string) => Error;

const classes = new Map<string, ErrorClass>();
for (
  const each of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]
) {
  classes.set(each.name, each);
}
for (const [name, each] of Object.entries(Deno.errors)) classes.set(name, each as ErrorClass);
classes.set("WorkerDied", WorkerDied);

/**
 * Flattens what a job threw: class, message, stack, cause and plain properties as `code`.
 *
 * @param plainOnly Turns values that are no errors into text, so that anything can travel
 */
export function flattenThrown(thrown: unknown, plainOnly: boolean, depth = 0): FlatThrown {
  if (!(thrown instanceof Error)) return { value: plainOnly ? asText(thrown) : thrown };
  const { message, stack, cause } = thrown;
  const flat: FlatError = {
    base: baseName(thrown),
    name: thrown.name === "Error" ? thrown.constructor.name : thrown.name,
    message,
    stack,
    own: plainProperties(thrown),
  };
  if (depth < CAUSES_MAX) {
    if (cause !== undefined) flat.cause = flattenThrown(cause, plainOnly, depth + 1);
    if (thrown instanceof AggregateError) {
      const members: unknown[] = thrown.errors.slice(0, MEMBERS_MAX);
      flat.errors = members.map((member) => flattenThrown(member, plainOnly, depth + 1));
    }
  }
  return { error: flat };
}

/** Makes of it what was thrown, in this thread's classes. */
export function restoreThrown({ value, error: flat }: FlatThrown): unknown {
  if (flat === undefined) return value;
  const error = construct(flat);
  if (error.name !== flat.name) define(error, "name", flat.name);
  define(error, "stack", flat.stack);
  if (flat.cause) define(error, "cause", restoreThrown(flat.cause));
  for (const [key, own] of Object.entries(flat.own)) {
    if (!Object.hasOwn(error, key)) define(error, key, own, true);
  }
  return error;
}

function construct({ base, name, message, errors }: FlatError): Error {
  if (base === "DOMException") return new DOMException(message, name);
  if (errors) return new AggregateError(errors.map(restoreThrown), message);
  return new (classes.get(base) ?? Error)(message);
}

function baseName(error: Error): string {
  if (error instanceof DOMException) return "DOMException";
  for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
    const name: unknown = at.constructor?.name;
    if (typeof name === "string" && classes.get(name)?.prototype === at) return name;
  }
  return "Error";
}

const PLAIN = ["string", "number", "boolean", "bigint"];

function plainProperties(error: Error): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(error).filter(([key, own]) => key !== "name" && PLAIN.includes(typeof own)),
  );
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}

function asText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
