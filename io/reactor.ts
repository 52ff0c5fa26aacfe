// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";
import { coroutinesYield } from "../thread/yield_now.ts";
import { COOPERATIVE, type DrivePolicy, Driver, GATHER_US } from "./driver.ts";
import { microtaskRunner } from "./microtasks.ts";

/** What the reactor turns: the engine, as seen from its loop. */
export interface TurnSource {
  /** Whether completions can be had without waiting. */
  readonly ready: boolean;
  /** Whether operations wait to be handed to the kernel. */
  readonly queued: boolean;
  /** Operations in flight. */
  readonly pending: number;
  /** Whether anything may still happen: operations in flight, or timers. */
  readonly waiting: boolean;
  /** Operations in flight that keep the process alive. */
  readonly held: number;
  /** Whether bulk data moves, of which nothing is urgent. */
  readonly bulky: boolean;
  /** Hands over what is queued, waits as asked, and answers what completed; says how much. */
  poll(waitCount: number, timeoutUs: number): number;
  /** Lets completions signal the wake channel, or not. */
  signalWakes(enabled: boolean): void;
  /** Opens the wake channel. */
  openWake(onWake: () => void): Wake;
  /** Makes the kernel wake the ring at the next deadline, where there is one. */
  armTimer(): void;
}

/** The wake channel, as the reactor uses it. */
export interface Wake {
  /** Lets the next completion wake Deno's loop. */
  arm(): void;
  /** Wakes Deno's loop after it has polled. */
  yieldToDeno(): void;
  /** A wake that is awaited keeps the process alive. */
  ref(): void;
  /** A wake that is awaited does not keep the process alive. */
  unref(): void;
  /** Closes everything; no wake comes after. */
  close(): void;
}

/** Counts of what the reactor did. */
export interface TurnCounts {
  /** Times that Deno's loop ran the reactor. */
  turns: number;
  /** Times that the reactor went to sleep in Deno's loop. */
  sleeps: number;
}

/** What an idle poll takes; one that takes twice as long had something to do. */
const IDLE_POLL_MS = 0.009;
/** Polls with work that Deno gets between two turns, beyond the first. */
const BUSY_POLLS_MAX = 16;
/** Polls without work after one with work: the next step may be on its way. */
const IDLE_POLLS_MAX = 2;

type State = "resting" | "sleeping" | "scheduled" | "yielded" | "running" | "closed";

/**
 * Turns the engine inside Deno's event loop.
 *
 * ```
 *             operation queued              no completion soon
 *   resting -----------------> scheduled -> running ---------> sleeping (wake channel armed)
 *      ^                                     |   ^                 |
 *      | nothing in flight                   |   |  signalled      |
 *      +-------------------------------------+   +-----------------+
 *                               slice used up |   ^
 *                                             v   | signalled, Deno has polled
 *                                            yielded
 * ```
 *
 * A turn goes round (submit, reap, run the user's code) until its slice is used up or nothing is
 * left to do. It then yields through the wake channel rather than `setImmediate`: a loop that wakes
 * itself makes Deno poll its own sockets and signals only every 61 turns, while the wake channel's
 * descriptor can only be seen by polling.
 */
export class Reactor {
  readonly counts: TurnCounts = { turns: 0, sleeps: 0 };

  readonly #source: TurnSource;
  readonly #driver = new Driver();
  readonly #turnLater = () => {
    if (this.#state !== "scheduled") return;
    try {
      this.#turn();
    } finally {
      // The ring failed: whoever asks next sees it fail again, and is not left waiting.
      if (this.#is("running")) this.#state = "resting";
    }
  };
  readonly #yieldAgain = () => void (this.#state === "yielded" && this.#yield());
  readonly #yieldNow = () => {
    if (this.#state !== "yielded") return;
    this.#yieldedAt = performance.now();
    this.#channel().yieldToDeno();
  };
  // What a poll finds for Deno's own calls they tell their callers in the loop's next round.
  readonly #pollAgain = () => void setImmediate(this.#denoPolled);
  readonly #denoPolled = () => {
    if (this.#state !== "yielded") return;
    if (this.#denoIsBusy()) return this.#yieldNow();
    this.#sliceMs = this.#busyPolls > 0 ? this.#policy.busySliceMs : this.#policy.sliceMs;
    this.#idlePolls = IDLE_POLLS_MAX;
    this.#busyPolls = 0;
    this.#state = "scheduled";
    this.#turnLater();
  };
  #policy: DrivePolicy = COOPERATIVE;
  #sliceMs = COOPERATIVE.sliceMs;
  #state: State = "resting";
  #inIoPhase = false;
  #denoDrives = false;
  #wake: Wake | undefined;
  #runMicrotasks: (() => void) | null | undefined;
  #quietSince = 0;
  #yieldedAt = 0;
  #fastestPollMs = IDLE_POLL_MS;
  #busyPolls = 0;
  #idlePolls = IDLE_POLLS_MAX;

  /** Takes the engine to turn. */
  constructor(source: TurnSource) {
    this.#source = source;
  }

  /** How turns wait and when they yield. */
  set policy(policy: DrivePolicy) {
    this.#policy = policy;
    this.#sliceMs = policy.sliceMs;
    this.schedule();
  }

  /** Sees to it that a turn comes; called whenever something was queued. */
  schedule(): void {
    if (this.#state === "yielded") return this.#hold();
    if (this.#state !== "resting" && this.#state !== "sleeping") return;
    this.#denoDrives = true;
    this.#state = "scheduled";
    setImmediate(this.#turnLater);
  }

  /** Which operations hold the process has changed. */
  updateHold(): void {
    if (this.#state === "sleeping" || this.#state === "yielded") this.#hold();
  }

  /** Ends all turns. */
  close(): void {
    this.#state = "closed";
    this.#wake?.close();
    this.#wake = undefined;
  }

  #turn(): void {
    this.#state = "running";
    this.counts.turns++;
    const source = this.#source;
    source.signalWakes(false);
    const start = performance.now();
    this.#runMicrotasks ??= microtaskRunner();
    for (;;) {
      const completed = source.poll(0, 0);
      if (completed > 0 && !this.#settle()) return;
      if (source.ready || source.queued) {
        if (performance.now() - start > this.#sliceMs) return this.#yield();
        continue;
      }
      if (this.#is("closed") || !this.#await(start)) return;
    }
  }

  /** Runs the user's code that waited for completions; false when Deno's loop must do that. */
  #settle(): boolean {
    if (this.#quietSince > 0) {
      this.#driver.observe((performance.now() - this.#quietSince) * 1000);
      this.#quietSince = 0;
    }
    if (this.#runMicrotasks) {
      this.#runMicrotasks();
      return !this.#is("closed");
    }
    this.#state = "scheduled";
    setImmediate(this.#turnLater);
    return false;
  }

  /** Waits for completions; false when the turn is over. */
  #await(start: number): boolean {
    const source = this.#source;
    if (!source.waiting) return this.#rest();
    const now = performance.now();
    if (this.#quietSince === 0) this.#quietSince = now;
    const policy = this.#policy;
    // Where Deno brings the work, as between reads of its files, waiting here would keep it back.
    if (this.#denoDrives && policy.sleepAfterMs === 0) return this.#sleep();
    const plan = this.#driver.plan(policy, source.pending, source.bulky);
    if (plan.spinUs > 0 && this.#spin(now + plan.spinUs / 1000)) return true;
    const leftMs = start + this.#sliceMs - now - plan.spinUs / 1000;
    if (plan.blockUs > 0 && leftMs > 0) {
      const blockUs = Math.min(plan.blockUs, leftMs * 1000);
      if (plan.gather > 1 && source.poll(plan.gather, GATHER_US) > 0) return this.#settle();
      if (source.poll(1, blockUs) > 0) return this.#settle();
      if (policy.sleepAfterMs > 0 && now - this.#quietSince < policy.sleepAfterMs) return true;
      this.#driver.observe(blockUs * 4);
    }
    if (policy.sleepAfterMs > 0 && now - this.#quietSince < policy.sleepAfterMs) {
      this.#yield();
      return false;
    }
    return this.#sleep();
  }

  /** Watches for completions without entering the kernel. */
  #spin(untilMs: number): boolean {
    while (performance.now() < untilMs) {
      for (let look = 0; look < 32; look++) if (this.#source.ready) return true;
    }
    return false;
  }

  /**
   * Lets Deno poll. The wake is signalled after the loop's next I/O phase, in which its reader
   * finds nothing and clears the descriptor's readiness: only then has the signal to be polled for.
   */
  #yield(): void {
    this.#state = "yielded";
    this.#hold();
    setImmediate(this.#inIoPhase ? this.#yieldAgain : this.#yieldNow);
  }

  #rest(): false {
    this.#state = "resting";
    this.#quietSince = 0;
    this.#wake?.unref();
    return false;
  }

  /** Goes to sleep in Deno's loop, unless something comes up in between; then true. */
  #sleep(): boolean {
    const source = this.#source;
    const wake = this.#channel();
    source.armTimer();
    source.signalWakes(true);
    // Only now does every new completion signal: what came before must not be slept over.
    if (source.ready || source.queued) {
      source.signalWakes(false);
      return true;
    }
    wake.arm();
    this.counts.sleeps++;
    this.#state = "sleeping";
    this.#hold();
    return false;
  }

  /** What is queued has to leave, so it keeps the process alive until the next turn. */
  #hold(): void {
    if (this.#source.held > 0 || this.#source.queued) this.#channel().ref();
    else this.#channel().unref();
  }

  #channel(): Wake {
    return this.#wake ??= this.#source.openWake(() => this.#woken());
  }

  /**
   * The wake has come. A sleeper goes to work at once. After a yield the turn waits for one
   * more round of the loop, and longer while Deno has work of its own: what takes it several polls,
   * as a request and its answer do, is then done at once and not spread over as many slices.
   */
  #woken(): void {
    this.#denoDrives = false;
    if (this.#state === "sleeping") {
      this.#state = "scheduled";
      this.#inIoPhase = true;
      this.#turnLater();
      this.#inIoPhase = false;
    } else if (this.#state === "yielded") {
      setImmediate(this.#pollAgain);
    }
  }

  /** Whether Deno's polls find work, or just did: it may be about to get more from itself. */
  #denoIsBusy(): boolean {
    // Coroutines that only make way for others would keep it busy for ever.
    if (this.#busyPolls >= BUSY_POLLS_MAX || coroutinesYield()) return false;
    const pollMs = performance.now() - this.#yieldedAt;
    // The fastest of late, so that a machine that became slow is not taken for a busy loop.
    this.#fastestPollMs = Math.min(pollMs, this.#fastestPollMs * 1.05);
    if (pollMs > 2 * Math.max(this.#fastestPollMs, IDLE_POLL_MS)) {
      this.#busyPolls++;
      this.#idlePolls = 0;
      return true;
    }
    return this.#idlePolls++ < IDLE_POLLS_MAX;
  }

  /** Asked where the state may have changed in a call before, which narrowing does not see. */
  #is(state: State): boolean {
    return this.#state === state;
  }
}
