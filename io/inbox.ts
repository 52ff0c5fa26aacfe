// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Shared memory through which another thread hands work to this one. The engine looks at it in
 * every turn, which costs no system call; only a sleeping thread has to be woken through the ring.
 */
export interface Inbox {
  /** Whether something is there. */
  readonly ready: boolean;
  /** Whether somebody waits for it, which keeps the process alive. */
  readonly held: boolean;
  /** Takes what is there; says how much. */
  drain(): number;
  /**
   * Whether the thread sleeps from now on. Who writes to a sleeper must wake it, so the engine
   * says so first, and looks once more before it really sleeps.
   */
  setAsleep(asleep: boolean): void;
}

/**
 * How long to watch for the next mail before sleeping: to be woken costs some 50 us, mostly the
 * processor's way out of its idle state, and the answer of a thread that runs is here sooner.
 */
const WATCH_US = 100;
/**
 * Quiet times at most that pass without a watch after one in vain. Each failure doubles them: where
 * the partner is slow, or has no processor while this thread watches, watching costs 1 % and less.
 */
const PAUSES_MAX = 127;
/** Looks between two readings of the clock. */
const LOOKS = 32;

/** The inboxes of one engine. */
export class InboxList {
  /** Makes a turn come. */
  readonly schedule: () => void;
  /** To be called when an inbox is held from now on, or no more. */
  readonly updateHold: () => void;

  readonly #inboxes: Inbox[] = [];
  readonly #hasWork: () => boolean;
  #isQuiet = false;
  #pauses = 0;
  #pausesLeft = 0;

  /**
   * Takes what makes a turn come.
   *
   * @param updateHold Looks at {@linkcode held} again
   * @param hasWork Whether the engine has something to do, mail included
   */
  constructor(schedule: () => void, updateHold: () => void, hasWork: () => boolean) {
    this.schedule = schedule;
    this.updateHold = updateHold;
    this.#hasWork = hasWork;
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#inboxes.length === 0;
  }

  /** Whether something is in one of them. */
  get ready(): boolean {
    const inboxes = this.#inboxes;
    for (let index = 0; index < inboxes.length; index++) if (inboxes[index].ready) return true;
    return false;
  }

  /** How many keep the process alive. */
  get held(): number {
    if (this.#inboxes.length === 0) return 0;
    return this.#inboxes.reduce((count, inbox) => inbox.held ? count + 1 : count, 0);
  }

  /** Has the engine look at an inbox. */
  add(inbox: Inbox): void {
    this.#inboxes.push(inbox);
    this.schedule();
  }

  /** Has the engine look at it no more. */
  remove(inbox: Inbox): void {
    const index = this.#inboxes.indexOf(inbox);
    if (index >= 0) this.#inboxes.splice(index, 1);
  }

  /** Takes what is there; says how much. */
  drain(): number {
    let count = 0;
    const inboxes = this.#inboxes;
    for (let index = 0; index < inboxes.length; index++) count += inboxes[index].drain();
    if (count > 0) this.#isQuiet = false;
    return count;
  }

  /** Before a wait in the kernel; false when something came, and there must be no wait. */
  fallAsleep(): boolean {
    if (this.#inboxes.length === 0) return true;
    if (this.#watch()) return false;
    this.setAsleep(true);
    return !this.ready;
  }

  /** Whether the thread sleeps from now on. */
  setAsleep(asleep: boolean): void {
    const inboxes = this.#inboxes;
    for (let index = 0; index < inboxes.length; index++) inboxes[index].setAsleep(asleep);
  }

  /** Looks out for mail for a moment, once in a quiet time; true when there is something to do. */
  #watch(): boolean {
    if (this.#isQuiet) return false;
    this.#isQuiet = true;
    if (this.#pausesLeft > 0) {
      this.#pausesLeft--;
      return false;
    }
    const end = performance.now() + WATCH_US / 1000;
    do {
      for (let look = 0; look < LOOKS; look++) {
        if (!this.#hasWork()) continue;
        this.#pauses = 0;
        return true;
      }
    } while (performance.now() < end);
    this.#pausesLeft = this.#pauses = Math.min(PAUSES_MAX, this.#pauses * 2 + 1);
    return false;
  }
}
