// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { runStep } from "../infer/backend/backend.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { Scheduler } from "../infer/scheduler/scheduler.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { Sequence } from "../infer/scheduler/sequence.ts";
import { HASH_VOCABULARY, hashAnswer, HashBackend } from "./infer_hash_backend.ts";

/** One request of a random run. */
export interface RunRequest {
  /** Step at which it comes. */
  readonly arrival: number;
  /** Requests of the same text begin with the same tokens. */
  readonly text: number;
  readonly promptLength: number;
  readonly answerLength: number;
  readonly priority: number;
  readonly salt: string;
  /** Answers to it. */
  readonly answers: number;
  /** Steps after its arrival at which it is given up; -1 for never. */
  readonly abortAfter: number;
  /** Whether that happens while the step is computed. */
  readonly abortInStep: boolean;
  /** Drafts that are proposed each step, of which the first `right` are right. */
  readonly drafts: number;
  readonly right: number;
}

/** A random run: a scheduler and what it is asked for. */
export interface Run {
  readonly bounds: SchedulerBounds;
  readonly requests: readonly RunRequest[];
}

/** Blocks that the largest request needs, beside which there are `extraBlocks`. */
function boundsFor(
  { extraBlocks, tokensMax, ...bounds }: Omit<SchedulerBounds, "blockCount"> & {
    extraBlocks: number;
  },
  requests: readonly RunRequest[],
): SchedulerBounds {
  const tokens = requests.map(({ promptLength, answerLength }) => promptLength + answerLength - 1);
  const needed = Math.ceil(Math.max(1, ...tokens) / bounds.blockTokens);
  return {
    ...bounds,
    tokensMax: Math.max(tokensMax, bounds.sequencesMax),
    blockCount: needed + extraBlocks,
    blocksPerSequenceMax: needed,
  };
}

const requestArbitrary: fc.Arbitrary<RunRequest> = fc.record({
  arrival: fc.nat(25),
  text: fc.nat(2),
  promptLength: fc.integer({ min: 1, max: 24 }),
  answerLength: fc.integer({ min: 1, max: 12 }),
  priority: fc.integer({ min: -1, max: 2 }),
  salt: fc.constantFrom("", "", "other"),
  answers: fc.constantFrom(1, 1, 1, 2, 3),
  abortAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, {
    weight: 1,
    arbitrary: fc.nat(15),
  }),
  abortInStep: fc.boolean(),
  drafts: fc.constantFrom(0, 0, 1, 3),
  right: fc.nat(3),
});

/** Random runs; pools are often so small that sequences lose their blocks to others. */
export const runArbitrary: fc.Arbitrary<Run> = fc.tuple(
  fc.record({
    tokensMax: fc.integer({ min: 1, max: 40 }),
    sequencesMax: fc.integer({ min: 1, max: 6 }),
    blockTokens: fc.integer({ min: 1, max: 6 }),
    blocksPerSequenceMax: fc.constant(1),
    prefillTokensMax: fc.integer({ min: 1, max: 30 }),
    prefixCache: fc.boolean(),
    agingSteps: fc.integer({ min: 1, max: 20 }),
    extraBlocks: fc.nat(20),
  }),
  fc.array(requestArbitrary, { minLength: 1, maxLength: 10 }),
).map(([bounds, requests]) => ({ bounds: boundsFor(bounds, requests), requests }));

/** A request on its way. */
interface Flight {
  readonly request: RunRequest;
  readonly prompt: number[];
  readonly expected: number[];
  readonly sequences: Sequence[];
  isAborted: boolean;
}

/**
 * Plays a run to its end and checks that every answer is what the request would have got alone, and
 * that the scheduler has kept to its rules after every step.
 *
 * @returns what the scheduler counted
 */
export function play(run: Run): Scheduler["counters"] {
  const player = new Player(run);
  player.play();
  return player.scheduler.counters;
}

class Player {
  readonly scheduler: Scheduler;
  readonly #backend: HashBackend;
  readonly #batch: StepBatch;
  readonly #requests: readonly RunRequest[];
  readonly #flights: Flight[] = [];

  constructor({ bounds, requests }: Run) {
    this.scheduler = new Scheduler(bounds);
    const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens, blockCount } = bounds;
    const stepBounds = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens };
    this.#backend = new HashBackend(stepBounds, blockCount);
    this.#batch = new StepBatch(stepBounds);
    this.#requests = requests;
  }

  play(): void {
    const { scheduler } = this;
    const { bounds, pool } = scheduler;
    const stepsMax = stepsBound(bounds, this.#requests);
    for (let step = 0; step <= 25 || scheduler.hasWork; step++) {
      assert(step < stepsMax, `not done after ${step} steps`);
      for (const request of this.#requests) if (request.arrival === step) this.#begin(request);
      this.#abort(step, false);
      const scheduled = scheduler.schedule();
      checkSchedule(scheduler, scheduled);
      if (scheduled.length > 0) this.#step([...scheduled], step);
      checkBlocks(scheduler);
    }
    for (const { request, sequences, expected, isAborted } of this.#flights) {
      if (isAborted) continue;
      for (const { tokens, length, promptLength } of sequences) {
        assertEquals([...tokens.subarray(promptLength, length)], expected, JSON.stringify(request));
      }
    }
    assertEquals(pool.freeCount, bounds.blockCount, "blocks that are free at the end");
    assertEquals(new Set(pool.freeBlocks()).size, bounds.blockCount);
  }

  #begin(request: RunRequest): void {
    const { text, promptLength, answerLength, priority, salt, answers } = request;
    // Texts differ at their beginning only, so that the same tokens follow different ones.
    const prompt = Array.from({ length: promptLength }, (_, i) => (i < 2 ? text : i) * 7 % 50);
    const lengthMax = promptLength + answerLength;
    const sequences = Array.from(
      { length: answers },
      () => new Sequence({ prompt, lengthMax, priority, salt }),
    );
    const expected = hashAnswer(prompt, answerLength);
    this.#flights.push({ request, prompt, expected, sequences, isAborted: false });
    this.scheduler.add(sequences[0]!);
  }

  #abort(step: number, inStep: boolean): void {
    for (const flight of this.#flights) {
      const { abortAfter, abortInStep, arrival } = flight.request;
      if (abortAfter < 0 || abortInStep !== inStep || arrival + abortAfter !== step) continue;
      if (flight.sequences.every(({ state }) => state === "finished")) continue;
      flight.isAborted = true;
      for (const sequence of flight.sequences) this.scheduler.finish(sequence);
    }
  }

  #step(scheduled: readonly Sequence[], step: number): void {
    this.#batch.clear();
    const rows = scheduled.map((sequence) => {
      const { tokens, computedTokens, scheduledTokens, table, draftCount } = sequence;
      return this.#batch.add({
        tokens: tokens.subarray(computedTokens, computedTokens + scheduledTokens),
        computedTokens,
        blocks: table,
        logits: draftCount > 0 ? "all" : sequence.isCaughtUp ? "last" : "none",
      });
    });
    const { logits } = runStep(this.#backend, this.#batch);
    this.#abort(step, true);
    scheduled.forEach((sequence, i) => {
      if (sequence.state !== "finished") this.#finishStep(sequence, logits, rows[i]!);
    });
  }

  #finishStep(sequence: Sequence, logits: Float32Array, row: number): void {
    const { draftCount, isCaughtUp, length, tokens } = sequence;
    let accepted = 0;
    while (accepted < draftCount && argmax(logits, row + accepted) === tokens[length + accepted]) {
      accepted++;
    }
    this.scheduler.complete(sequence, accepted);
    if (!isCaughtUp) return;
    const token = argmax(logits, row + accepted);
    const flight = this.#flights.find(({ sequences }) => sequences.includes(sequence))!;
    if (sequence.length === sequence.promptLength) this.#fork(sequence, flight, token);
    this.#extend(sequence, flight, token);
  }

  #fork(parent: Sequence, flight: Flight, token: number): void {
    const copies: number[] = [];
    for (const child of flight.sequences) {
      if (child.state !== "new") continue;
      if (this.scheduler.fork(parent, child, copies)) this.#extend(child, flight, token);
    }
    this.#backend.copyBlocks(copies);
  }

  #extend(sequence: Sequence, { request, expected }: Flight, token: number): void {
    sequence.append(token);
    if (sequence.length === sequence.lengthMax) return this.scheduler.finish(sequence);
    const done = sequence.length - sequence.promptLength;
    const drafts = expected.slice(done, done + request.drafts)
      .map((right, i) => i < request.right ? right : (right + 1) % HASH_VOCABULARY);
    this.scheduler.propose(sequence, drafts);
  }
}

/**
 * Far more steps than any run needs that always makes progress: as if all were computed one after
 * the other, token by token, and again for each time that a more urgent one came.
 */
function stepsBound({ agingSteps }: SchedulerBounds, requests: readonly RunRequest[]): number {
  const tokens = requests.reduce(
    (sum, { promptLength, answerLength, answers }) => sum + (promptLength + answerLength) * answers,
    0,
  );
  return 30 + tokens * (requests.length + 2) + 3 * agingSteps;
}

function checkSchedule({ bounds, running }: Scheduler, scheduled: readonly Sequence[]): void {
  const { tokensMax, sequencesMax, prefillTokensMax, blockTokens } = bounds;
  const total = scheduled.reduce((sum, { scheduledTokens }) => sum + scheduledTokens, 0);
  assert(total <= tokensMax, `${total} tokens are more than ${tokensMax}`);
  assert(running.length <= sequencesMax);
  assertEquals(scheduled.length, running.length, "every running sequence makes progress");
  for (const sequence of scheduled) {
    const { computedTokens, scheduledTokens, length, draftCount, table } = sequence;
    const end = computedTokens + scheduledTokens;
    assert(end <= length + draftCount);
    assert(table.length * blockTokens >= end, "it has blocks for what is computed");
    if (draftCount === 0) assert(scheduledTokens <= Math.max(1, prefillTokensMax));
    // A hit never covers the last token.
    assert(computedTokens < length);
  }
}

/** Every block is used by as many as the tables say, and written by one at most. */
function checkBlocks({ bounds, pool, running }: Scheduler): void {
  const users = new Int32Array(bounds.blockCount);
  const writers = new Int32Array(bounds.blockCount);
  for (let i = 0; i < running.length; i++) {
    const { table, computedTokens } = running.at(i);
    table.forEach((block, at) => {
      users[block]!++;
      if ((at + 1) * bounds.blockTokens > computedTokens) writers[block]!++;
    });
  }
  let used = 0;
  for (let block = 0; block < bounds.blockCount; block++) {
    assertEquals(pool.usersOf(block), users[block], `users of block ${block}`);
    if (writers[block]! > 0) assertEquals(users[block], 1, `block ${block} is written by one`);
    if (users[block]! > 0) used++;
  }
  assertEquals(pool.freeCount + used, bounds.blockCount);
}

function argmax(logits: Float32Array, row: number): number {
  const begin = row * HASH_VOCABULARY;
  for (let i = 0; i < HASH_VOCABULARY; i++) if (logits[begin + i] !== 0) return i;
  throw new Error(`Row ${row} has no likeliest token`);
}
