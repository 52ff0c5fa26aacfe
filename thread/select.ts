// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  type Channel,
  type ReceiverNode,
  receiversOf,
  type SenderNode,
  sendersOf,
} from "./channel.ts";
import { rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { QueueNode } from "./wait_queue.ts";

/** What {@linkcode select} did. */
export interface Selected<T> {
  /** Index of the case. */
  readonly index: number;
  /** What was received; undefined for one that sent, or whose channel is closed. */
  readonly value: T | undefined;
  /** Whether nothing was received or sent because the channel is closed. */
  readonly closed: boolean;
}

/** To receive from a channel: see {@linkcode receiveCase}. */
export interface ReceiveCase<T> {
  /** From where. */
  readonly receive: Channel<T>;
}

/** To send into a channel: see {@linkcode sendCase}. */
export interface SendCase {
  /** Where to. */
  readonly send: Channel<unknown>;
  /** What. */
  readonly value: unknown;
}

/** One thing that {@linkcode select} may do. */
export type SelectCase<T> = ReceiveCase<T> | SendCase;

/**
 * Waits for the first of several channels that can be received from or sent to, and does exactly
 * that. Where several can, one of them is taken at random; a closed channel can be selected too.
 *
 * @throws {Deno.errors.TimedOut} When the time is up
 * @throws {TypeError} When there is no case
 *
 * @example Whichever comes first
 * ```ts
 * import { Channel, receiveCase, select, sendCase } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const orders = new Channel<string>(1);
 * const bills = new Channel<number>();
 * await orders.send("tea");
 * const { index, value } = await select([receiveCase(orders), sendCase(bills, 3)]);
 * assertEquals([index, value], [0, "tea"]);
 * ```
 */
export function select<T>(
  cases: readonly SelectCase<T>[],
  options?: WaitOptions,
): Promise<Selected<T>> {
  if (cases.length === 0) return Promise.reject(new TypeError("Cannot select: there is no case"));
  const rejected = rejectedBefore(options);
  if (rejected !== undefined) return rejected;
  const selected = trySelect(cases);
  if (selected !== undefined) return Promise.resolve(selected);
  return new Selection<T>().waitFor(cases, options);
}

/**
 * Selects a case if that can be done at once.
 *
 * @example Take what is there
 * ```ts
 * import { Channel, receiveCase, trySelect } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const channel = new Channel<string>(1);
 * assertEquals(trySelect([receiveCase(channel)]), undefined);
 * await channel.send("a");
 * assertEquals(trySelect([receiveCase(channel)])?.value, "a");
 * ```
 */
export function trySelect<T>(cases: readonly SelectCase<T>[]): Selected<T> | undefined {
  // From a random one on, so that no channel that is always ready keeps the others waiting.
  const start = Math.floor(Math.random() * cases.length);
  for (let turn = 0; turn < cases.length; turn++) {
    const index = (start + turn) % cases.length;
    const selected = attempt(cases[index], index);
    if (selected !== undefined) return selected;
  }
  return undefined;
}

/**
 * The case of receiving from a channel.
 *
 * @example Notice that a channel was closed
 * ```ts
 * import { Channel, receiveCase, select } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * const channel = new Channel<string>();
 * channel.close();
 * assert((await select([receiveCase(channel)])).closed);
 * ```
 */
export function receiveCase<T>(channel: Channel<T>): ReceiveCase<T> {
  return { receive: channel };
}

/**
 * The case of sending a value into a channel.
 *
 * @example Send to whoever has room
 * ```ts
 * import { Channel, select, sendCase } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const full = new Channel<string>();
 * const free = new Channel<string>(1);
 * assertEquals((await select([sendCase(full, "a"), sendCase(free, "a")])).index, 1);
 * ```
 */
export function sendCase<T>(channel: Channel<T>, value: T): SendCase {
  return { send: channel, value };
}

function attempt<T>(one: SelectCase<T>, index: number): Selected<T> | undefined {
  if ("receive" in one) {
    const { receive } = one;
    if (receive.ready) return { index, value: receive.tryReceive(), closed: false };
    return receive.closed ? { index, value: undefined, closed: true } : undefined;
  }
  if (one.send.closed) return { index, value: undefined, closed: true };
  return one.send.trySend(one.value) ? { index, value: undefined, closed: false } : undefined;
}

/** The wait of one `select`, which stands in the queues of all its channels. */
class Selection<T> extends Waiter<Selected<T>> {
  #nodes: QueueNode[] = [];

  constructor() {
    super("select a channel");
  }

  /** Stands in all queues. */
  waitFor(
    cases: readonly SelectCase<T>[],
    options: WaitOptions | undefined,
  ): Promise<Selected<T>> {
    const promise = this.wait(null, options);
    if (!this.waiting) return promise;
    try {
      for (const [index, one] of cases.entries()) this.#enqueue(one, index);
    } catch (error) {
      this.giveUp(error);
    }
    return promise;
  }

  #enqueue(one: SelectCase<T>, index: number): void {
    if ("receive" in one) {
      const node = new ReceiveNode(this, index);
      receiversOf(one.receive).push(node);
      this.#nodes.push(node);
    } else {
      const node = new SendNode(this as Selection<unknown>, index, one.value);
      sendersOf(one.send).push(node);
      this.#nodes.push(node);
    }
  }

  /** Ends the wait with one case; the others leave their queues. */
  choose(selected: Selected<T>): void {
    this.left();
    this.succeed(selected);
  }

  /** Leaves all queues. */
  override left(): void {
    for (const node of this.#nodes) node.unlink();
    this.#nodes = [];
  }
}

class ReceiveNode<T> extends QueueNode implements ReceiverNode<T> {
  readonly #selection: Selection<T>;
  readonly #index: number;

  constructor(selection: Selection<T>, index: number) {
    super();
    this.#selection = selection;
    this.#index = index;
  }

  deliver(value: T): void {
    this.#selection.choose({ index: this.#index, value, closed: false });
  }

  end(): void {
    this.#selection.choose({ index: this.#index, value: undefined, closed: true });
  }
}

class SendNode extends QueueNode implements SenderNode<unknown> {
  readonly #selection: Selection<unknown>;
  readonly #index: number;
  readonly #value: unknown;

  constructor(selection: Selection<unknown>, index: number, value: unknown) {
    super();
    this.#selection = selection;
    this.#index = index;
    this.#value = value;
  }

  take(): unknown {
    this.#selection.choose({ index: this.#index, value: undefined, closed: false });
    return this.#value;
  }

  refuse(): void {
    this.#selection.choose({ index: this.#index, value: undefined, closed: true });
  }
}
