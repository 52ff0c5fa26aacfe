// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";
import { Op, Setup, SqeFlag } from "../ffi/abi.ts";
import { closeDescriptor, openEventfd, signalEventfd } from "../ffi/socket.ts";
import type { Engine } from "./engine.ts";
import type { Inbox } from "./inbox.ts";
import type { Completion } from "./slot_table.ts";
import { NOBODY } from "./submissions.ts";
import { MailboxWord } from "./work_mailbox.ts";

/** How the reader of a mailbox is woken. */
export const WakeKind = {
  /** By a completion in its ring (MSG_RING, 5.18). */
  ring: 1,
  /** By an eventfd that its ring reads. */
  eventfd: 2,
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
  return engine.ring.setupFlags & Setup.SUBMIT_ALL ? WakeKind.ring : WakeKind.eventfd;
}

/** Has a thread look after one mailbox while it runs, and be woken for it while it sleeps. */
export class MailWatch implements Inbox {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #source: MailSource;
  readonly #engine: Engine | null;
  readonly #eventfd: EventfdReader | null;
  #notified = false;
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
    this.#eventfd = engine && kind === WakeKind.eventfd ? new EventfdReader(engine) : null;
    Atomics.store(words, MailboxWord.wakeFd, this.#eventfd?.fd ?? engine?.ring.fd ?? -1);
    Atomics.store(words, MailboxWord.wakeKind, kind);
    if (engine) engine.inboxes.add(this);
    else setImmediate(this.#pump);
  }

  /** Whether there is something to do. */
  get ready(): boolean {
    return this.#source.ready;
  }

  /** Does some of it. */
  drain(): number {
    return this.#source.drain();
  }

  /** Whether the thread sleeps from now on. */
  setAsleep(asleep: boolean): void {
    Atomics.store(this.#words, MailboxWord.asleep, asleep ? 1 : 0);
    // A writer without a ring, or one that has not come yet, can only notify.
    const writer = asleep ? Atomics.load(this.#words, MailboxWord.writer) : WakeKind.ring;
    if (writer !== WakeKind.ring) this.#awaitNotify();
  }

  /** Something became ready on this side. */
  look(): void {
    if (this.#engine) this.#engine.inboxes.schedule();
    else this.#wake();
  }

  /** Looks after it no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine?.inboxes.remove(this);
    this.#eventfd?.close();
    this.#wake();
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
      if (kind === WakeKind.eventfd) return signalEventfd(fd);
      const head = Op.MSG_RING | SqeFlag.CQE_SKIP_SUCCESS << 8;
      // What it completes there is nobody's operation. A full queue there is a thread that runs.
      return this.#engine.control(head, fd, NOBODY, NOBODY, 0, 0, 0, 0);
    }
    Atomics.notify(words, MailboxWord.asleep);
  }
}

/** Keeps a read of an eventfd in flight, so that adding to its counter ends a wait in the ring. */
class EventfdReader implements Completion {
  readonly fd: number = openEventfd();
  readonly #engine: Engine;
  readonly #block: number;
  #slot = -1;
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#block = engine.pool.take(8);
    if (this.#block < 0) {
      closeDescriptor(this.fd);
      throw new Deno.errors.Busy("Cannot watch a mailbox: no block of engine memory is free");
    }
    this.#start();
  }

  complete(): void {
    this.#slot = -1;
    if (!this.#closed) return this.#start();
    this.#engine.pool.release(this.#block);
    closeDescriptor(this.fd);
  }

  close(): void {
    this.#closed = true;
    this.#engine.cancel(this.#slot, this);
  }

  #start(): void {
    const { pool } = this.#engine;
    const low = pool.addressLow + this.#block;
    this.#slot = this.#engine.submit(
      this,
      false,
      Op.READ,
      this.fd,
      -1,
      -1,
      low,
      pool.addressHigh,
      8,
      0,
    );
  }
}
