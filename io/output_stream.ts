// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Closer, writableFrom, writeAll, type Writer } from "./byte_stream.ts";
import type { FdStream } from "./fd_stream.ts";
import { CLOSED, misuseOf, type StreamOptions } from "./input_stream.ts";

/** What an {@linkcode OutputStream} writes to. */
export interface OutputSink {
  /** The descriptor, or -1 where there is none to give. */
  readonly fd: number;
  /** Writes at least one byte of `p` and says how many. */
  write(p: Uint8Array, signal?: AbortSignal): Promise<number>;
  /** Ends; what was written before still leaves. Called once at most. */
  close(): void;
}

/**
 * Bytes that go out: the writing end of a pipe, standard output or standard error, with the rules
 * of `Deno.stdout`. Not made by hand: {@linkcode openPipe}, {@linkcode standardOutput} and
 * {@linkcode standardError} give one.
 *
 * @example Send a stream through a pipe
 * ```ts
 * import { engineInfo, openPipe, OutputStream } from "@photon/std/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const { reader, writer } = openPipe();
 *   assert(writer instanceof OutputStream);
 *   const sending = new Response("hello").body!.pipeTo(writer.writable);
 *   assertEquals(await new Response(reader.readable).text(), "hello");
 *   await sending;
 * }
 * ```
 */
export class OutputStream implements Writer, Closer, Disposable {
  readonly #sink: OutputSink;
  readonly #isTerminal: () => boolean;
  #closed = false;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /** Takes over a sink. */
  constructor(sink: OutputSink, isTerminal: () => boolean = () => false) {
    this.#sink = sink;
    this.#isTerminal = isTerminal;
  }

  /** The descriptor, or -1 on the portable engine. */
  get fd(): number {
    return this.#sink.fd;
  }

  /**
   * Writes bytes of `p`; may write fewer than all.
   *
   * @returns How many
   */
  write(p: Uint8Array, options?: StreamOptions): Promise<number> {
    const misuse = misuseOf(this.#closed, p);
    return misuse ? Promise.reject(misuse) : this.#sink.write(p, options?.signal);
  }

  /** Writes all of `p`. */
  writeAll(p: Uint8Array): Promise<void> {
    return writeAll(this, p);
  }

  /** The outgoing bytes as a stream, which closes this with it. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  /** Whether a person reads this. */
  isTerminal(): boolean {
    return this.#isTerminal();
  }

  /**
   * Closes; writes that wait for room reject with `Interrupted`, what was written before leaves.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    this.#closed = true;
    this.#sink.close();
  }

  /** Closes unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }
}

/** The writing half of a descriptor, as a sink; a write is done when it is queued. */
export function outputTo(stream: FdStream): OutputSink {
  return {
    fd: stream.fd,
    write: (p, signal) => stream.sender.write(p, signal),
    close: () => stream.close(),
  };
}
