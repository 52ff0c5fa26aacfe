// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { joinBytes } from "../io/copy_bytes.ts";
import { CLOSE_FLUSH_MS } from "../io/fd_stream.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Bytes of one read. */
const READ_BYTES = 16_384;
/** Bytes that may be queued; further ones wait. */
const QUEUE_BYTES_MAX = 131_072;

/** What a {@linkcode SocketTransport} needs: sockets of the portable engine have it. */
export interface ByteSocket {
  /** Next bytes, null at the end of the stream. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes some of `p` and says how many bytes. */
  write(p: Uint8Array): Promise<number>;
  /** Sends the end of the stream. */
  closeWrite(): Promise<void>;
  /** Closes at once. */
  close(): void;
  /** Reads keep the process alive. */
  ref(): void;
  /** Reads do not keep the process alive. */
  unref(): void;
}

/** Makes a connection of what is left: bytes that were taken, and bytes of a read under way. */
export type MakeConn = (rest: Uint8Array, late: Promise<Uint8Array> | null) => Deno.Conn;

/** A connection over a socket with promises: one read at a time, one write at a time. */
export class SocketTransport implements Transport {
  /** Nothing is written in place. */
  readonly memory: Uint8Array = new Uint8Array();
  readonly #socket: ByteSocket;
  readonly #conn: MakeConn;
  #sink: TransportSink | null = null;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing: Promise<void> | null = null;
  #failure: unknown = null;
  #paused = false;
  #stopped = false;
  #closed = false;
  #reading = false;
  #wakes: (() => void)[] = [];
  #onReadEnd: (() => void) | null = null;

  /** Takes over a socket; `conn` makes a connection of it where it is handed over. */
  constructor(socket: ByteSocket, conn: MakeConn) {
    this.#socket = socket;
    this.#conn = conn;
  }

  start(sink: TransportSink): void {
    this.#sink = sink;
    this.#readOn();
  }

  redirect(sink: TransportSink): void {
    this.#sink = sink;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#readOn();
  }

  reserve(_byteLength: number): number {
    return -1;
  }

  commit(_byteLength: number): void {}

  offer(bytes: Uint8Array): number {
    if (this.#failure !== null || this.#closed) return -1;
    const count = Math.min(bytes.length, QUEUE_BYTES_MAX - this.#queuedBytes);
    if (count <= 0) return 0;
    this.#queue.push(bytes.slice(0, count));
    this.#queuedBytes += count;
    this.#flushing ??= this.#flush();
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = this.offer(at === 0 ? bytes : bytes.subarray(at));
      if (count < 0) throw this.#failure ?? new Deno.errors.BrokenPipe("Connection is closed");
      at += count;
      if (at < bytes.length) await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  endWriting(): void {
    const ended = (this.#flushing ?? Promise.resolve()).then(() => this.#socket.closeWrite());
    ended.catch(() => {});
  }

  finishReading(done: () => void): void {
    // The read in flight cannot be ended; what it brings while the last response leaves is lost.
    this.#stopped = true;
    queueMicrotask(done);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = this.#stopped = true;
    if (this.#flushing === null) return this.#end();
    const giveUp = setTimeout(() => this.#end(), CLOSE_FLUSH_MS);
    this.#flushing.finally(() => {
      clearTimeout(giveUp);
      this.#end();
    });
  }

  abort(): void {
    if (this.#closed) return;
    this.#closed = this.#stopped = true;
    this.#end();
  }

  hold(hold: boolean): void {
    if (hold) this.#socket.ref();
    else this.#socket.unref();
  }

  async handOver(rest: () => Uint8Array): Promise<Deno.Conn> {
    await this.#flushing;
    this.#stopped = true;
    if (!this.#reading) return this.#conn(rest(), null);
    // A read is on its way: what it brings comes behind the rest, and before all else.
    const late = new Promise<Uint8Array>((resolve) => {
      this.#sink = { take: (bytes, from, to) => resolve(bytes.slice(from, to)), ended() {} };
      this.#onReadEnd = () => resolve(new Uint8Array());
    });
    return this.#conn(rest(), late);
  }

  async #readOn(): Promise<void> {
    if (this.#reading || this.#stopped) return;
    this.#reading = true;
    try {
      const buffer = new Uint8Array(READ_BYTES);
      while (!this.#paused && !this.#stopped) {
        const count = await this.#socket.read(buffer);
        if (this.#closed) break;
        if (count === null) {
          this.#stopped = true;
          this.#sink!.ended(null);
        } else this.#sink!.take(buffer, 0, count);
      }
    } catch (error) {
      if (!this.#closed) this.#sink!.ended(error as Error);
      this.#stopped = true;
    } finally {
      this.#reading = false;
      this.#onReadEnd?.();
    }
  }

  /** Sends what one turn queued together. */
  async #flush(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#queue.length > 0) {
        const batch = this.#queue.length === 1 ? this.#queue[0] : this.#queue.reduce(joinBytes);
        this.#queue = [];
        for (let sent = 0; sent < batch.length;) {
          sent += await this.#socket.write(batch.subarray(sent));
        }
        this.#queuedBytes -= batch.length;
        for (const wake of this.#wakes.splice(0)) wake();
      }
    } catch (error) {
      this.#failure = error;
      this.#queue = [];
      for (const wake of this.#wakes.splice(0)) wake();
    } finally {
      this.#flushing = null;
    }
  }

  #end(): void {
    try {
      this.#socket.close();
    } catch {
      // It was closed by then.
    }
  }
}
