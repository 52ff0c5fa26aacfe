// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";
import { Op, Setup, SqeFlag } from "../ffi/abi.ts";
import { closeDescriptor, openPipe, writeByte } from "../ffi/socket.ts";
import type { Engine } from "./engine.ts";
import type { Inbox } from "./inbox.ts";
import type { Completion } from "./slot_table.ts";
import { NOBODY } from "./submissions.ts";
import { MailboxWord } from "./work_mailbox.ts";

/** How the reader of a mailbox is woken. */
export const WakeKind = {
  /** By a completion in its ring (MSG_RING, 5.18). */
  ring: 1,
  /**
   * By a byte in a pipe that its ring reads. Not by an eventfd: the ring signals one itself when it
   * completes, and the kernel loses a signal that is sent from within another (seen on 6.18).
   */
  pipe: 2,
  /** By `Atomics.notify`, which Deno's loop answers: it has no ring. */
  notify: 3,
} as const;

/** A kind of {@linkcode WakeKind}. */
export type WakeKind = typeof WakeKind[keyof typeof WakeKind];

/** What a thread does with its mail. */
export interface MailSource {
  /** Whether there is something to do. */
  readonly ready: boolean;
  /** Does some of it; says how much. */
  drain(): number;
}

/** The best kind for a thread: it goes by its kernel. */
export function wakeKindOf(engine: Engine | null): WakeKind {
  if (engine === null) return WakeKind.notify;
  // SUBMIT_ALL came with the same kernel as MSG_RING.
  return engine.ring.setupFlags & Setup.SUBMIT_ALL ? WakeKind.ring : WakeKind.pipe;
}

/** Any time that is not short. */
const KEEP_ALIVE_MS = 1 << 30;

/** Has a thread look after one mailbox while it runs, and be woken for it while it sleeps. */
export class MailWatch implements Inbox {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #source: MailSource;
  readonly #engine: Engine | null;
  readonly #pipe: PipeReader | null;
  readonly #kind: WakeKind;
  #notified = false;
  #held = false;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** Starts at once. */
  constructor(
    words: Int32Array<SharedArrayBuffer>,
    source: MailSource,
    engine: Engine | null,
    kind: WakeKind,
  ) {
    this.#words = words;
    this.#source = source;
    this.#engine = engine;
    this.#kind = kind;
    this.#pipe = engine && kind === WakeKind.pipe ? new PipeReader(engine) : null;
    Atomics.store(words, MailboxWord.wakeFd, this.#pipe?.writeEnd ?? engine?.ring.fd ?? -1);
    Atomics.store(words, MailboxWord.wakeKind, kind);
    if (engine) engine.inboxes.add(this);
    else setImmediate(this.#pump);
  }

  /** Whether there is something to do. */
  get ready(): boolean {
    return this.#source.ready;
  }

  /** Whether it keeps the process alive. */
  get held(): boolean {
    return this.#held;
  }

  /** Keeps the process alive from now on, or no more. */
  hold(held: boolean): void {
    if (this.#held === held) return;
    this.#held = held;
    if (this.#engine) return this.#engine.inboxes.updateHold();
    // A wait for a notification keeps nothing alive by itself.
    if (held) this.#keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    else clearInterval(this.#keepAlive);
  }

  /** Does some of it. */
  drain(): number {
    return this.#source.drain();
  }

  /** Whether the thread sleeps from now on. */
  setAsleep(asleep: boolean): void {
    Atomics.store(this.#words, MailboxWord.asleep, asleep ? 1 : 0);
    // A writer without a ring, or one that has not come yet, can only notify.
    if (asleep && (this.#kind === WakeKind.notify || this.#writerKind !== WakeKind.ring)) {
      this.#awaitNotify();
    }
  }

  /** Something became ready on this side. */
  look(): void {
    if (this.#engine) this.#engine.inboxes.schedule();
    else this.#wake();
  }

  /** Looks after it no more. */
  close(): void {
    if (this.#closed) return;
    this.hold(false);
    this.#closed = true;
    this.#engine?.inboxes.remove(this);
    this.#pipe?.close();
    this.#wake();
  }

  get #writerKind(): number {
    return Atomics.load(this.#words, MailboxWord.writer);
  }

  /** Ends a wait of this thread's own. */
  #wake(): void {
    Atomics.store(this.#words, MailboxWord.asleep, 0);
    Atomics.notify(this.#words, MailboxWord.asleep);
  }

  #awaitNotify(): void {
    if (this.#notified || this.#closed) return;
    const wait = Atomics.waitAsync(this.#words, MailboxWord.asleep, 1);
    const woken = this.#engine ? this.#engine.inboxes.schedule : this.#pump;
    if (!wait.async) return void setImmediate(woken);
    this.#notified = true;
    wait.value.then(() => {
      this.#notified = false;
      if (!this.#closed) woken();
    });
  }

  /** The turns of a thread without a ring. */
  readonly #pump = (): void => {
    if (this.#closed) return;
    Atomics.store(this.#words, MailboxWord.asleep, 0);
    if (this.drain() > 0) return void setImmediate(this.#pump);
    Atomics.store(this.#words, MailboxWord.asleep, 1);
    if (this.ready) setImmediate(this.#pump);
    else this.#awaitNotify();
  };
}

/** Wakes the reader of a mailbox. */
export class Waker {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #engine: Engine | null;

  /** Takes the head of the mailbox, and this thread's engine. */
  constructor(words: Int32Array<SharedArrayBuffer>, engine: Engine | null) {
    this.#words = words;
    this.#engine = engine;
    Atomics.store(words, MailboxWord.writer, engine ? WakeKind.ring : WakeKind.notify);
  }

  /** Wakes it when it sleeps; while it runs it looks by itself, and this costs one load. */
  wake(): void {
    const words = this.#words;
    if (Atomics.load(words, MailboxWord.asleep) === 0) return;
    if (Atomics.compareExchange(words, MailboxWord.asleep, 1, 0) !== 1) return;
    const kind = Atomics.load(words, MailboxWord.wakeKind);
    if (this.#engine && kind !== WakeKind.notify) {
      const fd = Atomics.load(words, MailboxWord.wakeFd);
      if (kind === WakeKind.pipe) return writeByte(fd, 0);
      const head = Op.MSG_RING | SqeFlag.CQE_SKIP_SUCCESS << 8;
      // What it completes there is nobody's operation. A full queue there is a thread that runs.
      this.#engine.control(head, fd, NOBODY, NOBODY, 0, 0, 0, 0);
      // Now: this thread may be about to compute for long.
      return this.#engine.submitNow();
    }
    Atomics.notify(words, MailboxWord.asleep);
  }
}

/** Keeps a read of a pipe in flight, so that a byte written to it ends a wait in the ring. */
class PipeReader implements Completion {
  readonly writeEnd: number;

  readonly #readEnd: number;
  readonly #engine: Engine;
  readonly #block: number;
  #slot = -1;
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#block = engine.pool.take(PIPE_READ_BYTES);
    if (this.#block < 0) {
      throw new Deno.errors.Busy("Cannot watch a mailbox: no block of engine memory is free");
    }
    [this.#readEnd, this.writeEnd] = openPipe();
    this.#start();
  }

  complete(): void {
    this.#slot = -1;
    if (!this.#closed) return this.#start();
    this.#engine.pool.release(this.#block);
    closeDescriptor(this.#readEnd);
    closeDescriptor(this.writeEnd);
  }

  close(): void {
    this.#closed = true;
    this.#engine.cancel(this.#slot, this);
  }

  #start(): void {
    const { addressLow, addressHigh } = this.#engine.pool;
    const low = addressLow + this.#block;
    const length = PIPE_READ_BYTES;
    // A pipe has no position: the offset is minus one.
    this.#slot = this.#engine.submit(
      this,
      false,
      Op.READ,
      this.#readEnd,
      -1,
      -1,
      low,
      addressHigh,
      length,
      0,
    );
  }
}

/** More bytes than ever wait: each takes a reader that fell asleep. */
const PIPE_READ_BYTES = 64;
