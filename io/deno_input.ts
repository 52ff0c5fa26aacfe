// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Reader } from "./byte_stream.ts";
import type { InputSource } from "./input_stream.ts";

/** Bytes that one read of Deno's is asked for at most, and that are kept at most. */
const BLOCK_BYTES_MAX = 65_536;

/**
 * One of Deno's own readers as a source, with what it lacks: a read can be given up. Deno cannot
 * take a read back, so reads go into a block of our own, and one that outlives its caller leaves
 * its bytes to the next. The reader stays open.
 */
export class DenoInput implements InputSource {
  readonly fd = -1;

  readonly #reader: Reader;
  readonly #closing = new AbortController();
  #kept: Uint8Array = new Uint8Array();
  #ended = false;
  #fill: Promise<void> | null = null;

  /** Reads from a reader that nobody else reads. */
  constructor(reader: Reader) {
    this.#reader = reader;
  }

  async read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    signal?.throwIfAborted();
    if (p.length === 0) return 0;
    const { signal: closing } = this.#closing;
    const limit = signal ? AbortSignal.any([signal, closing]) : closing;
    while (this.#kept.length === 0) {
      if (this.#ended) {
        // A terminal may have more after its end.
        this.#ended = false;
        return null;
      }
      await unlessAborted(this.#fill ??= this.#read(p.length), limit);
    }
    const count = Math.min(p.length, this.#kept.length);
    p.set(this.#kept.subarray(0, count));
    this.#kept = this.#kept.subarray(count);
    return count;
  }

  close(): void {
    this.#closing.abort(new Deno.errors.Interrupted("operation canceled"));
  }

  async #read(wanted: number): Promise<void> {
    const block = new Uint8Array(Math.min(wanted, BLOCK_BYTES_MAX));
    try {
      const count = await this.#reader.read(block);
      if (count === null) this.#ended = true;
      else this.#kept = block.subarray(0, count);
    } finally {
      this.#fill = null;
    }
  }
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: result, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason);
  const done = () => signal.removeEventListener("abort", abort);
  signal.addEventListener("abort", abort);
  promise.then(resolve, reject).then(done);
  return result;
}
