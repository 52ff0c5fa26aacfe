// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openPipe as openDescriptors } from "../ffi/socket.ts";
import { engineInfo, openEngine } from "./engine_info.ts";
import { FdStream } from "./fd_stream.ts";
import { inputFrom, InputStream } from "./input_stream.ts";
import { OutputStream, outputTo } from "./output_stream.ts";
import { notSupported } from "./portable.ts";

/** The two ends of a pipe; disposing closes both. */
export interface Pipe extends Disposable {
  /** What comes out. */
  readonly reader: InputStream;
  /** What goes in. */
  readonly writer: OutputStream;
}

/**
 * Opens a pipe, `pipe2(2)`: a one-way stream of bytes between parts of a program, or to foreign
 * code that is given the descriptor of one end. The kernel holds 64 KiB of it, and the writer up to
 * 128 KiB more, before writes wait.
 *
 * Closing the writer ends the stream. A write is done when it is queued; that the reader is gone
 * shows in a later one, which rejects with `BrokenPipe`. Ring engine only.
 *
 * @throws {Deno.errors.NotSupported} on the portable engine
 * @throws {Error} when the process has too many open files (`.code` is `"EMFILE"`)
 *
 * @example From one end to the other
 * ```ts
 * import { engineInfo, openPipe } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   using pipe = openPipe();
 *   await pipe.writer.write(new Uint8Array([1, 2, 3]));
 *   pipe.writer.close();
 *   const p = new Uint8Array(8);
 *   assertEquals(await pipe.reader.read(p), 3);
 *   assertEquals(await pipe.reader.read(p), null);
 * }
 * ```
 */
export function openPipe(): Pipe {
  if (engineInfo().engine !== "uring") throw notSupported("pipe");
  const engine = openEngine();
  const [readFd, writeFd] = openDescriptors();
  const reader = new InputStream(inputFrom(new FdStream(engine, readFd, "pipe")));
  const writer = new OutputStream(outputTo(new FdStream(engine, writeFd, "pipe")));
  const close = () => {
    reader[Symbol.dispose]();
    writer[Symbol.dispose]();
  };
  return { reader, writer, [Symbol.dispose]: close };
}
