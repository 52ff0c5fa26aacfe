// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";
import { clearAlarm, setAlarm } from "../thread/alarm.ts";
import type { AcquireOptions, Closable, PoolRules } from "./pool_options.ts";

/** One connection of a pool, with what the pool knows of it. */
interface Member<C> {
  readonly conn: C;
  readonly openedMs: number;
  /** When it was last given back. */
  idleSinceMs: number;
}

interface Waiter<C> {
  /** The how manieth it is: a connect that began before it cannot fail it. */
  readonly number: number;
  /** Whether it has given up. */
  hasLeft: boolean;
  readonly resolve: (member: Member<C>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The connections to one endpoint: those that wait to be used, the last used on top, and those who
 * wait for one, in order.
 *
 * ```
 *   acquire -> idle? -> usable? ------------------------------> leased -> release -> waiter or idle
 *                 no       no: closed, next one                                \-> too old: closed
 *                 \-> below max? -> connect -> leased
 *                            no -> waiter, until release, a failure that makes room, its deadline
 * ```
 */
export class EndpointPool<C extends Closable> {
  readonly #rules: PoolRules<C>;
  readonly #connect: (signal: AbortSignal) => Promise<C>;
  readonly #idle: Member<C>[] = [];
  readonly #waiters: Set<Waiter<C>> = new Set();
  readonly #ending: AbortController = new AbortController();
  #leased = 0;
  #connecting = 0;
  #checking = 0;
  #waited = 0;
  #drained: (() => void)[] = [];

  /** For connections that `connect` makes. */
  constructor(rules: PoolRules<C>, connect: (signal: AbortSignal) => Promise<C>) {
    this.#rules = rules;
    this.#connect = connect;
  }

  /** What there is. */
  get counts(): { idle: number; leased: number; connecting: number; waiting: number } {
    return {
      idle: this.#idle.length,
      leased: this.#leased + this.#checking,
      connecting: this.#connecting,
      waiting: this.#waiters.size,
    };
  }

  /** Whether there is nothing to remember. */
  get empty(): boolean {
    return this.#total === 0 && this.#waiters.size === 0;
  }

  /** A connection of one's own until it is given back. */
  async acquire(options: AcquireOptions): Promise<Member<C>> {
    options.signal?.throwIfAborted();
    const idle = this.#waiters.size === 0 ? this.#takeIdle() : null;
    if (idle !== null && !(idle instanceof Promise)) return idle;
    const { promise, resolve, reject } = Promise.withResolvers<Member<C>>();
    const waiter = { number: ++this.#waited, hasLeft: false, resolve, reject };
    const stop = this.#limit(waiter, options);
    if (idle === null) this.#enqueue(waiter);
    else idle.then((member) => this.#looked(waiter, member));
    return await promise.finally(stop);
  }

  /** Takes a connection back; a broken one is closed. */
  release(member: Member<C>, broken: boolean): void {
    this.#leased--;
    const tooOld = performance.now() - member.openedMs >= this.#rules.ageMs;
    if (broken || tooOld || this.#ending.signal.aborted) {
      closeQuietly(member.conn);
      this.#connectForWaiters();
    } else if (this.#waiters.size > 0) void this.#passOn(member);
    else this.#giveBack(member);
    this.#tellDrained();
  }

  /** Closes what was idle for too long or is too old, and opens what is missing to the minimum. */
  sweep(nowMs: number): void {
    const { idleTimeMs, ageMs, min } = this.#rules;
    for (const member of [...this.#idle]) {
      const tooOld = nowMs - member.openedMs >= ageMs;
      const idleTooLong = nowMs - member.idleSinceMs >= idleTimeMs && this.#total > min;
      if (tooOld || idleTooLong) this.#drop(member);
    }
    this.fill(min);
  }

  /** Opens connections until there are so many; what fails is left to the next who asks. */
  fill(count: number): Promise<void> {
    const opening: Promise<void>[] = [];
    while (this.#total < count && !this.#ending.signal.aborted) {
      opening.push(this.#open().then((member) => this.#giveBack(member), () => {}));
    }
    return Promise.all(opening).then(() => {});
  }

  /** Closes idle connections and refuses who waits; resolves when all others were given back. */
  drain(reason: Error): Promise<void> {
    this.#ending.abort(reason);
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
    for (const member of this.#idle.splice(0)) closeQuietly(member.conn);
    if (this.#total === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  get #total(): number {
    return this.#idle.length + this.#leased + this.#connecting + this.#checking;
  }

  /** The idle connection that was used last, if it is still good; others are closed. */
  #takeIdle(): Member<C> | null | Promise<Member<C> | null> {
    for (let member = this.#idle.pop(); member; member = this.#idle.pop()) {
      const looked = member;
      const usable = this.#isUsable(looked);
      if (typeof usable !== "boolean") {
        // It counts until it is decided what becomes of it: in between others may ask.
        this.#checking++;
        return usable.then((usable) => {
          this.#checking--;
          return this.#lease(looked, usable) ? looked : this.#takeIdle();
        });
      }
      if (this.#lease(looked, usable)) return looked;
    }
    return null;
  }

  #lease(member: Member<C>, usable: boolean): boolean {
    const isLeased = usable && !this.#ending.signal.aborted;
    if (isLeased) this.#leased++;
    else {
      closeQuietly(member.conn);
      this.#connectForWaiters();
      this.#tellDrained();
    }
    return isLeased;
  }

  /** Idle connections were looked at, which took a while: one was good, or none. */
  #looked(waiter: Waiter<C>, member: Member<C> | null): void {
    if (member === null) this.#enqueue(waiter);
    else if (waiter.hasLeft) this.release(member, false);
    else waiter.resolve(member);
  }

  #enqueue(waiter: Waiter<C>): void {
    const { waitersMax } = this.#rules;
    if (waiter.hasLeft) return;
    if (this.#ending.signal.aborted) waiter.reject(this.#ending.signal.reason);
    else if (this.#waiters.size >= waitersMax) {
      const message = `Cannot acquire a connection: ${waitersMax} are waiting`;
      waiter.reject(new Deno.errors.Busy(message));
    } else {
      this.#waiters.add(waiter);
      this.#connectForWaiters();
    }
  }

  /** Gives a connection that was just used to the next who waits, if it is still good. */
  async #passOn(member: Member<C>): Promise<void> {
    this.#checking++;
    const usable = await this.#isUsable(member);
    this.#checking--;
    if (usable) this.#giveBack(member);
    else {
      closeQuietly(member.conn);
      this.#connectForWaiters();
    }
    this.#tellDrained();
  }

  #isUsable({ conn, openedMs }: Member<C>): boolean | Promise<boolean> {
    if (performance.now() - openedMs >= this.#rules.ageMs) return false;
    try {
      const answer = this.#rules.check(conn);
      return typeof answer === "boolean" ? answer : this.#answerInTime(answer);
    } catch {
      return false;
    }
  }

  /** What a check answers; false when it takes as long as no connect may, or the pool is closed. */
  async #answerInTime(answer: Promise<boolean>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { signal } = this.#ending;
    const giveUp = () => resolve(false);
    const stop = startTimer(this.#rules.connectTimeoutMs, giveUp);
    signal.addEventListener("abort", giveUp);
    answer.then(resolve, giveUp);
    const usable = await promise;
    stop();
    signal.removeEventListener("abort", giveUp);
    return usable;
  }

  #giveBack(member: Member<C>): void {
    if (this.#ending.signal.aborted) return closeQuietly(member.conn);
    const [waiter] = this.#waiters;
    if (waiter) {
      this.#waiters.delete(waiter);
      this.#leased++;
      return waiter.resolve(member);
    }
    member.idleSinceMs = performance.now();
    this.#idle.push(member);
  }

  /** As many connects as there are waiters, below the bound; each failure ends one wait. */
  #connectForWaiters(): void {
    while (this.#connecting < this.#waiters.size && this.#total < this.#rules.max) {
      const began = this.#waited;
      this.#open().then(
        (member) => this.#giveBack(member),
        (error) => this.#connectFailed(error, began),
      );
    }
  }

  #connectFailed(error: unknown, began: number): void {
    const [waiter] = this.#waiters;
    if (waiter && waiter.number <= began) {
      this.#waiters.delete(waiter);
      waiter.reject(error);
    }
    this.#connectForWaiters();
  }

  async #open(): Promise<Member<C>> {
    const { connectTimeoutMs } = this.#rules;
    this.#connecting++;
    const deadline = new AbortController();
    const stop = startTimer(connectTimeoutMs, () => {
      const message = `Cannot connect: no answer within ${connectTimeoutMs} ms`;
      deadline.abort(new Deno.errors.TimedOut(message));
    });
    try {
      const signal = AbortSignal.any([this.#ending.signal, deadline.signal]);
      const conn = await this.#connect(signal);
      const nowMs = performance.now();
      return { conn, openedMs: nowMs, idleSinceMs: nowMs };
    } finally {
      stop();
      this.#connecting--;
      if (this.#ending.signal.aborted) queueMicrotask(() => this.#tellDrained());
    }
  }

  /** Ends a wait by its signal or deadline; gives the function that no longer does. */
  #limit(waiter: Waiter<C>, { signal, timeoutMs }: AcquireOptions): () => void {
    const leave = (reason: unknown) => {
      waiter.hasLeft = true;
      this.#waiters.delete(waiter);
      waiter.reject(reason);
    };
    const abort = () => leave(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    // A check may have done it.
    if (signal?.aborted) abort();
    // Not a timer of the engine: whoever waits keeps the process alive.
    const late = () => {
      const message = `Cannot acquire a connection: none was free within ${timeoutMs} ms`;
      leave(new Deno.errors.TimedOut(message));
    };
    const hasLimit = timeoutMs !== undefined && timeoutMs !== Infinity;
    const alarm = hasLimit ? setAlarm(performance.now() + timeoutMs, late) : null;
    return () => {
      if (alarm !== null) clearAlarm(alarm);
      signal?.removeEventListener("abort", abort);
    };
  }

  #drop(member: Member<C>): void {
    this.#idle.splice(this.#idle.indexOf(member), 1);
    closeQuietly(member.conn);
  }

  #tellDrained(): void {
    if (!this.#ending.signal.aborted || this.#total > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** What has been closed by its user or its peer is no matter. */
function closeQuietly(conn: Closable): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
