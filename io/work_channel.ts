// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "./engine_info.ts";
import type { ValueReader } from "./work_codec.ts";
import { type LinkMemory, type LinkReceiver, WorkLink } from "./work_link.ts";
import { mailboxMemory } from "./work_mailbox.ts";
import type { WakeKind } from "./work_wake.ts";

/** Calls of `send`, and of `receive`, that may wait on one channel. */
export const CHANNEL_WAITERS_MAX = 1024;

/** Bytes that a channel holds in each direction, unless asked otherwise. */
export const CHANNEL_BYTES_DEFAULT = 256 * 1024;

/** Options of {@linkcode workChannel}. */
export interface WorkChannelOptions {
  /**
   * Bytes of messages on their way in each direction: a power of two. One message may take a
   * little less than half.
   *
   * @default {262144}
   */
  capacityBytes?: number;
}

/** One end of a channel, to be sent to the thread that opens it. */
export interface WorkChannelEnd {
  /** The memory, as this end sees it. */
  readonly link: LinkMemory;
}

/**
 * Makes a channel between two threads: two ends, each to be opened once by
 * {@linkcode openWorkChannel}. An end can be an argument of a call, or go through `postMessage`.
 *
 * @throws {RangeError} when the capacity is no power of two
 *
 * @example Talk to a worker
 * ```ts
 * import { openWorkChannel, workChannel, WorkPool } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [here, there] = workChannel();
 * await using pool = new WorkPool({ workers: 1 });
 * const job = new URL("../tests/work_jobs.ts", import.meta.url);
 * const done = pool.call(job, "echoChannel", [there]);
 * using channel = openWorkChannel(here);
 * await channel.send({ text: "hello" });
 * assertEquals(await channel.receive(), { text: "hello" });
 * channel.close();
 * await done;
 * ```
 */
export function workChannel(options: WorkChannelOptions = {}): [WorkChannelEnd, WorkChannelEnd] {
  const { capacityBytes = CHANNEL_BYTES_DEFAULT } = options;
  const [forth, back] = [mailboxMemory(capacityBytes), mailboxMemory(capacityBytes)];
  return [
    { link: { outbound: forth, inbound: back } },
    { link: { outbound: back, inbound: forth } },
  ];
}

/**
 * Opens an end in the thread that will use it.
 *
 * @example Both ends in one thread
 * ```ts
 * import { openWorkChannel, workChannel } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = workChannel();
 * using sender = openWorkChannel<number>(left);
 * using receiver = openWorkChannel<number>(right);
 * await sender.send(42);
 * assertEquals(await receiver.receive(), 42);
 * ```
 */
export function openWorkChannel<T = unknown>(end: WorkChannelEnd): WorkChannel<T> {
  return new WorkChannel<T>(end);
}

const MESSAGE = 0;

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An open end of a channel to another thread. Messages arrive once, in order. They lie in shared
 * memory until they are received: when that is full, `send` waits.
 *
 * A message is null, a boolean, number, bigint, string or `Uint8Array`, or an array or plain object
 * of those.
 *
 * @example Messages until the other side closes
 * ```ts
 * import { openWorkChannel, workChannel } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = workChannel();
 * const sender = openWorkChannel<string>(left);
 * await sender.send("one");
 * await sender.send("two");
 * sender.close();
 * const received: string[] = [];
 * for await (const text of openWorkChannel<string>(right)) received.push(text);
 * assertEquals(received, ["one", "two"]);
 * ```
 */
export class WorkChannel<T = unknown> implements Disposable, AsyncIterable<T> {
  readonly #link: WorkLink;
  readonly #receivers: Waiter<T | undefined>[] = [];
  readonly #senders: (Waiter<void> & { value: T })[] = [];
  #received: { value: T } | null = null;
  #ended = false;
  #closed = false;

  /** Use {@linkcode openWorkChannel}; `wakeKind` is for tests. */
  constructor(end: WorkChannelEnd, wakeKind?: WakeKind) {
    const engine = engineInfo().engine === "uring" ? openEngine() : null;
    const receivers = this.#receivers;
    const receiver: LinkReceiver = {
      get wanting() {
        return receivers.length > 0;
      },
      receive: (message) => this.#receive(message),
      resume: () => this.#resume(),
      peerClosed: () => this.#end(),
    };
    this.#link = new WorkLink(end.link, receiver, engine, wakeKind);
  }

  /**
   * Sends a message; waits while there is no room.
   *
   * @throws {TypeError} when the value is none that a message can be, or too large
   * @throws {Deno.errors.BrokenPipe} when either side has closed
   * @throws {Deno.errors.Busy} when {@linkcode CHANNEL_WAITERS_MAX} calls wait
   */
  send(value: T): Promise<void> {
    try {
      if (this.#senders.length === 0 && this.#write(value)) return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#senders.length >= CHANNEL_WAITERS_MAX) return Promise.reject(busy("send"));
    return new Promise((resolve, reject) => {
      this.#senders.push({ resolve, reject, value });
      this.#updateHold();
    });
  }

  /**
   * The next message, or undefined when the other side has closed and all are received.
   *
   * @throws {Deno.errors.BadResource} when this side is closed
   * @throws {Deno.errors.Busy} when {@linkcode CHANNEL_WAITERS_MAX} calls wait
   * @throws the reason of `signal`
   */
  receive(options: { signal?: AbortSignal } = {}): Promise<T | undefined> {
    const { signal } = options;
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#receivers.length === 0) {
      if (this.#link.take()) return Promise.resolve(this.#taken());
      if (this.#ended) return Promise.resolve(undefined);
    }
    if (this.#receivers.length >= CHANNEL_WAITERS_MAX) return Promise.reject(busy("receive"));
    return this.#wait(signal);
  }

  /** Messages until the other side closes; leaving the loop leaves the channel open. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const value = await this.receive();
      if (value === undefined && this.#ended) return;
      yield value as T;
    }
  }

  /** Closes this end: what was sent still arrives, what waits here rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.close();
    const reason = new Deno.errors.BadResource(CLOSED);
    for (const waiter of this.#receivers.splice(0)) waiter.reject(reason);
    for (const waiter of this.#senders.splice(0)) waiter.reject(reason);
  }

  /** Closes this end. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** False when there is no room. */
  #write(value: T): boolean {
    if (this.#closed || this.#link.deaf) {
      throw new Deno.errors.BrokenPipe("Cannot send: the channel is closed");
    }
    this.#link.writer.begin(MESSAGE, 0);
    if (!this.#link.writer.value(value)) {
      throw new TypeError("Cannot send: the value is too large, or of a type that cannot travel");
    }
    return this.#link.send(true);
  }

  #receive(message: ValueReader): void {
    message.begin();
    const value = message.value() as T;
    const waiter = this.#receivers.shift();
    if (!waiter) return void (this.#received = { value });
    this.#updateHold();
    waiter.resolve(value);
  }

  #taken(): T {
    const { value } = this.#received!;
    this.#received = null;
    return value;
  }

  #resume(): void {
    for (let next = this.#senders[0]; next !== undefined; next = this.#senders[0]) {
      try {
        if (!this.#write(next.value)) break;
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
      this.#senders.shift();
    }
    this.#updateHold();
  }

  #end(): void {
    this.#ended = true;
    for (const waiter of this.#receivers.splice(0)) waiter.resolve(undefined);
    this.#updateHold();
  }

  /** Who waits keeps the process alive, as with any other source of data. */
  #updateHold(): void {
    this.#link.hold(this.#receivers.length > 0 || this.#senders.length > 0);
  }

  #wait(signal: AbortSignal | undefined): Promise<T | undefined> {
    const promise = new Promise<T | undefined>((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#receivers.push(waiter);
      this.#updateHold();
      if (!signal) return;
      const abort = () => {
        const index = this.#receivers.indexOf(waiter);
        if (index >= 0) this.#receivers.splice(index, 1);
        this.#updateHold();
        reject(signal.reason);
      };
      const settled = () => signal.removeEventListener("abort", abort);
      waiter.resolve = (value) => (settled(), resolve(value));
      waiter.reject = (reason) => (settled(), reject(reason));
      signal.addEventListener("abort", abort, { once: true });
    });
    this.#link.look();
    return promise;
  }
}

const CLOSED = "Channel has been closed";

function busy(action: string): Error {
  return new Deno.errors.Busy(`Cannot ${action}: ${CHANNEL_WAITERS_MAX} calls wait already`);
}
