// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Register } from "./abi.ts";
import { osError } from "./errno.ts";
import type { Mapping } from "./memory.ts";
import type { UringCalls } from "./uring.ts";

/**
 * What a ring has registered with the kernel, `io_uring_register(2)`. Each call throws the
 * kernel's refusal, with `.code`.
 *
 * @example Descriptors that entries may name by index
 * ```ts
 * import { Ring } from "@photon/std/ffi";
 *
 * if (Ring.supported()) {
 *   using ring = Ring.open({ submissions: 8, completions: 16 });
 *   ring.registry.registerFiles([0, 1, 2]);
 *   ring.registry.unregisterFiles();
 * }
 * ```
 */
export class RingRegistry {
  readonly #calls: UringCalls;
  readonly #fd: number;
  #ringIndex = -1;
  #closed = false;

  /** For {@linkcode Ring}, which owns the one registry of its descriptor. */
  constructor(calls: UringCalls, fd: number) {
    this.#calls = calls;
    this.#fd = fd;
  }

  /**
   * Registers the ring's own descriptor with this thread, which saves its look-up at every enter.
   *
   * @returns The index to enter by, or -1 on kernels before 5.18
   */
  registerRing(): number {
    // io_uring_rsrc_update: offset u32 (all ones: any free), resv u32, data u64 (the descriptor).
    const update = new Uint32Array([0xffff_ffff, 0, this.#fd, 0]);
    const result = this.#calls.register(this.#fd, Register.RING_FDS, bytesOf(update), 1);
    this.#ringIndex = result === 1 ? update[0] : -1;
    return this.#ringIndex;
  }

  /**
   * Undoes {@linkcode registerRing}, which otherwise holds the ring open until the thread ends, and
   * refuses what comes after: the descriptor's number may be another file's by then.
   */
  close(): void {
    this.#closed = true;
    if (this.#ringIndex < 0) return;
    const update = new Uint32Array([this.#ringIndex, 0, 0, 0]);
    this.#calls.register(this.#fd, Register.UNREGISTER_RING_FDS, bytesOf(update), 1);
    this.#ringIndex = -1;
  }

  /** An eventfd that is signalled whenever completions can be had. */
  registerEventfd(eventfd: number): void {
    this.#register(Register.EVENTFD, bytesOf(new Int32Array([eventfd])), 1);
  }

  /** Undoes {@linkcode registerEventfd}. */
  unregisterEventfd(): void {
    this.#register(Register.UNREGISTER_EVENTFD, null, 0);
  }

  /** Descriptors that entries may name by index (`IOSQE_FIXED_FILE`). */
  registerFiles(fds: readonly number[]): void {
    this.#register(Register.FILES, bytesOf(new Int32Array(fds)), fds.length);
  }

  /** Undoes {@linkcode registerFiles}. */
  unregisterFiles(): void {
    this.#register(Register.UNREGISTER_FILES, null, 0);
  }

  /** Pieces of a mapping that stay pinned, for fixed reads and writes. */
  registerBuffers(
    mapping: Mapping,
    pieces: readonly { offset: number; byteLength: number }[],
  ): void {
    // iovec: base u64, length u64
    const vectors = new Uint32Array(pieces.length * 4);
    pieces.forEach(({ offset, byteLength }, index) => {
      vectors.set([mapping.addressLow + offset, mapping.addressHigh, byteLength, 0], index * 4);
    });
    this.#register(Register.BUFFERS, bytesOf(vectors), pieces.length);
  }

  /** Undoes {@linkcode registerBuffers}. */
  unregisterBuffers(): void {
    this.#register(Register.UNREGISTER_BUFFERS, null, 0);
  }

  /**
   * A ring of provided buffers (`io_uring_register_buf_ring(3)`) under a group number.
   *
   * @param address The two halves of the page-aligned address of the ring
   * @param entries Places in the ring, a power of two up to 32768
   */
  registerBufferRing(address: { low: number; high: number }, entries: number, group: number): void {
    this.#register(Register.PBUF_RING, bufferRing(address.low, address.high, entries, group), 1);
  }

  /** Undoes {@linkcode registerBufferRing}. */
  unregisterBufferRing(group: number): void {
    this.#register(Register.UNREGISTER_PBUF_RING, bufferRing(0, 0, 0, group), 1);
  }

  #register(command: number, argument: Uint8Array<ArrayBuffer> | null, count: number): void {
    if (this.#closed) throw new Deno.errors.BadResource("Cannot use the ring: it is closed");
    const result = this.#calls.register(this.#fd, command, argument, count);
    if (result < 0) throw osError(-result, "io_uring_register");
  }
}

// io_uring_buf_reg: ring_addr u64, ring_entries u32, bgid u16, flags u16, resv u64[3]
function bufferRing(
  low: number,
  high: number,
  entries: number,
  group: number,
): Uint8Array<ArrayBuffer> {
  return bytesOf(new Uint32Array([low, high, entries, group, 0, 0, 0, 0, 0, 0]));
}

function bytesOf(
  words: Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}
