// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Lock, type LockOwner } from "./lock.ts";
import { rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/**
 * Many readers or one writer. All stand in one queue: readers that come after a waiting writer wait
 * behind it, so that neither can starve the other.
 *
 * @example Readers together, a writer alone
 * ```ts
 * import { RwLock } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const lock = new RwLock();
 * {
 *   using _one = await lock.read();
 *   using _two = await lock.read();
 *   assertEquals(lock.tryWrite(), undefined);
 * }
 * using _writer = await lock.write();
 * assertEquals(lock.tryRead(), undefined);
 * ```
 */
export class RwLock implements LockOwner {
  readonly #queue = new WaitQueue<RwWaiter>();
  /** Readers that hold it, or {@linkcode WRITER}. */
  #holders = 0;

  /** Readers that hold it. */
  get readers(): number {
    return Math.max(this.#holders, 0);
  }

  /** Whether a writer holds it. */
  get writing(): boolean {
    return this.#holders === WRITER;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits to read, together with others.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  read(options?: WaitOptions): Promise<Lock> {
    return this.#lock(READER, options);
  }

  /**
   * Waits to write, alone.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  write(options?: WaitOptions): Promise<Lock> {
    return this.#lock(WRITER, options);
  }

  /** Lets read if nobody writes or waits. */
  tryRead(): Lock | undefined {
    return this.#try(READER);
  }

  /** Lets write if nobody holds it or waits. */
  tryWrite(): Lock | undefined {
    return this.#try(WRITER);
  }

  /** Takes a lock back; called by {@linkcode Lock.unlock}. */
  release(mode: number): void {
    this.#holders -= mode;
    this.serve();
  }

  /** Lets in who can come in; also called when one who waited has left. */
  serve(): void {
    for (;;) {
      const first = this.#queue.first;
      if (first === null || !this.#admits(first.mode)) return;
      this.#holders += first.mode;
      first.unlink();
      first.succeed(new Lock(this, first.mode));
    }
  }

  #lock(mode: number, options: WaitOptions | undefined): Promise<Lock> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    const lock = this.#try(mode);
    if (lock !== undefined) return Promise.resolve(lock);
    return new RwWaiter(this, mode).wait(this.#queue, options);
  }

  #try(mode: number): Lock | undefined {
    if (this.#queue.first !== null || !this.#admits(mode)) return undefined;
    this.#holders += mode;
    return new Lock(this, mode);
  }

  #admits(mode: number): boolean {
    return mode === READER ? this.#holders >= 0 : this.#holders === 0;
  }
}

/** What a reader adds to the holders. */
const READER = 1;
/** What a writer adds to the holders, of which it is the only one. */
const WRITER = -1;

class RwWaiter extends Waiter<Lock> {
  readonly mode: number;
  readonly #lock: RwLock;

  constructor(lock: RwLock, mode: number) {
    super(mode === READER ? "lock to read" : "lock to write");
    this.#lock = lock;
    this.mode = mode;
  }

  override left(): void {
    this.#lock.serve();
  }
}
