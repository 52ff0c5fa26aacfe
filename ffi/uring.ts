// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { lastErrno, libc } from "./libc.ts";
import { openLibrary } from "./load.ts";

// Data: the three system calls, as liburing 2.3 and later exports them.
// deno-fmt-ignore
const symbols = {
  io_uring_setup:    { parameters: ["u32", "buffer"], result: "i32" },                                 // int io_uring_setup(unsigned entries, struct io_uring_params *)
  io_uring_enter2:   { parameters: ["u32", "u32", "u32", "u32", "pointer", "usize"], result: "i32" },  // int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, void *arg, size_t argsz)
  io_uring_register: { parameters: ["u32", "u32", "buffer", "u32"], result: "i32" },                   // int io_uring_register(unsigned fd, unsigned opcode, const void *arg, unsigned count)
} as const satisfies Deno.ForeignLibraryInterface;

/** The io_uring system calls; each returns a negative errno on failure. */
export interface UringCalls {
  /** Where the calls come from: `"liburing"` or `"libc"`. */
  readonly library: "liburing" | "libc";
  /** `io_uring_setup(2)`. */
  setup(entries: number, params: Uint32Array<ArrayBuffer>): number;
  /** `io_uring_enter2(2)`. */
  enter(
    fd: number,
    submit: number,
    complete: number,
    flags: number,
    argument: Deno.PointerObject | null,
    argumentBytes: bigint,
  ): number;
  /** `io_uring_register(2)`. */
  register(
    fd: number,
    command: number,
    argument: Uint8Array<ArrayBuffer> | null,
    count: number,
  ): number;
}

let calls: UringCalls | undefined;

/**
 * The system calls of io_uring, from liburing or, where it is not installed, from libc's
 * `syscall`, which costs about 60 ns more a call.
 *
 * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
 */
export function uringCalls(): UringCalls {
  calls ??= fromLiburing() ?? fromLibc();
  return calls;
}

function fromLiburing(): UringCalls | undefined {
  try {
    const { io_uring_setup, io_uring_enter2, io_uring_register } =
      openLibrary(["liburing.so.2"], symbols).symbols;
    return {
      library: "liburing",
      setup: io_uring_setup,
      enter: io_uring_enter2,
      register: io_uring_register,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

// The numbers are the same on every architecture that Deno runs on (asm-generic/unistd.h).
const NR_SETUP = 425n;
const NR_ENTER = 426n;
const NR_REGISTER = 427n;

/** The same calls by number; exported so that a test can run the ring on it. */
export function fromLibc(): UringCalls {
  const { syscall } = libc();
  const address = (buffer: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | null): bigint =>
    BigInt(Deno.UnsafePointer.value(buffer === null ? null : Deno.UnsafePointer.of(buffer)));
  const negative = (result: number): number => result < 0 ? -lastErrno() : result;
  return {
    library: "libc",
    setup: (entries, params) =>
      negative(syscall(NR_SETUP, BigInt(entries), address(params), 0n, 0n, 0n, 0n)),
    enter: (fd, submit, complete, flags, argument, argumentBytes) =>
      negative(
        syscall(
          NR_ENTER,
          BigInt(fd),
          BigInt(submit),
          BigInt(complete),
          BigInt(flags),
          BigInt(Deno.UnsafePointer.value(argument)),
          argumentBytes,
        ),
      ),
    register: (fd, command, argument, count) =>
      negative(
        syscall(
          NR_REGISTER,
          BigInt(fd),
          BigInt(command),
          address(argument),
          BigInt(count),
          0n,
          0n,
        ),
      ),
  };
}
