// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { duplicateDescriptor } from "../ffi/socket.ts";
import { DenoInput } from "./deno_input.ts";
import { engineInfo, openEngine } from "./engine_info.ts";
import { FdStream } from "./fd_stream.ts";
import { inputFrom, InputStream } from "./input_stream.ts";
import { type OutputSink, OutputStream, outputTo } from "./output_stream.ts";

/**
 * Standard input, on the ring: a terminal, a pipe, a file, whatever it is connected to.
 *
 * Each call gives a stream of its own; what one has read the others do not see, `Deno.stdin` among
 * them. Closing it leaves `Deno.stdin` open. On the portable engine it reads from `Deno.stdin`.
 *
 * @example Count the bytes that are piped in
 * ```ts
 * import { standardInput } from "@photon/std/io";
 *
 * using input = standardInput();
 * if (!input.isTerminal()) {
 *   let total = 0;
 *   const p = new Uint8Array(65536);
 *   for (let n = await input.read(p); n !== null; n = await input.read(p)) total += n;
 * }
 * ```
 */
export function standardInput(): InputStream {
  const isTerminal = () => Deno.stdin.isTerminal();
  if (engineInfo().engine !== "uring") {
    return new InputStream(new DenoInput(Deno.stdin), isTerminal);
  }
  return new InputStream(inputFrom(streamOn(0)), isTerminal);
}

/**
 * Standard output, on the ring. A write is done when the kernel has taken its bytes, so what is
 * printed by other means after it comes after it.
 *
 * Each call gives a stream of its own. Closing it leaves `Deno.stdout` open. On the portable
 * engine it writes to `Deno.stdout`.
 *
 * @example Print a line
 * ```ts
 * import { standardOutput } from "@photon/std/io";
 *
 * using output = standardOutput();
 * await output.writeAll(new TextEncoder().encode("ready\n"));
 * ```
 */
export function standardOutput(): OutputStream {
  return outputOn(1, Deno.stdout);
}

/**
 * Standard error, as {@linkcode standardOutput} is standard output.
 *
 * @example Complain
 * ```ts
 * import { standardError } from "@photon/std/io";
 *
 * using output = standardError();
 * await output.writeAll(new TextEncoder().encode("out of paper\n"));
 * ```
 */
export function standardError(): OutputStream {
  return outputOn(2, Deno.stderr);
}

function outputOn(fd: number, own: typeof Deno.stdout): OutputStream {
  const isTerminal = () => own.isTerminal();
  if (engineInfo().engine !== "uring") return new OutputStream(denoOutput(own), isTerminal);
  const stream = streamOn(fd);
  const sink = outputTo(stream);
  const write: OutputSink["write"] = async (p, signal) => {
    const count = await sink.write(p, signal);
    await stream.sender.drained();
    return count;
  };
  return new OutputStream({ ...sink, write }, isTerminal);
}

/** A duplicate, so that closing it closes nothing else. */
function streamOn(fd: number): FdStream {
  return new FdStream(openEngine(), duplicateDescriptor(fd), "pipe");
}

/** Deno's own stream as a sink; it stays open, and a write under way cannot be given up. */
function denoOutput(own: typeof Deno.stdout): OutputSink {
  return {
    fd: -1,
    write(p, signal) {
      return signal?.aborted ? Promise.reject(signal.reason) : own.write(p);
    },
    close() {},
  };
}
