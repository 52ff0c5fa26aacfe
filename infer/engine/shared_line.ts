// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  type MailboxMemory,
  MailboxReader,
  MailboxWord,
  MailboxWriter,
  messageBytesMax,
} from "../../io/work_mailbox.ts";
import { MessageReader, type MessageWriter } from "./message.ts";

/** Longest wait of the thread that computes for room, before it looks whether it is to end. */
const ROOM_WAIT_MS = 50;

/**
 * The writing end of a line between two threads. A message that is longer than what the mailbox
 * takes goes in pieces, each with the number of bytes that are still to come in its first word.
 */
export class LineWriter {
  /** Head of the mailbox: who sleeps, who waits for room, who is gone. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly #mailbox: MailboxWriter;
  readonly #piece: Int32Array<ArrayBuffer>;
  readonly #pieceBytesMax: number;

  /** Takes the one writing end. */
  constructor(memory: MailboxMemory) {
    this.#mailbox = new MailboxWriter(memory);
    this.words = this.#mailbox.words;
    this.#pieceBytesMax = messageBytesMax(memory) & ~3;
    this.#piece = new Int32Array(this.#pieceBytesMax / 4);
  }

  /**
   * Writes as much of a message as has room.
   *
   * @param offset words of the message that were written before
   * @returns words that are written now; all of them when it equals the length
   */
  write(words: Int32Array, byteLength: number, offset = 0): number {
    if (offset === 0 && byteLength <= this.#pieceBytesMax) {
      return this.#mailbox.write(words, byteLength) ? byteLength / 4 : 0;
    }
    const length = byteLength / 4;
    // The first word of the message is that of the first piece.
    for (let at = Math.max(1, offset); at < length;) {
      const count = Math.min(length - at, this.#piece.length - 1);
      this.#piece[0] = (length - at - count) * 4;
      this.#piece.set(words.subarray(at, at + count), 1);
      if (!this.#mailbox.write(this.#piece, (count + 1) * 4)) return at === 1 ? 0 : at;
      at += count;
    }
    return length;
  }

  /**
   * Writes a whole message; waits for room, in a thread that may. Gives up when the reader is gone.
   *
   * @param wake wakes the reader
   */
  writeAll({ words, byteLength }: MessageWriter, wake: () => void): void {
    let written = this.write(words, byteLength);
    while (written * 4 < byteLength && Atomics.load(this.words, MailboxWord.closed) === 0) {
      Atomics.store(this.words, MailboxWord.starved, 1);
      wake();
      Atomics.wait(this.words, MailboxWord.starved, 1, ROOM_WAIT_MS);
      written = this.write(words, byteLength, written);
    }
  }

  /** Whether the reader sleeps; it is woken by whom that is told to. */
  takeSleeper(): boolean {
    return Atomics.exchange(this.words, MailboxWord.asleep, 0) === 1;
  }
}

/** The reading end. */
export class LineReader {
  /** Head of the mailbox. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly #mailbox: MailboxReader;
  readonly #piece: Int32Array<ArrayBuffer>;
  readonly #message = new MessageReader();
  /** What came of a message in pieces; its first word stands for those of the pieces. */
  #parts: Int32Array<ArrayBuffer> | null = null;
  #partsLength = 0;

  /** Takes the one reading end. */
  constructor(memory: MailboxMemory) {
    this.#piece = new Int32Array(messageBytesMax(memory) >> 2);
    this.#mailbox = new MailboxReader(memory, this.#piece);
    this.words = this.#mailbox.words;
  }

  /** Whether something is there. */
  get ready(): boolean {
    return this.#mailbox.ready;
  }

  /** The next message, good until the next call; null when there is none that is complete. */
  read(): MessageReader | null {
    for (;;) {
      const byteLength = this.#mailbox.read();
      if (byteLength < 0) return null;
      const restBytes = this.#piece[0]!;
      if (restBytes === 0 && this.#parts === null) {
        this.#message.begin(this.#piece);
        return this.#message;
      }
      if (this.#join(byteLength, restBytes)) return this.#message;
    }
  }

  /** Whether the writer waits for room, which there is now; it is woken by whom that is told to. */
  takeStarved(): boolean {
    return Atomics.exchange(this.words, MailboxWord.starved, 0) === 1;
  }

  /** Adds a piece; true when it was the last one. */
  #join(byteLength: number, restBytes: number): boolean {
    const count = byteLength / 4 - 1;
    if (this.#parts === null) {
      this.#parts = new Int32Array(1 + count + restBytes / 4);
      this.#partsLength = 1;
    }
    this.#parts.set(this.#piece.subarray(1, 1 + count), this.#partsLength);
    this.#partsLength += count;
    if (restBytes > 0) return false;
    this.#message.begin(this.#parts);
    this.#parts = null;
    return true;
  }
}
