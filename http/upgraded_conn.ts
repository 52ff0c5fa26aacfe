// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readableFrom, writableFrom } from "../io/byte_stream.ts";
import type { ByteSocket } from "./socket_transport.ts";

/** A connection that was HTTP up to here; bytes that came too early are read first. */
export class UpgradedConn<A extends Deno.Addr> implements Deno.Conn<A> {
  readonly localAddr: A;
  readonly remoteAddr: A;
  readonly #socket: ByteSocket;
  #rest: Uint8Array;
  #late: Promise<Uint8Array> | null;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /** Takes over a socket, bytes that were taken from it, and those of a read under way. */
  constructor(
    socket: ByteSocket,
    addrs: { local: A; remote: A },
    rest: Uint8Array,
    late: Promise<Uint8Array> | null,
  ) {
    this.#socket = socket;
    this.localAddr = addrs.local;
    this.remoteAddr = addrs.remote;
    this.#rest = rest;
    this.#late = late;
  }

  async read(p: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0 && this.#late !== null) {
      this.#rest = await this.#late;
      this.#late = null;
    }
    if (this.#rest.length === 0) return await this.#socket.read(p);
    const count = Math.min(this.#rest.length, p.length);
    p.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  write(p: Uint8Array): Promise<number> {
    return this.#socket.write(p);
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  close(): void {
    this.#socket.close();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
