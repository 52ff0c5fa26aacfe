// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The ground: io_uring as typed arrays, the system calls around it, error numbers and layouts.
 *
 * Nothing is loaded by the import; the first use asks for `--allow-ffi`. Most programs want
 * `@photon/std/net` instead.
 *
 * ```ts
 * import { Ring } from "@photon/std/ffi";
 *
 * console.log(Ring.supported() ? "io_uring works here" : "no io_uring");
 * ```
 *
 * @module
 */
export { Accept, Cancel, CqeFlag, CqFlag, Enter, Feature, Op, RecvSend } from "./abi.ts";
export { Register, Setup, SqeFlag, SqFlag } from "./abi.ts";
export { Errno, osError } from "./errno.ts";
export type { RecordKeys } from "./kernel_tls.ts";
export { mapMemory, type Mapping } from "./memory.ts";
export {
  COMPLETIONS_DEFAULT,
  type CompletionVisitor,
  Ring,
  type RingOptions,
  SQE_WORDS,
  SUBMISSIONS_DEFAULT,
} from "./ring.ts";
export { RingRegistry } from "./ring_registry.ts";
export {
  type BlockingMode,
  closeDescriptor,
  duplicateDescriptor,
  openPipe,
  writeByte,
} from "./socket.ts";
export { type UringCalls } from "./uring.ts";
