// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Writes of one connection that may wait; one more is refused with `Deno.errors.Busy`. */
export const WRITES_MAX = 65_536;
/** Buffers that are joined into one write have no more bytes together than this. */
export const JOINED_BYTES_MAX = 65_536;

/**
 * The writing half of a connection on Deno's own API: writes wait for each other, so that a vector
 * stays in one piece and the end of the stream comes after what was written before.
 *
 * Deno cannot take a write back. An aborted write rejects at once; what Deno has been given by then
 * still leaves, and the next write waits for it.
 */
export class DenoSender {
  readonly #conn: Deno.Conn;
  readonly #tasks: Task[] = [];
  #running = false;
  #closed: { reason: unknown } | undefined;

  /** Writes to a connection that nobody else writes to. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Writes at least one byte of `p` and says how many. */
  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#run(() => this.#writeSome(p, signal), signal);
  }

  /** Writes all of the buffers, one after the other, and says how many bytes that were. */
  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    return this.#run(async () => {
      const total = buffers.reduce((bytes, buffer) => bytes + buffer.length, 0);
      const pieces = total <= JOINED_BYTES_MAX ? [join(buffers, total)] : buffers;
      for (const piece of pieces) {
        for (let written = 0; written < piece.length;) {
          signal?.throwIfAborted();
          written += await this.#writeSome(piece.subarray(written), signal);
        }
      }
      return total;
    }, signal);
  }

  /** Writes the pieces that it is given, with nothing in between, until there is an empty one. */
  writePieces(
    next: (written: number) => Promise<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#run(async () => {
      let total = 0;
      for (let piece = await next(0); piece.length > 0; piece = await next(total)) {
        for (let written = 0; written < piece.length;) {
          signal?.throwIfAborted();
          written += await this.#writeSome(piece.subarray(written), signal);
        }
        total += piece.length;
      }
      return total;
    }, signal);
  }

  /** Ends the stream after what was written before. */
  closeWrite(): Promise<void> {
    return this.#run(() => this.#conn.closeWrite());
  }

  /** Rejects what waits or is under way. The connection is closed by its owner. */
  close(reason: unknown): void {
    this.#closed = { reason };
    for (const task of this.#tasks.splice(0)) task.reject(reason);
  }

  /** An aborted write gives its buffer back at once, so Deno gets a copy of it. */
  #writeSome(p: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    return this.#conn.write(signal ? p.slice(0, JOINED_BYTES_MAX) : p);
  }

  #run<T>(start: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (this.#tasks.length >= WRITES_MAX) {
      const error = new Deno.errors.Busy(`Cannot write: ${WRITES_MAX} writes wait already`);
      return Promise.reject(error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fail = (error: unknown) => reject(this.#closed ? this.#closed.reason : error);
    const task: Task = { run: () => Promise.try(start).then(resolve, fail), reject };
    if (signal) this.#rejectOnAbort(task, signal, promise);
    this.#tasks.push(task);
    if (!this.#running) this.#runTasks();
    return promise;
  }

  async #runTasks(): Promise<void> {
    this.#running = true;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) await task.run();
    this.#running = false;
  }

  #rejectOnAbort(task: Task, signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => {
      const index = this.#tasks.indexOf(task);
      if (index >= 0) this.#tasks.splice(index, 1);
      task.reject(signal.reason);
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    promise.then(done, done);
  }
}

interface Task {
  /** Does the work and settles its caller's promise; does not reject. */
  readonly run: () => Promise<void>;
  readonly reject: (reason: unknown) => void;
}

function join(buffers: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const buffer of buffers) {
    joined.set(buffer, offset);
    offset += buffer.length;
  }
  return joined;
}
