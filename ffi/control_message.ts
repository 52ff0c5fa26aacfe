// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { writeIovec, writeMessageHeader } from "./layout.ts";
import { mapMemory, type Mapping } from "./memory.ts";

/** Where the control data of a {@linkcode ControlMessage} begins. */
export const CONTROL = 128;
/** A `struct cmsghdr`: length u64, level i32, type i32. */
export const CONTROL_HEAD_BYTES = 16;

/**
 * Memory of one message with control data, for sendmsg(2) and recvmsg(2); the payload is one piece.
 *
 * ```
 *   0        64      128            payloadAt
 *   | msghdr | iovec | control data | payload ...       |
 * ```
 */
export class ControlMessage {
  /** All of it. */
  readonly mapping: Mapping;
  /** The same as words. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #payloadAt: number;

  /** Maps memory, which is kept. */
  constructor(payloadAt: number, payloadBytesMax: number) {
    this.mapping = mapMemory(payloadAt + payloadBytesMax);
    this.words = new Uint32Array(this.mapping.bytes.buffer);
    this.#payloadAt = payloadAt;
  }

  /** Empties control data, and says how much of it and of the payload there is or may come. */
  describe(payloadBytes: number, controlBytes: number): void {
    const { mapping, words } = this;
    const base = mapping.addressHigh * 2 ** 32 + mapping.addressLow;
    words.fill(0, 0, this.#payloadAt / 4);
    writeIovec(words, IOVEC / 4, base + this.#payloadAt, payloadBytes);
    writeMessageHeader(words, 0, {
      name: 0,
      nameBytes: 0,
      iovec: base + IOVEC,
      iovecCount: 1,
      control: base + CONTROL,
      controlBytes,
    });
  }
}

const IOVEC = 64;
