// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "./engine.ts";
import { ValueReader, ValueWriter } from "./work_codec.ts";
import {
  type MailboxMemory,
  MailboxReader,
  MailboxWord,
  MailboxWriter,
  messageBytesMax,
} from "./work_mailbox.ts";
import { type MailSource, MailWatch, type WakeKind, wakeKindOf, Waker } from "./work_wake.ts";

/** Two mailboxes, one each way, as one of the two threads names them. */
export interface LinkMemory {
  /** The mailbox that this side writes. */
  readonly outbound: MailboxMemory;
  /** The mailbox that this side reads. */
  readonly inbound: MailboxMemory;
}

/** Who gets the messages of a {@linkcode WorkLink}. */
export interface LinkReceiver {
  /** Whether messages are wanted now; else they wait in the mailbox. */
  readonly wanting: boolean;
  /** Takes one message; must not throw. */
  receive(message: ValueReader): void;
  /** There is room again for what {@linkcode WorkLink.send} had refused. */
  resume(): void;
  /** The other side writes no more, and all it wrote has been received. */
  peerClosed(): void;
}

/** Messages taken before the turn does something else. */
const DRAIN_MESSAGES_MAX = 128;

const WRITER_CLOSED = 1;
const READER_CLOSED = 2;

/** One side of a connection between two threads: messages out and in, and the wakes for them. */
export class WorkLink implements MailSource {
  /** The message to send next is written here. */
  readonly writer: ValueWriter;

  readonly #receiver: LinkReceiver;
  readonly #out: MailboxWriter;
  readonly #in: MailboxReader;
  readonly #message: ValueReader;
  readonly #watch: MailWatch;
  readonly #waker: Waker;
  #starving = false;
  #ended = false;
  #closed = false;

  /** Opens this side; the messages come from a later turn on. */
  constructor(
    memory: LinkMemory,
    receiver: LinkReceiver,
    engine: Engine | null,
    kind: WakeKind = wakeKindOf(engine),
  ) {
    this.#receiver = receiver;
    this.writer = new ValueWriter(messageBytesMax(memory.outbound));
    this.#message = new ValueReader(messageBytesMax(memory.inbound));
    this.#out = new MailboxWriter(memory.outbound);
    this.#in = new MailboxReader(memory.inbound, this.#message.words);
    this.#waker = new Waker(this.#out.words, engine);
    this.#watch = new MailWatch(this.#in.words, this, engine, kind);
  }

  /** Whether messages wait that are wanted, room was made, or the other side has ended. */
  get ready(): boolean {
    return (this.#in.ready && this.#receiver.wanting) || this.#roomMade || this.#endSeen;
  }

  /** Whether the other side reads no more. */
  get deaf(): boolean {
    return (Atomics.load(this.#out.words, MailboxWord.closed) & READER_CLOSED) !== 0;
  }

  /**
   * Sends what {@linkcode writer} holds.
   *
   * @returns false when there is no room; `resume` is called when there is, if `wait` says so
   */
  send(wait = false): boolean {
    const { words, length } = this.writer;
    if (!this.#out.write(words, length)) {
      if (!wait) return false;
      // Said first, then looked at again: the reader looks in the other order.
      Atomics.store(this.#out.words, MailboxWord.starved, 1);
      if (!this.#out.write(words, length)) {
        this.#starving = true;
        return false;
      }
    }
    this.#waker.wake();
    return true;
  }

  /** Takes one message at once; false when none is there. */
  take(): boolean {
    if (this.#in.read() < 0) return false;
    this.#receiver.receive(this.#message);
    this.#madeRoom();
    return true;
  }

  /** For the watch. */
  drain(): number {
    let count = 0;
    while (count < DRAIN_MESSAGES_MAX && this.#receiver.wanting && !this.#closed) {
      if (this.#in.read() < 0) break;
      this.#receiver.receive(this.#message);
      count++;
    }
    if (count > 0) this.#madeRoom();
    if (this.#roomMade) {
      this.#starving = false;
      this.#receiver.resume();
      count++;
    }
    if (this.#endSeen) {
      this.#ended = true;
      this.#receiver.peerClosed();
      count++;
    }
    return count;
  }

  /** What was not wanted may be now. */
  look(): void {
    if (this.ready) this.#watch.look();
  }

  /** Keeps the process alive from now on, or no more. */
  hold(held: boolean): void {
    this.#watch.hold(held);
  }

  /** Writes and reads no more; what was sent still arrives. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    Atomics.or(this.#out.words, MailboxWord.closed, WRITER_CLOSED);
    Atomics.or(this.#in.words, MailboxWord.closed, READER_CLOSED);
    this.#waker.wake();
    this.#watch.close();
  }

  get #roomMade(): boolean {
    if (!this.#starving) return false;
    return Atomics.load(this.#out.words, MailboxWord.starved) === 0 || this.deaf;
  }

  get #endSeen(): boolean {
    if (this.#ended || this.#closed) return false;
    const closed = Atomics.load(this.#in.words, MailboxWord.closed) & WRITER_CLOSED;
    return closed !== 0 && !this.#in.ready;
  }

  /** The other side may wait for the room that reading made. */
  #madeRoom(): void {
    const { words } = this.#in;
    if (Atomics.load(words, MailboxWord.starved) === 0) return;
    Atomics.store(words, MailboxWord.starved, 0);
    this.#waker.wake();
  }
}
