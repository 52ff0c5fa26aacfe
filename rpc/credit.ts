// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Messages smaller than this count as so many bytes: each takes memory beside its own. */
const MESSAGE_BYTES_MIN = 64;

/**
 * What a stream may still send: the receiver gives credit as its reader takes messages, so a slow
 * reader slows its sender down and holds a window's worth of messages at most. One message may
 * exceed the credit, or it could never be sent.
 */
export class SendCredit {
  #left: number;
  #wake: (() => void) | null = null;
  #interrupt: (() => void) | null = null;
  #error: unknown = undefined;

  /** Begins with the receiver's window. */
  constructor(windowBytes: number) {
    this.#left = windowBytes;
  }

  /** The receiver has taken so many bytes. */
  grant(byteLength: number): void {
    this.#left += byteLength;
    this.#wakeSender();
  }

  /** Takes the bytes of a message that is sent. */
  spend(byteLength: number): void {
    this.#left -= Math.max(byteLength, MESSAGE_BYTES_MIN);
  }

  /**
   * Waits for credit.
   *
   * @throws what {@linkcode end} was called with
   */
  async ready(): Promise<void> {
    while (this.#left <= 0 && this.#error === undefined) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /**
   * Hands on what a source gives, for as long as there is somebody to send to. Then the source is
   * told to end, and not waited for: it may never give anything again.
   *
   * @throws what {@linkcode end} was called with, or what the source or `send` throws
   */
  async each<T>(source: Source<T>, send: (value: T) => Promise<void>): Promise<void> {
    const iterator = iteratorOf(source);
    for (;;) {
      const result = await this.#nextOf(iterator);
      if (result.done) return;
      try {
        await send(result.value);
      } catch (error) {
        leave(iterator);
        throw error;
      }
    }
  }

  /** There is nobody to send to any more: who waits is told. */
  end(error: unknown): void {
    this.#error ??= error;
    this.#wakeSender();
    this.#interrupt?.();
  }

  #nextOf<T>(iterator: SourceIterator<T>): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      const next = iterator.next();
      this.#interrupt = () => {
        this.#interrupt = null;
        leave(iterator);
        reject(this.#error);
      };
      // Not a race with a promise of the end: each message would leave something behind on that.
      Promise.resolve(next).then((result) => {
        this.#interrupt = null;
        resolve(result);
      }, (error) => {
        this.#interrupt = null;
        reject(error);
      });
      if (this.#error !== undefined) this.#interrupt();
    });
  }

  #wakeSender(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** As `for await` takes it: a list will do. */
type Source<T> = AsyncIterable<T> | Iterable<T>;
type SourceIterator<T> = AsyncIterator<T> | Iterator<T>;

function iteratorOf<T>(source: Source<T>): SourceIterator<T> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  return source[Symbol.iterator]();
}

/** Tells a source that no more is wanted of it; how it takes that is its own matter. */
function leave(iterator: SourceIterator<unknown>): void {
  const told = async () => {
    await iterator.return?.();
  };
  told().catch(() => {});
}

/** What an {@linkcode IncomingStream} tells its call. */
export interface IncomingStreamOwner {
  /** So many bytes were taken, and may be sent anew. */
  consumed(byteLength: number): void;
  /** The reader wants no more. */
  abandoned(): void;
}

interface Arrived<T> {
  readonly value: T;
  readonly byteLength: number;
}

/**
 * The messages of a stream as they come in. It ends with the stream, or throws what ended the call;
 * leaving it early gives the call up.
 */
export class IncomingStream<T> implements AsyncIterableIterator<T> {
  readonly #owner: IncomingStreamOwner;
  readonly #windowBytes: number;
  #arrived: Arrived<T>[] = [];
  #heldBytes = 0;
  #taken = 0;
  #ended = false;
  #error: unknown = undefined;
  #waiting: { resolve(r: IteratorResult<T>): void; reject(e: unknown): void }[] = [];

  /** Nothing has come in yet. */
  constructor(owner: IncomingStreamOwner, windowBytes: number) {
    this.#owner = owner;
    this.#windowBytes = windowBytes;
  }

  /** Whether no message can come any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * A message has come in.
   *
   * @returns false when the peer sends more than it may
   */
  push(value: T, byteLength: number): boolean {
    if (this.#ended) return true;
    const counted = Math.max(byteLength, MESSAGE_BYTES_MIN);
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value });
      this.#consume(counted);
      return true;
    }
    // One message may exceed the window, as the sender's credit allows.
    if (this.#heldBytes > this.#windowBytes) return false;
    this.#heldBytes += counted;
    this.#arrived.push({ value, byteLength: counted });
    return true;
  }

  /** The last message has come in, or an error instead; what arrived before is still given. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
  }

  /** The next message. */
  next(): Promise<IteratorResult<T>> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) {
      this.#heldBytes -= arrived.byteLength;
      this.#consume(arrived.byteLength);
      return Promise.resolve({ done: false, value: arrived.value });
    }
    if (!this.#ended) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Leaves early: gives the call up, if it is not over. */
  return(): Promise<IteratorResult<T>> {
    const early = !this.#ended;
    this.#arrived = [];
    this.#error = undefined;
    this.end();
    if (early) this.#owner.abandoned();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Gives itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Credit is given back in halves of the window, not by a frame for each message. */
  #consume(byteLength: number): void {
    this.#taken += byteLength;
    if (this.#ended || this.#taken * 2 < this.#windowBytes) return;
    this.#owner.consumed(this.#taken);
    this.#taken = 0;
  }
}
