// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RingBuffer } from "../thread/ring_buffer.ts";
import { QueueFullError } from "./redis_error.ts";

/** Messages that wait to be taken; one more ends the queue with {@linkcode QueueFullError}. */
export const MESSAGES_MAX = 65_536;

/** What comes by itself, for one who takes it in order. */
export class MessageQueue<T> {
  readonly #messages = new RingBuffer<T>();
  readonly #max: number;
  readonly #what: string;
  #waiter: PromiseWithResolvers<IteratorResult<T, undefined>> | null = null;
  #end: { error: unknown } | null = null;

  /** Keeps `max` messages at most; `what` names them in the error. */
  constructor(what: string, max: number = MESSAGES_MAX) {
    this.#what = what;
    this.#max = max;
  }

  /** Adds a message; false when the queue has ended. Losing one silently is no choice. */
  push(value: T): boolean {
    if (this.#end !== null) return false;
    const waiter = this.#waiter;
    if (waiter !== null) {
      this.#waiter = null;
      waiter.resolve({ done: false, value });
    } else if (this.#messages.size < this.#max) this.#messages.push(value);
    else {
      this.end(new QueueFullError(`Cannot keep ${this.#what}: ${this.#max} wait to be taken`));
      return false;
    }
    return true;
  }

  /** Ends the queue behind what is in it: with an error, or without. */
  end(error?: unknown): void {
    if (this.#end !== null) return;
    this.#end = { error };
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter === null) return;
    if (error === undefined) waiter.resolve({ done: true, value: undefined });
    else waiter.reject(error);
  }

  /** The oldest message; waits for one. Only one may wait. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#messages.size > 0) {
      return Promise.resolve({ done: false, value: this.#messages.shift() });
    }
    if (this.#end !== null) {
      const { error } = this.#end;
      this.#end = { error: undefined };
      if (error !== undefined) return Promise.reject(error);
      return Promise.resolve({ done: true, value: undefined });
    }
    if (this.#waiter !== null) {
      return Promise.reject(new TypeError(`Cannot take ${this.#what}: another takes them already`));
    }
    this.#waiter = Promise.withResolvers();
    return this.#waiter.promise;
  }
}
