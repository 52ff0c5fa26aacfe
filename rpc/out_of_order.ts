// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Waiter, type WaitOptions } from "../thread/waiter.ts";
import { type Tagged, TagTable } from "./tag_table.ts";

/** How an {@linkcode OutOfOrder} works. */
export interface OutOfOrderOptions {
  /**
   * Brings in what has been completed, and calls {@linkcode OutOfOrder.complete} for each; called
   * again and again while somebody waits, by one for all. Left out where completions come by
   * themselves.
   */
  read?: () => Promise<void>;
  /** Somebody gave up on a tag: the peer may be told. What still comes for it is nobody's. */
  givenUp?: (tag: number) => void;
  /**
   * Calls in flight at most; one more is refused with `Deno.errors.Busy`.
   *
   * @default {65536}
   */
  callsMax?: number;
}

/**
 * Calls in flight over one transport that answers in any order: each has a tag, by which its result
 * finds it. Fit for anything with tags: an RPC, a message queue, a disk protocol.
 *
 * ```
 *   issue(tag) ---> transport ---> ... ---> complete(tag, result) ---> the one who waits for it
 *   issue(tag) ---> transport --->      one reads for all who wait
 * ```
 *
 * A result for which nobody waits, because its call timed out or the peer sent it twice, is left to
 * the caller of {@linkcode complete} and disturbs nobody.
 *
 * @example A transport that answers backwards
 * ```ts
 * import { OutOfOrder } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const sent: number[] = [];
 * const calls = new OutOfOrder<string>();
 * const results = ["a", "b", "c"].map(() => calls.issue((tag) => void sent.push(tag)));
 * for (const tag of sent.toReversed()) calls.complete(tag, `reply ${tag}`);
 * assertEquals(await Promise.all(results), sent.map((tag) => `reply ${tag}`));
 * ```
 */
export class OutOfOrder<Result> {
  readonly #waiting = new TagTable<CallWaiter<Result>>();
  readonly #options: OutOfOrderOptions;
  #lastTag = 0;
  #reading = false;

  /** Nothing is in flight yet. */
  constructor(options: OutOfOrderOptions = {}) {
    this.#options = options;
  }

  /** Calls in flight. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether somebody waits for a tag. */
  has(tag: number): boolean {
    return this.#waiting.get(tag) !== undefined;
  }

  /**
   * Sends a call and waits for its result.
   *
   * @param send Sends it; what it throws ends the call
   * @param note Kept beside the call, for whoever completes it: see {@linkcode noteOf}
   * @throws {Deno.errors.TimedOut} When the time is up first
   * @throws {Deno.errors.Busy} When too many are in flight
   */
  issue(
    send: (tag: number) => void | Promise<void>,
    options?: WaitOptions,
    note?: unknown,
  ): Promise<Result> {
    const { callsMax = CALLS_MAX } = this.#options;
    if (this.#waiting.size >= callsMax) {
      return Promise.reject(new Deno.errors.Busy(`Cannot call: ${callsMax} are in flight`));
    }
    const tag = this.#nextTag();
    const waiter = new CallWaiter<Result>(this, tag, note);
    this.#waiting.add(waiter);
    const promise = waiter.wait(null, options);
    if (!waiter.waiting) {
      this.#waiting.take(tag);
      return promise;
    }
    try {
      send(tag)?.catch((error) => this.fail(tag, error));
    } catch (error) {
      this.fail(tag, error);
    }
    if (this.#options.read !== undefined) this.#readForAll(this.#options.read);
    return promise;
  }

  /** What was noted beside a call; undefined when nobody waits for it. */
  noteOf(tag: number): unknown {
    return this.#waiting.get(tag)?.note;
  }

  /** Gives a result to the one who waits for it; false when nobody does. */
  complete(tag: number, result: Result): boolean {
    const waiter = this.#waiting.take(tag);
    waiter?.succeed(result);
    return waiter !== undefined;
  }

  /** Ends one call with an error; false when nobody waits for it. */
  fail(tag: number, error: unknown): boolean {
    const waiter = this.#waiting.take(tag);
    waiter?.fail(error);
    return waiter !== undefined;
  }

  /** Ends all calls with an error, as when the transport broke. */
  failAll(error: unknown): void {
    for (const { tag } of this.#waiting.entries()) this.fail(tag, error);
  }

  /** Somebody gave up; called by the one. */
  leave(tag: number): void {
    if (this.#waiting.take(tag) !== undefined) this.#options.givenUp?.(tag);
  }

  /** Tags begin anew after 2^32 calls; those still in flight keep theirs. */
  #nextTag(): number {
    do this.#lastTag = this.#lastTag + 1 >>> 0 || 1; while (this.has(this.#lastTag));
    return this.#lastTag;
  }

  async #readForAll(read: () => Promise<void>): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#waiting.size > 0) await read();
    } catch (error) {
      this.failAll(error);
    } finally {
      this.#reading = false;
    }
  }
}

const CALLS_MAX = 65_536;

class CallWaiter<Result> extends Waiter<Result> implements Tagged<CallWaiter<Result>> {
  readonly tag: number;
  nextOfSlot: CallWaiter<Result> | null = null;
  readonly note: unknown;
  readonly #calls: OutOfOrder<Result>;

  constructor(calls: OutOfOrder<Result>, tag: number, note: unknown) {
    super("call");
    this.#calls = calls;
    this.tag = tag;
    this.note = note;
  }

  override left(): void {
    this.#calls.leave(this.tag);
  }
}
