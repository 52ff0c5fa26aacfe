// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { yieldNow } from "../thread/yield_now.ts";

/**
 * A body that is read more than once: that of a request for another try, or that of a response for
 * a cache as well.
 *
 * What was read is kept, up to a bound; a further stream begins with that and goes on where the
 * source is. So nothing waits for the end of a stream, and one that is longer than the bound can be
 * sent once only.
 */
export class ReplayableBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #bytesMax: number;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #next: Promise<void> | undefined;
  /** How many streams were opened: older ones take no more. */
  #opened = 0;
  #isLast = false;
  /** Whether the stream that was opened last was given up. */
  #unwanted = false;

  /** Takes the stream over. */
  constructor(source: ReadableStream<Uint8Array<ArrayBuffer>>, bytesMax: number) {
    this.#reader = source.getReader();
    this.#bytesMax = bytesMax;
  }

  /** Whether another stream would begin with the first byte. */
  get replayable(): boolean {
    return this.#bytes <= this.#bytesMax && this.#failure === undefined;
  }

  /**
   * The body for one try: bytes when all of it is there, so that it is sent with its length, and
   * else a stream.
   */
  async open(): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>> {
    // A body made of bytes or text gives all in one turn; whoever writes a stream may be slow.
    let turns = 0;
    while (!this.#ended && this.replayable && turns++ < TURNS_MAX) {
      await Promise.race([this.#read(), yieldNow()]);
    }
    return this.#ended && this.replayable ? this.#whole() : this.#stream();
  }

  /** There will be no other try: whoever gives the stream up gives the source up. */
  settle(): void {
    this.#isLast = true;
    if (this.#unwanted) this.cancel();
  }

  /** Reads all, whether anybody else does or not; null for more than is kept, or a failure. */
  async whole(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (!this.#ended && this.replayable) await this.#read();
    return this.replayable ? this.#whole() : null;
  }

  /** A stream from the first byte on, if there was none before. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream();
  }

  /** Gives the source up: nothing more of it is wanted. */
  cancel(reason?: unknown): void {
    this.#opened++;
    if (!this.#ended) this.#failure ??= { error: reason };
    // It may have failed; nobody asks for that any more.
    this.#reader.cancel(reason).catch(() => {});
  }

  /** Reads another chunk of the source; there is one read at a time, whoever asks. */
  #read(): Promise<void> {
    return this.#next ??= this.#readOnce().finally(() => this.#next = undefined);
  }

  async #readOnce(): Promise<void> {
    try {
      const { value, done } = await this.#reader.read();
      if (done) {
        this.#ended = true;
        return;
      }
      this.#chunks.push(value);
      this.#bytes += value.byteLength;
    } catch (error) {
      this.#failure = { error };
    }
  }

  #whole(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole;
  }

  #stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const mine = ++this.#opened;
    this.#unwanted = false;
    let at = 0;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        while (at === this.#chunks.length && !this.#ended) {
          if (this.#failure !== undefined) throw this.#failure.error;
          await this.#read();
        }
        // Where a later try has begun meanwhile, what was read is there for that.
        if (mine !== this.#opened || at === this.#chunks.length) return controller.close();
        const chunk = this.#chunks[at++]!;
        // Whoever reads a chunk may change it or give it away.
        controller.enqueue(this.replayable ? chunk.slice() : chunk);
        if (this.replayable) return;
        // It cannot be sent again, and need not be kept.
        this.#chunks.splice(0, at);
        at = 0;
      },
      cancel: (reason) => {
        if (mine !== this.#opened) return;
        this.#unwanted = true;
        if (this.#isLast) this.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }
}

/** Turns of the event loop that a body is given to be all there. */
const TURNS_MAX = 3;
