// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Bytes of messages in one direction between two threads, in shared memory. One thread writes, one
 * reads; neither ever waits for the other, and neither enters the kernel.
 *
 * ```
 *   words 0..15   head   read up to here          | written by the reader
 *   words 16..31  tail   written up to here       | written by the writer
 *   words 32..47  asleep, wakeKind, wakeFd,       | the reader's state, see work_wake.ts
 *                 starved, closed
 *   words 48..    data:  | bytes | payload, padded | bytes | payload | -1: goes on at the start |
 * ```
 *
 * Head and tail count bytes and run through 2^32; the data is a power of two long.
 */
export type MailboxMemory = SharedArrayBuffer;

/** Words of the head of a mailbox. */
export const MailboxWord = {
  head: 0,
  tail: 16,
  /** 1: the reader sleeps, and whoever changes that to 0 has to wake it. */
  asleep: 32,
  /** How the reader is woken, one of `WakeKind`. */
  wakeKind: 33,
  /** The descriptor to wake it by. */
  wakeFd: 34,
  /** 1: the writer waits for room and wants to be woken when there is some. */
  starved: 35,
  /** 1: the writer writes no more; 2: the reader reads no more; 3: both. */
  closed: 36,
  /** What the writer can wake by, one of `WakeKind`; 0 while it is not there yet. */
  writer: 37,
} as const;

const HEADER_WORDS = 48;
/** Says that the next message begins at the start of the data. */
const WRAP = -1;
/** Shorter messages are copied word by word: two views would cost more than that. */
const COPY_BY_WORD_BYTES_MAX = 256;

/** Smallest capacity of a mailbox. */
export const MAILBOX_BYTES_MIN = 1024;
/** Largest capacity of a mailbox. */
export const MAILBOX_BYTES_MAX = 1 << 28;

/**
 * Makes the memory of a mailbox.
 *
 * @param capacityBytes A power of two; one message may take a little less than half of it
 */
export function mailboxMemory(capacityBytes: number): MailboxMemory {
  const isPowerOfTwo = (capacityBytes & (capacityBytes - 1)) === 0;
  if (!(capacityBytes >= MAILBOX_BYTES_MIN && capacityBytes <= MAILBOX_BYTES_MAX && isPowerOfTwo)) {
    throw new RangeError(
      `Cannot make a mailbox: capacityBytes must be a power of two between ${MAILBOX_BYTES_MIN} ` +
        `and ${MAILBOX_BYTES_MAX}, received ${capacityBytes}`,
    );
  }
  return new SharedArrayBuffer(HEADER_WORDS * 4 + capacityBytes);
}

/** The most bytes that one message may have, so that it fits wherever the last one ended. */
export function messageBytesMax(memory: MailboxMemory): number {
  return (memory.byteLength - HEADER_WORDS * 4) / 2 - 8;
}

/** The writing end. */
export class MailboxWriter {
  /** Head of the mailbox, for wakes. */
  readonly words: Int32Array<SharedArrayBuffer>;

  readonly #data: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #mask: number;
  #tail: number;
  /** Head as it was last seen: it is asked for only when that leaves no room. */
  #head: number;

  /** Takes the one writing end. */
  constructor(memory: MailboxMemory) {
    this.words = new Int32Array(memory, 0, HEADER_WORDS);
    this.#data = new Int32Array(memory, HEADER_WORDS * 4);
    this.#bytes = new Uint8Array(memory, HEADER_WORDS * 4);
    this.#mask = this.#bytes.length - 1;
    this.#tail = Atomics.load(this.words, MailboxWord.tail);
    this.#head = Atomics.load(this.words, MailboxWord.head);
  }

  /**
   * Writes one message.
   *
   * @param message Words that hold it, zero-padded in the last one
   * @param byteLength Its bytes, {@linkcode messageBytesMax} at most
   * @returns false when there is no room
   */
  write(message: Int32Array, byteLength: number): boolean {
    const payload = (byteLength + 3) & ~3;
    const at = this.#tail & this.#mask;
    const skipped = at + 4 + payload > this.#bytes.length ? this.#bytes.length - at : 0;
    if (!this.#hasRoom(skipped + 4 + payload)) return false;
    const data = this.#data;
    if (skipped > 0) data[at >> 2] = WRAP;
    const start = (skipped > 0 ? 0 : at) >> 2;
    data[start] = byteLength;
    if (payload <= COPY_BY_WORD_BYTES_MAX) {
      const count = payload >> 2;
      for (let index = 0; index < count; index++) data[start + 1 + index] = message[index];
    } else {
      data.set(message.subarray(0, payload >> 2), start + 1);
    }
    this.#tail = (this.#tail + skipped + 4 + payload) | 0;
    Atomics.store(this.words, MailboxWord.tail, this.#tail);
    return true;
  }

  #hasRoom(byteLength: number): boolean {
    const capacity = this.#bytes.length;
    if (((this.#tail - this.#head) | 0) + byteLength <= capacity) return true;
    this.#head = Atomics.load(this.words, MailboxWord.head);
    return ((this.#tail - this.#head) | 0) + byteLength <= capacity;
  }
}

/** The reading end. */
export class MailboxReader {
  /** Head of the mailbox, for wakes. */
  readonly words: Int32Array<SharedArrayBuffer>;

  readonly #data: Int32Array<SharedArrayBuffer>;
  readonly #mask: number;
  readonly #message: Int32Array<ArrayBuffer>;
  #head: number;

  /**
   * Takes the one reading end.
   *
   * @param message Where {@linkcode read} puts a message: {@linkcode messageBytesMax} fit
   */
  constructor(memory: MailboxMemory, message: Int32Array<ArrayBuffer>) {
    this.words = new Int32Array(memory, 0, HEADER_WORDS);
    this.#data = new Int32Array(memory, HEADER_WORDS * 4);
    this.#mask = this.#data.byteLength - 1;
    this.#message = message;
    this.#head = Atomics.load(this.words, MailboxWord.head);
  }

  /** Whether a message is there. */
  get ready(): boolean {
    return Atomics.load(this.words, MailboxWord.tail) !== this.#head;
  }

  /** Copies the next message out; says how many bytes it has, -1 when there is none. */
  read(): number {
    if (!this.ready) return -1;
    const data = this.#data;
    let head = this.#head;
    let at = (head & this.#mask) >> 2;
    if (data[at] === WRAP) {
      head = (head + data.byteLength - (at << 2)) | 0;
      at = 0;
    }
    const byteLength = data[at];
    const payload = (byteLength + 3) & ~3;
    const message = this.#message;
    if (payload <= COPY_BY_WORD_BYTES_MAX) {
      const count = payload >> 2;
      for (let index = 0; index < count; index++) message[index] = data[at + 1 + index];
    } else {
      message.set(data.subarray(at + 1, at + 1 + (payload >> 2)));
    }
    this.#head = (head + 4 + payload) | 0;
    Atomics.store(this.words, MailboxWord.head, this.#head);
    return byteLength;
  }
}
