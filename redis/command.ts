// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CommandDefinition } from "./command_definition.ts";
import { ReplyError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";
import type { Argument, RequestEncoder } from "./request_encoder.ts";

/** What a command and its arguments are, without who waits for them. */
export interface Request {
  /** Which command. */
  readonly definition: CommandDefinition;
  /** Its arguments, behind the name. */
  readonly args: readonly Argument[];
}

/** Makes the value of a command out of its reply. */
export type ReadReply<T> = (reply: Reply) => T;

/**
 * A command on its way: the request, and who is told of the reply. A {@linkcode Batch} is several
 * requests that leave together, with one outcome.
 */
export class Command implements Request {
  readonly definition: CommandDefinition;
  readonly args: readonly Argument[];
  /** Strings of the reply as bytes. */
  readonly asBytes: boolean;
  /** Nobody waits any more: it is not sent, and its reply is dropped. */
  isAbandoned = false;

  readonly #read: ReadReply<unknown> | undefined;
  readonly #resolve: (value: never) => void;
  readonly #reject: (reason: unknown) => void;

  /** Waits for its turn on a connection. */
  constructor(
    definition: CommandDefinition,
    args: readonly Argument[],
    asBytes: boolean,
    read: ReadReply<unknown> | undefined,
    resolve: (value: never) => void,
    reject: (reason: unknown) => void,
  ) {
    this.definition = definition;
    this.args = args;
    this.asBytes = asBytes;
    this.#read = read;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Whether it may be sent again when its answer was lost. */
  get isReplayable(): boolean {
    return this.definition.isReplayable;
  }

  /** Whether it cannot be sent on a connection that others share. */
  get isExclusive(): boolean {
    return this.definition.isExclusive;
  }

  /**
   * Writes the request.
   *
   * @throws {TypeError} when an argument is neither text, number nor bytes; nothing is written then
   */
  encode(encoder: RequestEncoder): void {
    encoder.add(this.definition.head, this.definition.words, this.args);
  }

  /** Takes a reply; false when more belong to it. */
  take(reply: Reply): boolean {
    if (this.isAbandoned) return true;
    if (typeof reply === "object" && reply instanceof ReplyError) this.#refuse(reply);
    else if (this.#read === undefined) this.#resolve(reply as never);
    else {
      try {
        this.#resolve(this.#read(reply) as never);
      } catch (error) {
        this.#reject(error);
      }
    }
    return true;
  }

  /** Ends it with an error. */
  reject(reason: unknown): void {
    if (!this.isAbandoned) this.#reject(reason);
  }

  /** Ends it with an error; the reply that may still come is dropped. */
  abandon(reason: unknown): void {
    if (this.isAbandoned) return;
    this.#reject(reason);
    this.isAbandoned = true;
  }

  #refuse(error: ReplyError): void {
    error.command ??= this.definition.name;
    this.#reject(error);
  }
}

/** Several requests that nothing may come between; resolves with all replies, errors included. */
export class Batch extends Command {
  readonly #requests: readonly Request[];
  #replies: Reply[] = [];

  /** There must be one request at least. */
  constructor(
    requests: readonly Request[],
    asBytes: boolean,
    resolve: (replies: Reply[]) => void,
    reject: (reason: unknown) => void,
  ) {
    const [{ definition, args }] = requests as readonly [Request];
    super(definition, args, asBytes, undefined, resolve as (value: never) => void, reject);
    this.#requests = requests;
  }

  override get isReplayable(): boolean {
    return this.#requests.every(({ definition }) => definition.isReplayable);
  }

  /** What it begins it ends. */
  override get isExclusive(): boolean {
    return false;
  }

  override encode(encoder: RequestEncoder): void {
    // It may be sent again after some replies were lost.
    this.#replies = [];
    const before = encoder.length;
    try {
      for (const { definition, args } of this.#requests) {
        encoder.add(definition.head, definition.words, args);
      }
    } catch (error) {
      // Half of it would be answered, with nobody to take the answers.
      encoder.cut(before);
      throw error;
    }
  }

  override take(reply: Reply): boolean {
    if (reply instanceof ReplyError) {
      reply.command ??= this.#requests[this.#replies.length]!.definition.name;
    }
    this.#replies.push(reply);
    if (this.#replies.length < this.#requests.length) return false;
    return super.take(this.#replies);
  }
}
