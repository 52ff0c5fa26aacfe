// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { MESSAGE_HEADER_WORDS, writeMessageHeader } from "../ffi/layout.ts";
import { BufferRing } from "./buffer_ring.ts";
import type { Engine } from "./engine.ts";
import type { Flushable } from "./flush_list.ts";

/** Blocks that the datagrams of one turn may take; more wait in their sockets. */
export const DATAGRAM_BLOCKS = 64;
/** Size of a block: the largest datagram (65 535 bytes) with what the kernel puts before it. */
export const DATAGRAM_BLOCK_BYTES = 69_632;

/** Bytes of the `struct io_uring_recvmsg_out` at the start of a block. */
const OUT_BYTES = 16;

/** What the kernel puts before a datagram, and how much of it. */
export interface DatagramLayout {
  /** Bytes of the sender's address. */
  readonly nameBytes: number;
  /** Bytes of control data. */
  readonly controlBytes: number;
}

/**
 * Receive blocks for standing receives of datagrams (`recvmsg` with MULTISHOT, 6.0), shared by all
 * sockets of an engine. The kernel puts address, control data and payload into one block:
 *
 * ```
 *   0          4             8             12      16     + nameBytes   + controlBytes
 *   | name len | control len | payload len | flags | name | control     | payload ...
 * ```
 */
export class DatagramBlocks implements Flushable {
  /** The blocks. */
  readonly ring: BufferRing;
  readonly #engine: Engine;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #headers: Map<number, number> = new Map();
  #dirty = false;

  /** Use {@linkcode DatagramBlocks.of}. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.ring = new BufferRing(engine.ring, GROUP, DATAGRAM_BLOCKS, DATAGRAM_BLOCK_BYTES);
    const { buffer, byteOffset, byteLength } = this.ring.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  }

  /** The blocks of an engine, mapped when they are first asked for. */
  static of(engine: Engine): DatagramBlocks {
    let blocks = blocksOf.get(engine);
    if (!blocks) blocksOf.set(engine, blocks = new DatagramBlocks(engine));
    return blocks;
  }

  /** Lower half of the address of a `struct msghdr` that asks for this layout. */
  header(layout: DatagramLayout): number {
    const { pool } = this.#engine;
    const key = layout.nameBytes * 65_536 + layout.controlBytes;
    let offset = this.#headers.get(key);
    if (offset === undefined) {
      offset = pool.reserve(MESSAGE_HEADER_WORDS * 4);
      const words = new Uint32Array(pool.bytes.buffer, offset, MESSAGE_HEADER_WORDS);
      const none = { name: 0, iovec: 0, iovecCount: 0, control: 0 };
      writeMessageHeader(words, 0, { ...none, ...layout });
      this.#headers.set(key, offset);
    }
    return pool.addressLow + offset;
  }

  /** Bytes of the sender's address in a block. */
  nameBytes(block: number): number {
    return this.#words[block * (DATAGRAM_BLOCK_BYTES / 4)]!;
  }

  /** Bytes of control data in a block. */
  controlBytes(block: number): number {
    return this.#words[block * (DATAGRAM_BLOCK_BYTES / 4) + 1]!;
  }

  /** Where the sender's address starts in the ring's bytes. */
  nameStart(block: number): number {
    return block * DATAGRAM_BLOCK_BYTES + OUT_BYTES;
  }

  /** Gives a block back; the kernel may use it from the next entries on. */
  giveBack(block: number): void {
    this.ring.giveBack(block);
    if (this.#dirty) return;
    this.#dirty = true;
    this.#engine.flushLater(this);
  }

  /** Shows the kernel what was given back. */
  flush(): void {
    this.#dirty = false;
    this.ring.publish();
  }
}

/** The third buffer group, after those for streams. */
const GROUP = 2;
const blocksOf: WeakMap<Engine, DatagramBlocks> = new WeakMap();
