// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Data: the name of the error for the first word of an error reply; all others are `ReplyError`.
// deno-fmt-ignore
const NAMES: Record<string, string> = {
  ASK:             "AskError",
  BUSY:            "BusyScriptError",
  BUSYGROUP:       "GroupExistsError",
  CLUSTERDOWN:     "ClusterDownError",
  CROSSSLOT:       "CrossSlotError",
  EXECABORT:       "TransactionAbortedError",
  LOADING:         "LoadingError",
  MASTERDOWN:      "MasterDownError",
  MISCONF:         "PersistenceError",
  MOVED:           "MovedError",
  NOAUTH:          "AuthenticationRequiredError",
  NOGROUP:         "NoSuchGroupError",
  NOPERM:          "PermissionDeniedError",
  NOREPLICAS:      "NoReplicasError",
  NOSCRIPT:        "NoSuchScriptError",
  OOM:             "OutOfMemoryError",
  READONLY:        "ReadOnlyError",
  TRYAGAIN:        "TryAgainError",
  UNKILLABLE:      "UnkillableError",
  WRONGPASS:       "AuthenticationError",
  WRONGTYPE:       "WrongTypeError",
};

/**
 * The server refused a command. `code` is the first word of its answer, `name` the same in words.
 *
 * @example Tell why
 * ```ts
 * import { ReplyError } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ReplyError("OOM command not allowed");
 * assertEquals([error.code, error.name], ["OOM", "OutOfMemoryError"]);
 * ```
 */
export class ReplyError extends Error {
  /** First word of the server's answer: `ERR`, `WRONGTYPE`, `OOM`. */
  readonly code: string;
  /** The command that was refused, where that is known. */
  command: string | undefined;

  /** Takes the text after the `-`. */
  constructor(text: string) {
    super(text);
    const space = text.indexOf(" ");
    this.code = space < 0 ? text : text.slice(0, space);
    this.name = NAMES[this.code] ?? "ReplyError";
  }
}

/**
 * The peer does not speak the protocol, or goes beyond a limit; its connection is closed.
 *
 * @example A type that does not exist
 * ```ts
 * import { ProtocolError, ReplyDecoder } from "@photon/std/redis";
 * import { assertThrows } from "@std/assert";
 *
 * const decoder = new ReplyDecoder();
 * decoder.push(new TextEncoder().encode("?\r\n"));
 * assertThrows(() => decoder.next(), ProtocolError);
 * ```
 */
export class ProtocolError extends Error {
  /** Which error it is. */
  override name = "ProtocolError";
}

/** What is known of a command whose connection was lost. */
export type Outcome = "not sent" | "unknown";

/**
 * A command lost its connection and cannot be repeated safely.
 *
 * @example Ask whether it may have been executed
 * ```ts
 * import { ConnectionLostError } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new ConnectionLostError("INCR", "unknown").outcome, "unknown");
 * ```
 */
export class ConnectionLostError extends Error {
  /** Which error it is. */
  override name = "ConnectionLostError";
  /**
   * `"not sent"`: the server never saw it. `"unknown"`: it reached the wire; the server executed
   * it, or did not.
   */
  readonly outcome: Outcome;

  /** Says which command, and what is known of it. */
  constructor(command: string, outcome: Outcome, options?: ErrorOptions) {
    super(
      outcome === "unknown"
        ? `Cannot tell whether ${command} was executed: the connection was lost before its answer`
        : `Cannot send ${command}: the connection was lost`,
      options,
    );
    this.outcome = outcome;
  }
}

/**
 * Too many commands wait for the server: the bound is `queueMax`.
 *
 * @example Catch it
 * ```ts
 * import { QueueFullError } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new QueueFullError("Cannot send GET").name, "QueueFullError");
 * ```
 */
export class QueueFullError extends Error {
  /** Which error it is. */
  override name = "QueueFullError";
}

/**
 * The client was closed.
 *
 * @example Catch it
 * ```ts
 * import { ClientClosedError } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new ClientClosedError("Cannot send GET").name, "ClientClosedError");
 * ```
 */
export class ClientClosedError extends Error {
  /** Which error it is. */
  override name = "ClientClosedError";
}

/**
 * A watched key was changed: the transaction did nothing.
 *
 * @example Catch it
 * ```ts
 * import { WatchError } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new WatchError("Cannot commit").name, "WatchError");
 * ```
 */
export class WatchError extends Error {
  /** Which error it is. */
  override name = "WatchError";
}
