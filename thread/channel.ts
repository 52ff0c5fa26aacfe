// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RingBuffer } from "./ring_buffer.ts";
import { DONE, rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { type QueueNode, WaitQueue } from "./wait_queue.ts";

/** Values that a channel holds at most, whatever capacity is asked for. */
export const CAPACITY_MAX = 2 ** 24;

/**
 * A channel was closed, so that there is nothing to receive, or nowhere to send.
 *
 * @example Stop when there is nobody to send to
 * ```ts
 * import { Channel, ChannelClosedError } from "@photon/std/thread";
 * import { assertRejects } from "@std/assert";
 *
 * const channel = new Channel<string>();
 * channel.close();
 * await assertRejects(() => channel.send("late"), ChannelClosedError);
 * ```
 */
export class ChannelClosedError extends Error {
  /** Names the class. */
  override name = "ChannelClosedError";
  /** Names the kind of error. */
  readonly code: string = "ECHANNELCLOSED";
}

/** Where those wait who want to receive; for the files of this folder. */
export let receiversOf: <T>(channel: Channel<T>) => WaitQueue<ReceiverNode<T>>;
/** Where those wait who want to send; for the files of this folder. */
export let sendersOf: <T>(channel: Channel<T>) => WaitQueue<SenderNode<T>>;

/**
 * Hands values from coroutine to coroutine, each to one receiver and in order.
 *
 * A channel holds up to `capacity` values; then senders wait. With capacity 0 a value goes from
 * hand to hand: a sender waits for its receiver. After {@linkcode close} nothing can be sent; what
 * was sent can still be received.
 *
 * @example A producer and a consumer
 * ```ts
 * import { Channel, spawn } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = new Channel<number>(2);
 * spawn(async () => {
 *   using _ = numbers;
 *   for (let i = 0; i < 5; i++) await numbers.send(i);
 * });
 * const received: number[] = [];
 * for await (const number of numbers) received.push(number);
 * assertEquals(received, [0, 1, 2, 3, 4]);
 * ```
 */
export class Channel<T> implements AsyncIterable<T>, Disposable {
  /** Values it holds before senders wait. */
  readonly capacity: number;
  readonly #values = new RingBuffer<T>();
  readonly #senders = new WaitQueue<SenderNode<T>>();
  readonly #receivers = new WaitQueue<ReceiverNode<T>>();
  #closed = false;

  /**
   * An empty channel.
   *
   * @throws {RangeError} When the capacity is not a whole number from 0 to 2^24
   */
  constructor(capacity: number = 0) {
    if (!Number.isInteger(capacity) || capacity < 0 || capacity > CAPACITY_MAX) {
      throw new RangeError(
        `Cannot open a channel: capacity must be from 0 to ${CAPACITY_MAX}, received ${capacity}`,
      );
    }
    this.capacity = capacity;
  }

  /** Values that it holds. */
  get size(): number {
    return this.#values.size;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many wait to send. */
  get senders(): number {
    return this.#senders.size;
  }

  /** How many wait to receive. */
  get receivers(): number {
    return this.#receivers.size;
  }

  /**
   * Sends a value, waiting for room.
   *
   * @throws {ChannelClosedError} When the channel is closed, also while it waits
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  send(value: T, options?: WaitOptions): Promise<void> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.trySend(value)) return DONE;
    if (this.#closed) return Promise.reject(closedError("send"));
    return new SendWaiter(value).wait(this.#senders, options);
  }

  /** Sends a value if that can be done at once. */
  trySend(value: T): boolean {
    if (this.#closed) return false;
    const receiver = this.#receivers.shift();
    if (receiver !== null) {
      receiver.deliver(value);
      return true;
    }
    if (this.#values.size >= this.capacity) return false;
    this.#values.push(value);
    return true;
  }

  /**
   * Receives a value, waiting for one.
   *
   * @throws {ChannelClosedError} When the channel is closed and empty
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  receive(options?: WaitOptions): Promise<T> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.ready) return Promise.resolve(this.#take());
    if (this.#closed) return Promise.reject(closedError("receive"));
    return new ReceiveWaiter<T>().wait(this.#receivers, options);
  }

  /** Receives a value if there is one; {@linkcode ready} tells `undefined` from a value. */
  tryReceive(): T | undefined {
    return this.ready ? this.#take() : undefined;
  }

  /** Whether a value can be received at once. */
  get ready(): boolean {
    return this.#values.size > 0 || this.#senders.first !== null;
  }

  /** Ends it: who waits to send or to receive is told. Closing twice does nothing. */
  close(): void {
    this.#closed = true;
    for (let node; (node = this.#senders.shift()) !== null;) node.refuse();
    for (let node; (node = this.#receivers.shift()) !== null;) node.end();
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Receives until it is closed and empty. Several may iterate: each value goes to one of them. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new ChannelIterator(this, this.#receivers);
  }

  /** The oldest value; a waiting sender takes its place. */
  #take(): T {
    const sender = this.#senders.shift();
    if (this.#values.size === 0) return sender!.take();
    const value = this.#values.shift();
    if (sender !== null) this.#values.push(sender.take());
    return value;
  }

  static {
    receiversOf = (channel) => channel.#receivers;
    sendersOf = (channel) => channel.#senders;
  }
}

/** Who waits for a value. */
export interface ReceiverNode<T> extends QueueNode {
  /** Gets it. */
  deliver(value: T): void;
  /** There will be none. */
  end(): void;
}

/** Who waits for room. */
export interface SenderNode<T> extends QueueNode {
  /** Gives the value away. */
  take(): T;
  /** There will be none. */
  refuse(): void;
}

class SendWaiter<T> extends Waiter<void> implements SenderNode<T> {
  readonly #value: T;

  constructor(value: T) {
    super("send into a channel");
    this.#value = value;
  }

  take(): T {
    this.succeed();
    return this.#value;
  }

  refuse(): void {
    this.fail(closedError("send"));
  }
}

class ReceiveWaiter<T> extends Waiter<T> implements ReceiverNode<T> {
  constructor() {
    super("receive from a channel");
  }

  deliver(value: T): void {
    this.succeed(value);
  }

  end(): void {
    this.fail(closedError("receive"));
  }
}

class NextWaiter<T> extends Waiter<IteratorResult<T, undefined>> implements ReceiverNode<T> {
  constructor() {
    super("receive from a channel");
  }

  deliver(value: T): void {
    this.succeed({ done: false, value });
  }

  end(): void {
    this.succeed({ done: true, value: undefined });
  }
}

class ChannelIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #channel: Channel<T>;
  readonly #receivers: WaitQueue<ReceiverNode<T>>;

  constructor(channel: Channel<T>, receivers: WaitQueue<ReceiverNode<T>>) {
    this.#channel = channel;
    this.#receivers = receivers;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const channel = this.#channel;
    if (channel.ready) return Promise.resolve({ done: false, value: channel.tryReceive() as T });
    if (channel.closed) return Promise.resolve({ done: true, value: undefined });
    return new NextWaiter<T>().wait(this.#receivers, undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function closedError(what: string): ChannelClosedError {
  return new ChannelClosedError(`Cannot ${what}: the channel is closed`);
}
