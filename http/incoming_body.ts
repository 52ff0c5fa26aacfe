// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ChunkedDecoder } from "./chunked.ts";
import type { HeadLimits } from "./request_head.ts";

/** Where the content of a body goes. */
export interface ContentSink {
  /** Takes bytes where they are; they are gone when the call returns. */
  push(bytes: Uint8Array, start: number, end: number): void;
  /** Where the bytes that have come, so many, may be put without a copy; null for nowhere. */
  room?(byteLength: number): Uint8Array | null;
  /** So many bytes were put there. */
  filled?(byteLength: number): void;
}

/** Takes the bytes of one body off a connection, up to its last. */
export class IncomingBody<S extends ContentSink> {
  /** Where they go. */
  readonly body: S;
  /** Why it was refused; empty while it was not. */
  reason = "";

  readonly #decoder: ChunkedDecoder | null;
  readonly #bytesMax: number;
  #left: number;
  #taken = 0;
  readonly #push = (bytes: Uint8Array, from: number, to: number) => {
    this.#taken += to - from;
    if (this.#taken <= this.#bytesMax) this.body.push(bytes, from, to);
  };

  /** Expects so many bytes, Infinity for any, or chunks when `contentLength` is negative. */
  constructor(
    body: S,
    contentLength: number,
    limits: HeadLimits & { readonly bodyBytesMax: number },
  ) {
    this.body = body;
    this.#left = contentLength;
    this.#bytesMax = limits.bodyBytesMax;
    this.#decoder = contentLength < 0 ? new ChunkedDecoder(limits) : null;
  }

  /** Whether the last byte was taken. */
  get done(): boolean {
    return this.#decoder === null ? this.#left === 0 : this.#decoder.done;
  }

  /** The trailer fields of a chunked body that is done. */
  get trailers(): [string, string][] {
    return this.#decoder?.trailerPairs() ?? [];
  }

  /** Where bytes of the body may be put, no more than are left of it; null for nowhere. */
  room(byteLength: number): Uint8Array | null {
    if (this.#decoder !== null) return null;
    const room = this.body.room?.(Math.min(byteLength, this.#left)) ?? null;
    return room !== null && room.length > this.#left ? room.subarray(0, this.#left) : room;
  }

  /** So many bytes were put there. */
  filled(byteLength: number): void {
    this.#left -= byteLength;
    this.body.filled!(byteLength);
  }

  /** Takes what belongs to the body; says how far that was, or a negative status code. */
  take(bytes: Uint8Array, start: number, end: number): number {
    if (this.#decoder === null) {
      const to = Math.min(end, start + this.#left);
      this.body.push(bytes, start, to);
      this.#left -= to - start;
      return to;
    }
    const at = this.#decoder.decode(bytes, start, end, this.#push);
    this.reason = this.#decoder.reason;
    if (at < 0 || this.#taken <= this.#bytesMax) return at;
    this.reason = "body too long";
    return -413;
  }
}
