// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../backend/backend.ts";
import { DrawBatch } from "../backend/draw_batch.ts";
import type { DrawOutput } from "../backend/drawing.ts";
import { StepBatch } from "../backend/step_batch.ts";
import type { SampledToken, Sampler } from "../sampling/sampler.ts";
import type { Answer } from "./answer.ts";
import { type StepChoice, type Task, wantedLogits } from "./engine_task.ts";

/** A step that chooses tokens where the logits are, from its start until it is read. */
export interface DrawnStep {
  /** Its sequences. */
  readonly tasks: readonly Task[];
  /** The first draw of each; -1 where nothing is chosen yet. */
  readonly firstDraws: readonly number[];
  /** Steps in a row. */
  readonly steps: number;
  /** Whether the next one may start before this one is read. */
  readonly isAhead: boolean;
}

/** Whether tokens of a step can be chosen by the device: all of them, or none. */
export function canDraw({ drawing }: Backend, tasks: readonly Task[]): boolean {
  if (drawing === undefined) return false;
  let draws = 0;
  for (const { answer, sequence, draft, active, logprobs, readsAll } of tasks) {
    const { computedTokens, promptLength } = sequence;
    if ((logprobs !== null || readsAll) && computedTokens < promptLength) return false;
    if (!sequence.isCaughtUp) continue;
    if (answer === null || answer.sampler.params.typicalP < 1) return false;
    if (sequence.draftCount > 0 && draft.distributions !== undefined) return false;
    draws += 1 + Math.max(sequence.draftCount, active.unforked);
  }
  return draws <= drawing.drawsMax;
}

/** Whether nothing that is chosen now decides how the next token is. */
export function mayRunAhead(tasks: readonly Task[]): boolean {
  return tasks.every(({ answer, sequence, drafter, active }) => {
    if (!sequence.isCaughtUp) return true;
    return answer !== null && answer.sampler.isFixed && drafter === null && active.unforked === 0;
  });
}

/** Packs what a step works on. */
export class StepPacker {
  /** The step. */
  readonly batch: StepBatch;
  /** The tokens that it chooses, where the device does. */
  readonly draws: DrawBatch;
  /** The one token of a sequence that is caught up, which most are. */
  readonly #oneToken = new Int32Array(1);

  /** Packs steps for a backend. */
  constructor({ bounds, config }: Backend) {
    this.batch = new StepBatch(bounds);
    this.draws = new DrawBatch(config.vocabularySize);
  }

  /** Empties it for the next step. */
  clear(): void {
    this.batch.clear();
    this.draws.clear();
  }

  /**
   * Adds a sequence.
   *
   * @param steps of those in a row: the batch has one token for all of them
   * @returns its first row of logits
   */
  add(task: Task, steps: number = 1): number {
    const { tokens, computedTokens, scheduledTokens, knownTokens, table } = task.sequence;
    const logits = wantedLogits(task);
    const count = steps > 1 ? 1 : scheduledTokens;
    // Who was preempted and admitted again may have unread tokens behind those of the step.
    const isUnread = computedTokens >= knownTokens;
    if (count === 1) this.#oneToken[0] = isUnread ? -1 - task.firstDraw : tokens[computedTokens]!;
    return this.batch.add({
      tokens: count === 1
        ? this.#oneToken
        : tokens.subarray(computedTokens, computedTokens + count),
      computedTokens,
      blocks: table,
      logits,
    });
  }

  /** Adds what is chosen after a sequence; gives the first draw, -1 when nothing is. */
  addDraws({ sequence, answer, draft, active }: Task, firstRow: number): number {
    const { isCaughtUp, draftCount, length } = sequence;
    if (!isCaughtUp || answer === null) return -1;
    const { sampler } = answer;
    const settings = sampler.settings(length)!;
    const first = this.draws.add(firstRow, settings);
    const { n } = answer.request.params;
    for (let i = n - active.unforked; i < n; i++) {
      this.draws.add(firstRow, { ...settings, answer: i });
    }
    if (draftCount > 0) this.#addGuesses(sampler, draft.tokens, draftCount, length, firstRow);
    return first;
  }

  /** What follows each guess if it is right. */
  #addGuesses(
    sampler: Sampler,
    guesses: readonly number[],
    count: number,
    position: number,
    firstRow: number,
  ): void {
    const guessing = sampler.fork();
    let isPossible = true;
    for (let i = 0; i < count; i++) {
      isPossible &&= accepts(guessing, guesses[i]!);
      // Behind a guess that cannot be right it does not matter.
      this.draws.add(firstRow + 1 + i, guessing.settings(position + 1 + i)!);
    }
  }
}

function accepts(sampler: Sampler, token: number): boolean {
  try {
    sampler.accept(token);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What a device chose for a sequence. */
export class DrawnChoice implements StepChoice {
  readonly #output: DrawOutput;
  readonly #first: number;
  readonly #firstFork: number;

  /** `first` is the first draw of the sequence. */
  constructor(output: DrawOutput, first: number, { request }: Answer, unforked: number) {
    this.#output = output;
    this.#first = first;
    // Those that are forked now; the draws of their answers stand behind the first.
    this.#firstFork = first + 1 - (request.params.n - unforked);
  }

  after(_sampler: Sampler, drafts: number): SampledToken {
    return this.#output.token(this.#first + drafts, 0);
  }

  forked({ answer }: Sampler): SampledToken {
    return this.#output.token(this.#firstFork + answer, 0);
  }
}
