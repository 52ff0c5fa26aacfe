// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CompletionVisitor, type Ring, SQE_WORDS } from "../ffi/ring.ts";
import type { Completion, SlotTable } from "./slot_table.ts";

/** Queues an entry whose completion nobody waits for; parameters are its fields in their order. */
export type Control = (
  head: number,
  fd: number,
  offsetLow: number,
  offsetHigh: number,
  addressLow: number,
  addressHigh: number,
  byteLength: number,
  operationFlags: number,
  user?: number,
) => void;

/**
 * Queues an entry that is linked to an operation, whose completion it shares: all but one of the
 * entries carry CQE_SKIP_SUCCESS, so that there is one, of the last or of the first that fails.
 * Parameters are the operation's slot, {@linkcode NOBODY} for none, and the entry's fields.
 */
export type Link = (...fields: LinkFields) => void;

/** Parameters of {@linkcode Link}. */
export type LinkFields = [
  slot: number,
  head: number,
  fd: number,
  addressLow: number,
  addressHigh: number,
  byteLength: number,
  operationFlags: number,
  spliceFd: number,
];

/** Half of the `user_data` of entries whose completion nobody waits for: slots are positive. */
export const NOBODY = -1;

/**
 * Writes operations into the ring's entries, the fields of `io_uring_sqe` in 32-bit words:
 *
 * ```
 *   0 opcode, flags << 8, ioprio << 16      6 length            10 buffer group, personality << 16
 *   1 fd                                    7 operation flags   11 splice fd
 *   2 3 offset, or a second address         8 slot              12 13 a third address
 *   4 5 address                             9 generation        14 15 unused
 * ```
 */
export class Submissions {
  readonly #ring: Ring;
  readonly #slots: SlotTable;
  readonly #stash: number[] = [];

  /** Writes into a ring and takes slots from a table. */
  constructor(ring: Ring, slots: SlotTable) {
    this.#ring = ring;
    this.#slots = slots;
  }

  /** Whether completions were set aside. */
  get stashed(): boolean {
    return this.#stash.length > 0;
  }

  /** Queues an operation; {@linkcode Engine.submit} describes it. */
  operation(
    handler: Completion,
    hold: boolean,
    head: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
    addressLow: number,
    addressHigh: number,
    byteLength: number,
    operationFlags: number,
    bufferGroup: number,
    spliceFd: number,
  ): number {
    const slot = this.#slots.take(handler, hold);
    const at = this.#write(
      head,
      fd,
      offsetLow,
      offsetHigh,
      addressLow,
      addressHigh,
      byteLength,
      operationFlags,
      slot,
      this.#slots.generation(slot),
    );
    this.#ring.sqes[at + 10] = bufferGroup;
    this.#ring.sqes[at + 11] = spliceFd;
    return slot;
  }

  /** Queues an entry whose completion nobody waits for. */
  control(...[head, fd, offsetLow, offsetHigh, ...rest]: Parameters<Control>): void {
    const [addressLow, addressHigh, byteLength, flags, user = NOBODY] = rest;
    // deno-fmt-ignore
    this.#write(
      head, fd, offsetLow, offsetHigh, addressLow, addressHigh, byteLength, flags, user, user,
    );
  }

  /** Queues an entry that is linked to an operation. */
  link(...[slot, head, fd, addressLow, addressHigh, byteLength, flags, splice]: LinkFields): void {
    const generation = slot < 0 ? NOBODY : this.#slots.generation(slot);
    // deno-fmt-ignore
    const at = this.#write(
      head, fd, 0, 0, addressLow, addressHigh, byteLength, flags, slot, generation,
    );
    this.#ring.sqes[at + 11] = splice;
  }

  /** Writes an entry, with zeros where nothing is given; says where it is. */
  #write(
    head: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
    addressLow: number,
    addressHigh: number,
    byteLength: number,
    operationFlags: number,
    userLow: number,
    userHigh: number,
  ): number {
    const at = this.#reserve();
    const sqes = this.#ring.sqes;
    sqes[at] = head;
    sqes[at + 1] = fd;
    sqes[at + 2] = offsetLow;
    sqes[at + 3] = offsetHigh;
    sqes[at + 4] = addressLow;
    sqes[at + 5] = addressHigh;
    sqes[at + 6] = byteLength;
    sqes[at + 7] = operationFlags;
    sqes[at + 8] = userLow;
    sqes[at + 9] = userHigh;
    for (let word = at + 10; word < at + SQE_WORDS; word++) sqes[word] = 0;
    return at;
  }

  /** Visits the completions that were set aside, oldest first. */
  visitStash(visit: CompletionVisitor): void {
    if (this.#stash.length === 0) return;
    const stash = this.#stash.splice(0);
    for (let at = 0; at < stash.length; at += 4) {
      visit(stash[at], stash[at + 1], stash[at + 2], stash[at + 3]);
    }
  }

  /**
   * Reserves an entry. When the ring is full and the kernel takes no more, completions are set
   * aside, for user code must not run from within user code; there are as many of them at most as
   * operations are in flight.
   */
  #reserve(): number {
    for (;;) {
      const at = this.#ring.sqe();
      if (at >= 0) return at;
      this.#ring.reap((userLow, userHigh, result, flags) => {
        this.#stash.push(userLow, userHigh, result, flags);
      });
      this.#ring.submit(0);
    }
  }
}
