// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "../thread/alarm.ts";
import { Deadline } from "../thread/deadline.ts";
import { type Metadata, NO_METADATA } from "./native_frame.ts";
import { RpcError } from "./rpc_error.ts";

/**
 * What a handler knows of the call beside its request.
 *
 * @example A handler that reads metadata
 * ```ts
 * import { defineService, implement, method, struct, string } from "@photon/std/rpc";
 *
 * const text = struct({ text: string });
 * const echo = defineService({
 *   id: 1,
 *   methods: { say: method({ id: 1, request: text, response: text }) },
 * });
 * implement(echo, {
 *   say: (_request, { metadata }) => ({ text: metadata["user"] ?? "nobody" }),
 * });
 * ```
 */
export class CallContext {
  /** What the caller sent beside the request. */
  readonly metadata: Metadata;
  /** What travels beside the reply, when the handler sets it before it answers. */
  replyMetadata: Metadata = NO_METADATA;
  /** By when the caller wants the reply; undefined for no limit. */
  readonly deadline: Deadline | undefined;
  #controller: AbortController | undefined;
  #reason: unknown = undefined;
  #alarm: Alarm | undefined;
  #ended = false;

  /** Begins with what the request said. */
  constructor(metadata: Metadata, timeoutMs: number) {
    this.metadata = metadata;
    this.deadline = timeoutMs > 0 ? new Deadline(timeoutMs) : undefined;
  }

  /** Aborts when the caller gives up, its deadline passes or the connection ends. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
      // Not before somebody looks: a timer for each call would cost more than most calls.
      else if (this.deadline !== undefined && !this.#ended) {
        this.#alarm = setAlarm(this.deadline.atMs, () => this.abort(EXPIRED));
      }
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for the reply any more. */
  get cancelled(): boolean {
    return this.#reason !== undefined;
  }

  /** Tells the handler that nobody waits for it; for the connection. */
  abort(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.end();
    this.#controller?.abort(reason);
  }

  /** The call is answered, and its deadline nobody's any more; for the connection. */
  end(): void {
    this.#ended = true;
    if (this.#alarm !== undefined) clearAlarm(this.#alarm);
    this.#alarm = undefined;
  }
}

const EXPIRED = new RpcError("DEADLINE_EXCEEDED", "Cannot go on: the caller's time is up");
