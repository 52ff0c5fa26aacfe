// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Closer, readableFrom, type Reader } from "./byte_stream.ts";
import type { FdStream } from "./fd_stream.ts";

/** Options of one read of an {@linkcode InputStream} or write of an {@linkcode OutputStream}. */
export interface StreamOptions {
  /** Gives the call up; bytes that a read had already won go to the next one. */
  signal?: AbortSignal;
}

/** What an {@linkcode InputStream} reads from. */
export interface InputSource {
  /** The descriptor, or -1 where there is none to give. */
  readonly fd: number;
  /** Reads at most `p.length` bytes; null at the end. */
  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null>;
  /** Ends; waiting reads reject with `Interrupted`. Called once at most. */
  close(): void;
}

/**
 * Bytes that come in: the reading end of a pipe, or standard input, with the rules of `Deno.stdin`.
 * Not made by hand: {@linkcode openPipe} and {@linkcode standardInput} give one.
 *
 * @example Read lines from a pipe
 * ```ts
 * import { engineInfo, InputStream, openPipe } from "@photon/std/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const { reader, writer } = openPipe();
 *   assert(reader instanceof InputStream);
 *   await writer.write(new TextEncoder().encode("one\ntwo\n"));
 *   writer.close();
 *   const text = await new Response(reader.readable).text();
 *   assertEquals(text.split("\n"), ["one", "two", ""]);
 * }
 * ```
 */
export class InputStream implements Reader, Closer, Disposable {
  readonly #source: InputSource;
  readonly #isTerminal: () => boolean;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /** Takes over a source. */
  constructor(source: InputSource, isTerminal: () => boolean = () => false) {
    this.#source = source;
    this.#isTerminal = isTerminal;
  }

  /** The descriptor, or -1 on the portable engine. */
  get fd(): number {
    return this.#source.fd;
  }

  /**
   * Reads at most `p.length` bytes into `p`; may read fewer.
   *
   * @returns How many, or null at the end of the stream
   */
  read(p: Uint8Array, options?: StreamOptions): Promise<number | null> {
    const misuse = misuseOf(this.#closed, p);
    return misuse ? Promise.reject(misuse) : this.#source.read(p, options?.signal);
  }

  /** The bytes as a stream, which closes this at their end, on an error and on `cancel`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  /** Whether a person types here. */
  isTerminal(): boolean {
    return this.#isTerminal();
  }

  /**
   * Closes; waiting reads reject with `Interrupted`.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    this.#closed = true;
    this.#source.close();
  }

  /** Closes unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }
}

/** The reading half of a descriptor, as a source. */
export function inputFrom(stream: FdStream): InputSource {
  return {
    fd: stream.fd,
    read: (p, signal) => stream.receiver.read(p, signal),
    close: () => stream.close(),
  };
}

/** The error for a call on a closed stream, or with something else than bytes. */
export function misuseOf(closed: boolean, p: unknown): Error | null {
  if (closed) return new Deno.errors.BadResource(CLOSED);
  if (p instanceof Uint8Array) return null;
  return new TypeError("Cannot transfer bytes: the buffer must be a Uint8Array");
}

/** Deno's own message. */
export const CLOSED = "Bad resource ID";
