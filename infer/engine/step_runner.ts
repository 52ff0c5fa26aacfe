// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend, StepOutput } from "../backend/backend.ts";
import type { DrawOutput } from "../backend/drawing.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { Task } from "./engine_task.ts";
import { canDraw, type DrawnStep, mayRunAhead, StepPacker } from "./step_packer.ts";
import { StepClock, type StepTimes } from "./step_times.ts";

/** Steps in a row that a device takes by itself, at most; and how long they may take together. */
const STEPS_IN_A_ROW_MAX = 8;
const STEPS_IN_A_ROW_US = 5000;

/** Takes what steps give. What `read`, `readChosen` and `readAhead` throw is told to `failed`. */
export interface StepReader {
  /** What a sequence is computed for; undefined when it has come to its end. */
  taskOf(sequence: Sequence): Task | undefined;
  /** Rows of logits and states, from the first one of a sequence on. */
  read(task: Task, output: StepOutput, firstRow: number): void;
  /** What was chosen for a sequence, from its first draw on; -1 where nothing was. */
  readChosen(task: Task, output: DrawOutput, firstDraw: number): void;
  /** The same of steps in a row, where the scheduler is ahead of it. */
  readAhead(task: Task, output: DrawOutput, firstDraw: number, steps: number): void;
  /** A sequence could not be read. */
  failed(task: Task, error: unknown): void;
  /** Told where the time of each step went. */
  readonly trace: ((times: StepTimes) => void) | undefined;
}

/**
 * Runs the steps of an engine. Where the device chooses tokens, and what it chooses decides nothing
 * else, a step is only started, and the one before it is read:
 *
 *     device   | step 1        | step 2        | step 3 ...
 *     here     | prepare 2 |   | read 1, prepare 3 |  | read 2 ...
 *
 * Blocks of a sequence whose end is seen too late may already be another's: what the step on its
 * way writes into them comes before what that one does, as a device takes steps in their order.
 */
export class StepRunner {
  /** Where the time of steps went. */
  readonly clock: StepClock = new StepClock();
  readonly #backend: Backend;
  readonly #scheduler: Scheduler;
  readonly #reader: StepReader;
  readonly #packer: StepPacker;
  /** The step that the device is at while the next one is prepared. */
  #onWay: DrawnStep | null = null;
  /** What a step takes, as far as it is known. */
  #stepUs = 0;

  /** Runs what a scheduler schedules. */
  constructor(backend: Backend, scheduler: Scheduler, reader: StepReader) {
    this.#backend = backend;
    this.#scheduler = scheduler;
    this.#reader = reader;
    this.#packer = new StepPacker(backend);
  }

  /** Whether a step is on its way. */
  get isBusy(): boolean {
    return this.#onWay !== null;
  }

  /**
   * Computes one step, or starts it and reads the one before.
   *
   * @throws what the backend throws
   */
  step(): void {
    const { clock } = this;
    clock.begin();
    let before = this.#takeOnWay();
    let tasks = this.#schedule();
    let isDrawn = tasks.length > 0 && canDraw(this.#backend, tasks);
    if (before && !isDrawn) {
      clock.lap("prepareUs");
      this.#readDrawn(before);
      before = null;
      // Some have come to their end.
      tasks = tasks.filter(({ sequence }) => sequence.state === "running");
      isDrawn = tasks.length > 0 && canDraw(this.#backend, tasks);
    }
    if (isDrawn) this.#stepDrawing(tasks, before);
    else if (tasks.length > 0) this.#stepReading(tasks);
    this.#reader.trace?.(clock.step);
  }

  /** The step that is on its way; the scheduler counts it as done. */
  #takeOnWay(): DrawnStep | null {
    const step = this.#onWay;
    this.#onWay = null;
    for (const [i, { sequence }] of step?.tasks.entries() ?? []) {
      this.#scheduler.goAhead(sequence, step!.firstDraws[i]! < 0 ? 0 : step!.steps);
    }
    return step;
  }

  #schedule(): Task[] {
    return this.#scheduler.schedule().map((sequence) => this.#reader.taskOf(sequence)!);
  }

  /** A step whose logits come here. */
  #stepReading(tasks: readonly Task[]): void {
    const { clock } = this;
    this.#packer.clear();
    const rows = tasks.map((task) => this.#packer.add(task));
    clock.lap("prepareUs");
    this.#backend.submit(this.#packer.batch);
    clock.lap("submitUs");
    const output = this.#backend.wait();
    clock.lap("waitUs");
    for (const [i, task] of tasks.entries()) {
      this.#guard(task, () => this.#reader.read(task, output, rows[i]!));
    }
    clock.lap("readUs");
  }

  /** A step that chooses its tokens itself. */
  #stepDrawing(tasks: readonly Task[], before: DrawnStep | null): void {
    const { clock } = this;
    const isAhead = mayRunAhead(tasks);
    const steps = isAhead ? this.#scheduler.runOn(this.#stepsInARowMax()) : 1;
    const firstDraws = this.#packDrawing(tasks, steps);
    const step: DrawnStep = { tasks, firstDraws, steps, isAhead };
    clock.lap("prepareUs");
    this.#backend.drawing!.submit(this.#packer.batch, this.#packer.draws, steps);
    clock.lap("submitUs");
    if (before) this.#readDrawn(before);
    if (isAhead) this.#onWay = step;
    else this.#readDrawn(step);
  }

  /** A long row would make answers stutter, and requests wait. */
  #stepsInARowMax(): number {
    const fitting = Math.max(1, Math.floor(STEPS_IN_A_ROW_US / Math.max(this.#stepUs, 1)));
    return Math.min(this.#backend.drawing!.stepsMax, STEPS_IN_A_ROW_MAX, fitting);
  }

  #packDrawing(tasks: readonly Task[], steps: number): number[] {
    const packer = this.#packer;
    packer.clear();
    return tasks.map((task) => {
      const row = packer.add(task, steps);
      return task.firstDraw = packer.addDraws(task, row);
    });
  }

  /** Waits for a step that chose its tokens itself. */
  #readDrawn(step: DrawnStep): void {
    const { clock } = this;
    const output = this.#backend.drawing!.wait();
    clock.lap("waitUs");
    clock.add("deviceUs", output.deviceUs);
    this.#stepUs = output.deviceUs / step.steps;
    for (const [i, task] of step.tasks.entries()) {
      const firstDraw = step.firstDraws[i]!;
      this.#guard(task, () => {
        if (step.isAhead) this.#reader.readAhead(task, output, firstDraw, step.steps);
        else this.#reader.readChosen(task, output, firstDraw);
      });
    }
    clock.lap("readUs");
  }

  /** A request that fails, or has failed in this step, takes all of its answers along. */
  #guard(task: Task, read: () => void): void {
    if (this.#reader.taskOf(task.sequence) !== task) return;
    try {
      read();
    } catch (error) {
      this.#reader.failed(task, error);
    }
  }
}
