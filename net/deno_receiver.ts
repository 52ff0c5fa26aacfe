// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes that one read of Deno's is asked for at most, and that are kept at most. */
export const BLOCK_BYTES_MAX = 65_536;
/** Reads of one connection that may wait; one more is refused with `Deno.errors.Busy`. */
export const READS_MAX = 65_536;

/**
 * The reading half of a connection on Deno's own API, with what that lacks: a read can be aborted
 * and a peek leaves the bytes.
 *
 * Deno cannot take a read back, so reads go into a block of our own. A read that outlives its
 * caller is left running, holds the process no longer, and its bytes go to the next caller.
 *
 * ```
 *   block  | taken | kept, for the next read | a fill of Deno's writes here |
 *          0       start                     end                      block.length
 * ```
 */
export class DenoReceiver {
  readonly #conn: Deno.Conn;
  readonly #waiters: Waiter[] = [];
  #block: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #filling = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #closed = false;
  #hold = true;
  /** What Deno's connection was told last. */
  #held = true;

  /** Reads from a connection that nobody else reads. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Whether a read is under way, or has brought bytes that nobody has taken. */
  get busy(): boolean {
    return this.#filling || this.#waiters.length > 0 || this.#start < this.#end;
  }

  /** Reads or, with `peek`, leaves what it read for the next read. Answers in order. */
  read(p: Uint8Array, signal?: AbortSignal, peek = false): Promise<number | null> {
    if (!(p instanceof Uint8Array)) {
      return Promise.reject(new TypeError(`Cannot read: the buffer must be a Uint8Array`));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (p.length === 0) return Promise.resolve(0);
    if (this.#waiters.length >= READS_MAX) {
      return Promise.reject(new Deno.errors.Busy(`Cannot read: ${READS_MAX} reads wait already`));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { p, peek, resolve, reject, signal, abort: () => {} };
      if (signal) {
        waiter.abort = () => this.#withdraw(waiter);
        signal.addEventListener("abort", waiter.abort);
      }
      this.#waiters.push(waiter);
      this.#answer();
    });
  }

  /** Ends the stream on this side: waiting and later reads get what is kept, then null. */
  end(): void {
    this.#ended = true;
    this.#answer();
  }

  /** Rejects what waits. The connection is closed by its owner. */
  close(reason: unknown): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) settle(waiter).reject(reason);
  }

  /** Whether waiting reads keep the process alive. */
  hold(hold: boolean): void {
    this.#hold = hold;
    this.#updateHold();
  }

  /** Answers from what is there, in order; for the rest it has a fill under way. */
  #answer(): void {
    while (this.#waiters.length > 0) {
      if (this.#start < this.#end) this.#give(settle(this.#waiters.shift()!));
      else if (this.#failure) this.#fail(settle(this.#waiters.shift()!));
      else if (this.#ended) settle(this.#waiters.shift()!).resolve(null);
      else {
        this.#fill(this.#waiters[0].p.length);
        break;
      }
    }
    this.#updateHold();
  }

  #give({ p, peek, resolve }: Waiter): void {
    const count = Math.min(p.length, this.#end - this.#start);
    // The caller has given the buffer away meanwhile: the bytes stay for the next read.
    if (count === 0) return resolve(0);
    p.set(this.#block.subarray(this.#start, this.#start + count));
    if (!peek) this.#start += count;
    // Whoever peeks again wants to see more; Deno cannot tell what else is there without waiting.
    else if (count < p.length && !this.#failure && !this.#ended) this.#fill(p.length);
    resolve(count);
  }

  #fail({ reject }: Waiter): void {
    const { error } = this.#failure!;
    this.#failure = undefined;
    reject(error);
  }

  /** Reads until `wanted` bytes are kept, or fewer. */
  async #fill(wanted: number): Promise<void> {
    const room = this.#filling || this.#closed ? undefined : this.#roomFor(wanted);
    if (!room || room.length === 0) return;
    this.#filling = true;
    try {
      const count = await this.#conn.read(room);
      if (count === null) this.#ended = true;
      else if (!this.#ended) this.#end += count;
    } catch (error) {
      this.#failure = { error };
    }
    this.#filling = false;
    this.#answer();
  }

  /** The part of the block behind what is kept. */
  #roomFor(wanted: number): Uint8Array<ArrayBuffer> {
    const size = Math.max(1, Math.min(wanted, BLOCK_BYTES_MAX));
    const kept = this.#block.subarray(this.#start, this.#end);
    if (this.#block.length < size) this.#block = new Uint8Array(size);
    this.#block.set(kept);
    this.#start = 0;
    this.#end = kept.length;
    return this.#block.subarray(this.#end, Math.max(size, this.#end));
  }

  #withdraw(waiter: Waiter): void {
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
    settle(waiter).reject(waiter.signal!.reason);
    this.#updateHold();
  }

  /** A fill that nobody waits for must not keep the process alive. */
  #updateHold(): void {
    const held = this.#hold && this.#waiters.length > 0;
    if (!this.#filling || this.#closed || held === this.#held) return;
    this.#held = held;
    if (held) this.#conn.ref();
    else this.#conn.unref();
  }
}

interface Waiter {
  readonly p: Uint8Array;
  readonly peek: boolean;
  readonly resolve: (count: number | null) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  abort: () => void;
}

/** Lets go of the signal of a waiter that is about to be answered. */
function settle(waiter: Waiter): Waiter {
  waiter.signal?.removeEventListener("abort", waiter.abort);
  return waiter;
}
