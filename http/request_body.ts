// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { copyOf } from "../io/copy_bytes.ts";

/** Bytes of a body that are kept for a handler that does not read; then the peer has to wait. */
export const BODY_KEPT_BYTES = 65_536;

/** Who is told what becomes of a body. */
export interface BodyOwner {
  /** The handler asks for bytes that have not come: an awaited `100 Continue` is due. */
  wanted(): void;
  /** What was kept is below {@linkcode BODY_KEPT_BYTES} again. */
  drained(): void;
}

/**
 * The body of a request while it arrives: what came is kept until it is read, and when it is not
 * read the peer is made to wait.
 */
export class RequestBody {
  readonly #owner: BodyOwner;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #keptBytes = 0;
  #asked = false;
  #ended = false;
  #failure: Error | null = null;
  #discarded = false;
  #trailers: readonly (readonly [string, string])[] = [];
  #wake: (() => void) | null = null;

  /** Tells its owner when bytes are wanted. */
  constructor(owner: BodyOwner) {
    this.#owner = owner;
  }

  /** Whether anybody reads it. */
  get asked(): boolean {
    return this.#asked;
  }

  /** Whether the peer should wait. */
  get full(): boolean {
    return this.#keptBytes >= BODY_KEPT_BYTES;
  }

  /** Keeps a copy of bytes that came. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (start === end || this.#discarded) return;
    const chunk = copyOf(bytes.subarray(start, end));
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    this.#tell();
  }

  /** The last byte came, and these fields behind it. */
  end(trailers: readonly (readonly [string, string])[] = []): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#tell();
  }

  /** No more will come; what is left is not to be read any more. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#chunks.length = this.#keptBytes = 0;
    this.#tell();
  }

  /** Nobody reads it: what comes is dropped. */
  discard(): void {
    this.#discarded = true;
    this.#chunks.length = this.#keptBytes = 0;
    this.#owner.drained();
  }

  /** Next bytes, null at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#asked = true;
    while (this.#chunks.length === 0) {
      if (this.#failure) throw this.#failure;
      if (this.#ended) return null;
      this.#owner.wanted();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const wasFull = this.full;
    const chunk = this.#chunks.shift()!;
    this.#keptBytes -= chunk.length;
    if (wasFull && !this.full) this.#owner.drained();
    return chunk;
  }

  /** The fields behind the body, once it was read. */
  get trailers(): readonly (readonly [string, string])[] {
    return this.#trailers;
  }

  /** All that is still to come, in one piece. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) {
      chunks.push(chunk);
      length += chunk.length;
    }
    if (chunks.length === 1) return chunks[0];
    const all = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  /** The rest as a stream. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#asked = true;
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const chunk = await this.read();
        if (chunk !== null) return controller.enqueue(chunk);
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel: () => this.discard(),
    }, { highWaterMark: 0 });
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
