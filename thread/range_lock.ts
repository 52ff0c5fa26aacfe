// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { QueueNode, WaitQueue } from "./wait_queue.ts";

/** Takes a range out: its owner gave it back, or who waited for it has left. */
let remove: (lock: RangeLock, node: RangeNode) => void;

/**
 * Locks ranges of something long, such as the bytes of a file: two that overlap exclude each other.
 *
 * First come, first served: a range waits for all earlier ones that overlap it, also for those that
 * wait themselves. Locking, giving back and leaving take a look at every range that is held or
 * waited for.
 *
 * @example Two writers that do not meet
 * ```ts
 * import { RangeLock } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const ranges = new RangeLock();
 * using head = await ranges.lock(0, 512);
 * using _tail = await ranges.lock(512, 512);
 * assertEquals(ranges.tryLock(100, 1), undefined);
 * ranges.adjust(head, 0, 100);
 * using _middle = ranges.tryLock(100, 1)!;
 * ```
 */
export class RangeLock {
  /** Held and waiting, in the order in which they came. */
  readonly #ranges = new WaitQueue<RangeNode>();
  #waiting = 0;

  /** Ranges that are held. */
  get held(): number {
    return this.#ranges.size - this.#waiting;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Waits for a range.
   *
   * @param start First of it, from 0
   * @param length How long it is, above 0; `Infinity` for all that follows
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {RangeError} When start or length is out of its range
   */
  lock(start: number, length: number, options?: WaitOptions): Promise<LockedRange> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    const range = this.tryLock(start, length);
    if (range !== undefined) return Promise.resolve(range);
    const node = new RangeNode(start, start + length);
    return new RangeWaiter(this, node).wait(this.#entrance(node), options);
  }

  /** Locks a range if nothing that is held or waited for overlaps it. */
  tryLock(start: number, length: number): LockedRange | undefined {
    checkRange(start, length);
    const node = new RangeNode(start, start + length);
    if (this.#overlapping(node) > 0) return undefined;
    this.#ranges.push(node);
    return new HeldRange(this, node);
  }

  /**
   * Moves the bounds of a range that is held; those who wait for what it leaves go on.
   *
   * @returns False, and nothing has changed, when another range is in the way
   * @throws {TypeError} When the range was given back, or is of another lock
   */
  adjust(range: LockedRange, start: number, length: number): boolean {
    checkRange(start, length);
    if (!(range instanceof HeldRange && range.held && range.lock === this)) {
      throw new TypeError("Cannot adjust a range: it was given back, or is of another lock");
    }
    const { node } = range;
    const moved = new RangeNode(start, start + length);
    for (const other of this.#all()) {
      if (other !== node && overlap(other, moved) && !overlap(other, node)) return false;
    }
    this.#unblock(node, (other) => !overlap(other, moved));
    node.start = moved.start;
    node.end = moved.end;
    return true;
  }

  static {
    remove = (lock, node) => {
      if (node.waiter !== undefined) lock.#waiting--;
      lock.#unblock(node, () => true);
      node.unlink();
    };
  }

  /** The end of the queue, where a range counts who is in its way. */
  #entrance(node: RangeNode): { push(waiter: RangeWaiter): void } {
    return {
      push: (waiter) => {
        node.blockers = this.#overlapping(node);
        this.#ranges.push(node);
        node.waiter = waiter;
        this.#waiting++;
      },
    };
  }

  #overlapping(node: RangeNode): number {
    let count = 0;
    for (const other of this.#all()) if (overlap(other, node)) count++;
    return count;
  }

  /** One range is less in the way of later ones that overlap it. */
  #unblock(node: RangeNode, isFreed: (other: RangeNode) => boolean): void {
    let other = node.next as RangeNode | null;
    while (other !== null) {
      const following = other.next as RangeNode | null;
      if (overlap(other, node) && isFreed(other) && --other.blockers === 0) this.#grant(other);
      other = following;
    }
  }

  #grant(node: RangeNode): void {
    const waiter = node.waiter!;
    node.waiter = undefined;
    this.#waiting--;
    waiter.succeed(new HeldRange(this, node));
  }

  *#all(): Iterable<RangeNode> {
    for (let node = this.#ranges.first; node !== null; node = node.next as RangeNode | null) {
      yield node;
    }
  }
}

/** A range that is held. Give it back with `using`, or with {@linkcode unlock}. */
export interface LockedRange extends Disposable {
  /** First of it. */
  readonly start: number;
  /** How long it is. */
  readonly length: number;
  /** Whether it has not been given back. */
  readonly held: boolean;

  /**
   * Gives it back.
   *
   * @throws {TypeError} When it was given back before
   */
  unlock(): void;
}

class HeldRange implements LockedRange {
  readonly lock: RangeLock;
  readonly node: RangeNode;

  constructor(lock: RangeLock, node: RangeNode) {
    this.lock = lock;
    this.node = node;
  }

  get start(): number {
    return this.node.start;
  }

  get length(): number {
    return this.node.end - this.node.start;
  }

  get held(): boolean {
    return this.node.queue !== null;
  }

  unlock(): void {
    if (!this.held) throw new TypeError("Cannot unlock a range: it was given back already");
    remove(this.lock, this.node);
  }

  [Symbol.dispose](): void {
    if (this.held) this.unlock();
  }
}

/** One range, held or waited for, up to before its end. */
class RangeNode extends QueueNode {
  start: number;
  end: number;
  /** Earlier ranges that overlap it. */
  blockers = 0;
  waiter: RangeWaiter | undefined = undefined;

  constructor(start: number, end: number) {
    super();
    this.start = start;
    this.end = end;
  }
}

class RangeWaiter extends Waiter<LockedRange> {
  readonly #lock: RangeLock;
  readonly #node: RangeNode;

  constructor(lock: RangeLock, node: RangeNode) {
    super("lock a range");
    this.#lock = lock;
    this.#node = node;
  }

  override left(): void {
    if (this.#node.queue !== null) remove(this.#lock, this.#node);
  }
}

function overlap(a: RangeNode, b: RangeNode): boolean {
  return a.start < b.end && b.start < a.end;
}

function checkRange(start: number, length: number): void {
  if (Number.isSafeInteger(start) && start >= 0 && length > 0 && isWhole(start + length)) return;
  throw new RangeError(
    `Cannot lock a range: start must be from 0 and length from 1, received ${start} and ${length}`,
  );
}

function isWhole(end: number): boolean {
  return end === Infinity || Number.isSafeInteger(end);
}
