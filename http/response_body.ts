// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { copyOf } from "../io/copy_bytes.ts";
import { DIRECT_BYTES_MIN, goesDirect } from "../io/direct_budget.ts";
import { notePassing } from "../io/passing_buffers.ts";
import type { ContentSink } from "./incoming_body.ts";

/** Bytes of a response that are kept for a caller who does not read; then the server waits. */
export const RESPONSE_KEPT_BYTES = 1_048_576;
/** A length that is told is believed up to here: so much is made room for at once. */
const BELIEVED_BYTES_MAX = 268_435_456;

/** Who is told what becomes of the body of a response. */
export interface ResponseBodyOwner {
  /** Bytes are wanted, and none are there. */
  wanted(): void;
  /** There is room again. */
  drained(): void;
  /** Nobody wants the rest. */
  dropped(): void;
}

/**
 * The body of a response while it arrives. Whoever wants all of it gets it in one array, into which
 * every block is copied once; whoever reads a stream gets each block as a chunk. What comes in
 * large pieces is received right there ({@linkcode ResponseBody.room}).
 */
export class ResponseBody implements ContentSink {
  readonly #owner: ResponseBodyOwner;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #keptBytes = 0;
  #all: Uint8Array<ArrayBuffer> | null = null;
  #allBytes = 0;
  /** Where a reader wants its bytes, and how many were put there. */
  #into: Uint8Array | null = null;
  #intoBytes = 0;
  /** The next chunk, while it is received. */
  #fresh: Uint8Array<ArrayBuffer> | null = null;
  #ended = false;
  #failure: unknown = null;
  #dropped = false;
  #trailers: readonly (readonly [string, string])[] = [];
  #wake: (() => void) | null = null;

  /** Tells its owner when bytes are wanted. */
  constructor(owner: ResponseBodyOwner) {
    this.#owner = owner;
  }

  /** Whether the server should wait. */
  get full(): boolean {
    return this.#keptBytes >= RESPONSE_KEPT_BYTES || this.#intoBytes > 0;
  }

  /** Whether the last byte came, or no more will. */
  get over(): boolean {
    return this.#ended || this.#dropped || this.#failure !== null;
  }

  /** Whether somebody waits for bytes. */
  get awaited(): boolean {
    return this.#wake !== null;
  }

  /** The fields behind the body, once it has ended. */
  get trailers(): readonly (readonly [string, string])[] {
    return this.#trailers;
  }

  /** Takes a copy of bytes that came. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (start === end || this.#dropped) return;
    const piece = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    if (this.#all !== null) return this.#append(piece);
    this.#keep(copyOf(piece));
  }

  /** Where the bytes that have come, so many, may be put without a copy; null for nowhere. */
  room(byteLength: number): Uint8Array | null {
    const all = this.#all;
    if (all !== null) {
      return all.length - this.#allBytes < DIRECT_BYTES_MIN ? null : all.subarray(this.#allBytes);
    }
    const isChunk = this.#into === null && byteLength >= DIRECT_BYTES_MIN;
    this.#fresh = isChunk ? new Uint8Array(byteLength) : null;
    return this.#fresh ?? this.#into;
  }

  /** So many bytes were put there. */
  filled(byteLength: number): void {
    if (this.#all !== null) {
      this.#allBytes += byteLength;
      return;
    }
    const fresh = this.#fresh;
    this.#fresh = null;
    if (fresh !== null) {
      return this.#keep(byteLength === fresh.length ? fresh : fresh.slice(0, byteLength));
    }
    this.#into = null;
    this.#intoBytes = byteLength;
    this.#tell();
  }

  /** The last byte came, and these fields behind it. */
  end(trailers: readonly (readonly [string, string])[] = []): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#tell();
  }

  /** No more will come; what is left is not to be read any more. */
  fail(error: unknown): void {
    if (this.over) return;
    this.#failure = error;
    this.#chunks.length = this.#keptBytes = 0;
    this.#tell();
  }

  /** Nobody reads on. */
  drop(): void {
    if (this.over) return;
    this.#dropped = true;
    this.#chunks.length = this.#keptBytes = 0;
    this.#tell();
    this.#owner.dropped();
  }

  /** Bytes that are there; null for none, whatever the reason. */
  readNow(): Uint8Array<ArrayBuffer> | null {
    return this.#next();
  }

  /** Next bytes, null at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    for (;;) {
      const chunk = this.#next();
      if (chunk !== null) return chunk;
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended || this.#dropped) return null;
      await this.#more();
    }
  }

  /** Puts next bytes into `view`: how many, null at the end. */
  async readInto(view: Uint8Array): Promise<number | null> {
    for (;;) {
      const count = this.#intoBytes > 0 ? this.#intoBytes : this.#takeKept(view);
      this.#intoBytes = 0;
      if (count > 0) return count;
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended || this.#dropped) return null;
      this.#into = goesDirect(view) ? view : null;
      await this.#more();
      this.#into = null;
    }
  }

  /** All that is still to come, in one array; `expected` bytes, or -1 when that is not known. */
  async readAll(expected: number): Promise<Uint8Array<ArrayBuffer>> {
    const room = Math.max(this.#keptBytes, Math.min(expected, BELIEVED_BYTES_MAX), 1024);
    this.#all = new Uint8Array(room);
    this.#allBytes = 0;
    for (const chunk of this.#chunks.splice(0)) this.#append(chunk);
    this.#keptBytes = 0;
    this.#owner.drained();
    while (!this.#ended && !this.#dropped && this.#failure === null) await this.#more();
    if (this.#failure !== null) throw this.#failure;
    const all = this.#all;
    this.#all = null;
    if (this.#allBytes === all.length) return all;
    return new Uint8Array(all.buffer.transfer(this.#allBytes));
  }

  /** The rest as a stream, which reads only when it is read. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      type: "bytes",
      pull: (controller) => {
        if (controller.byobRequest !== null) return this.#pullInto(controller);
        const chunk = this.#next();
        if (chunk !== null) return controller.enqueue(chunk);
        return this.#pullLater(controller);
      },
      cancel: () => this.drop(),
    }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  async #pullLater(controller: ReadableByteStreamController): Promise<void> {
    const chunk = await this.read();
    if (chunk !== null) return controller.enqueue(chunk);
    if (this.#dropped) return;
    controller.close();
    controller.byobRequest?.respond(0);
  }

  async #pullInto(controller: ReadableByteStreamController): Promise<void> {
    const { view } = controller.byobRequest!;
    const { buffer, byteOffset, byteLength } = view!;
    const count = await this.readInto(new Uint8Array(buffer, byteOffset, byteLength));
    if (count !== null) return controller.byobRequest!.respond(count);
    if (this.#dropped) return;
    controller.close();
    controller.byobRequest?.respond(0);
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): void {
    notePassing(chunk.length);
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    this.#tell();
  }

  /** Copies what is kept, as far as there is room. */
  #takeKept(view: Uint8Array): number {
    const chunk = this.#next();
    if (chunk === null) return 0;
    const count = Math.min(view.length, chunk.length);
    view.set(count < chunk.length ? chunk.subarray(0, count) : chunk);
    if (count < chunk.length) {
      this.#chunks.unshift(chunk.subarray(count));
      this.#keptBytes += chunk.length - count;
    }
    return count;
  }

  #next(): Uint8Array<ArrayBuffer> | null {
    if (this.#chunks.length === 0) return null;
    const wasFull = this.full;
    const chunk = this.#chunks.shift()!;
    this.#keptBytes -= chunk.length;
    if (wasFull && !this.full) this.#owner.drained();
    return chunk;
  }

  #more(): Promise<void> {
    const more = new Promise<void>((resolve) => this.#wake = resolve);
    this.#owner.wanted();
    return more;
  }

  #append(piece: Uint8Array): void {
    const needed = this.#allBytes + piece.length;
    if (needed > this.#all!.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#all!.length));
      larger.set(this.#all!.subarray(0, this.#allBytes));
      this.#all = larger;
    }
    this.#all!.set(piece, this.#allBytes);
    this.#allBytes = needed;
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
