// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How long a turn may keep Deno's loop waiting, and how it may wait for completions. */
export interface DrivePolicy {
  /** Milliseconds of work after which Deno's loop gets its turn. */
  readonly sliceMs: number;
  /** The same while Deno has work of its own, whose next step should not wait as long. */
  readonly busySliceMs: number;
  /** Longest wait inside the kernel, in microseconds, with Deno's loop standing still. */
  readonly blockUsMax: number;
  /** Quiet milliseconds after which the thread goes to sleep in Deno's loop. */
  readonly sleepAfterMs: number;
}

/**
 * Shares the thread with everything else that Deno runs. The slice keeps a TCP round trip on
 * Deno's own API, which needs two polls of Deno's loop, within 3 ms; the block is a fraction of it.
 */
export const COOPERATIVE: DrivePolicy = {
  sliceMs: 0.6,
  busySliceMs: 0.3,
  blockUsMax: 100,
  sleepAfterMs: 0,
};

/** Options of {@linkcode Engine.runExclusive}. */
export interface ExclusiveOptions {
  /**
   * Longest stretch without a turn of Deno's own loop, in milliseconds, above 0 and at most 1000.
   *
   * @default {5}
   */
  unwindMs?: number;
}

/**
 * Has the thread to itself while it is busy, and goes back to Deno's loop every `unwindMs`.
 *
 * @throws {RangeError} when `unwindMs` is out of range
 */
export function exclusivePolicy(options: ExclusiveOptions): DrivePolicy {
  const { unwindMs = 5 } = options;
  if (!(unwindMs > 0 && unwindMs <= UNWIND_MS_MAX)) {
    throw new RangeError(
      `Cannot run exclusively: unwindMs must be in (0, ${UNWIND_MS_MAX}], received ${unwindMs}`,
    );
  }
  const busySliceMs = Math.min(unwindMs, BUSY_UNWIND_MS);
  return { sliceMs: unwindMs, busySliceMs, blockUsMax: 1000, sleepAfterMs: 3 };
}

const UNWIND_MS_MAX = 1000;
/** A round trip on Deno's API that needs one unwind more than its first gets it so soon. */
const BUSY_UNWIND_MS = 0.6;

/** What to do when no completion is there. */
export interface WaitPlan {
  /** Microseconds to watch the ring's flag for, without a system call. */
  spinUs: number;
  /** Microseconds to wait in the kernel for, after that; 0 for none. */
  blockUs: number;
  /** Completions to gather before that, for {@linkcode GATHER_US} at most. */
  gather: number;
}

// Spinning buys latency with processor time: it pays while the answer is a few microseconds away
// and one or two peers take turns with us (a listener's accept and a spare count as well). With
// 64 connections it cost 0.4 us a message.
const SPIN_OPERATIONS_MAX = 4;
const SPIN_GAP_US_MAX = 100;
const SPIN_US_MAX = 150;
// Of many operations in flight a few complete within microseconds of each other. Answering them
// together costs the slowest of them little and saves most of a round for each of the others.
/** Longest time that the first of several completions waits for the others. */
export const GATHER_US = 40;
const GATHER_SHARE = 1 / 8;
const GATHER_MAX = 16;

/** Share of a new gap in the estimate. */
const GAP_WEIGHT = 1 / 8;
const GAP_US_MAX = 2000;

/** Estimates from the last turns how soon the next completion comes, and plans the wait for it. */
export class Driver {
  #gapUs = GAP_US_MAX;

  /** Notes that the ring was quiet for so long before a completion came. */
  observe(gapUs: number): void {
    this.#gapUs += (Math.min(gapUs, GAP_US_MAX) - this.#gapUs) * GAP_WEIGHT;
  }

  /** Plans the wait, given how many operations could complete, and whether they move bulk data. */
  plan(policy: DrivePolicy, operations: number, bulky: boolean): WaitPlan {
    const gapUs = this.#gapUs;
    // With none in flight only other threads have something to say: InboxList watches for that.
    const few = operations > 0 && operations <= SPIN_OPERATIONS_MAX;
    const spins = few && !bulky && gapUs < SPIN_GAP_US_MAX;
    const blocks = policy.sleepAfterMs > 0 || gapUs < policy.blockUsMax;
    return {
      spinUs: spins ? Math.min(SPIN_US_MAX, 10 + 3 * gapUs) : 0,
      blockUs: blocks ? policy.blockUsMax : 0,
      gather: Math.min(GATHER_MAX, Math.floor(operations * GATHER_SHARE)),
    };
  }
}
