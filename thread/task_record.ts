// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openTaskContext, type TaskContext } from "./async_context.ts";

/** Tasks that live at most; one more is refused with `Deno.errors.Busy`. */
export const TASKS_MAX = 1_048_576;

/** How far a task is; see `TaskStatus`. */
export type RecordStatus = "ready" | "running" | "completed" | "failed" | "cancelled";

/** A wait of a task, as its task sees it: one of a list. */
export interface TaskWait {
  /** The next wait of the same task. */
  nextOfTask: TaskWait | null;
  /** The one before it. */
  previousOfTask: TaskWait | null;
  /** What it waits for: "lock a mutex". */
  readonly what: string;
  /** Stack of the caller, while waits are traced. */
  readonly trace: string | undefined;
  /** Ends the wait with an error. */
  giveUp(error: unknown): void;
}

/** A stretch of a coroutine, with the waits that end when it is cancelled. */
export class WaitScope {
  /** The public face of the task, of which this module knows nothing. */
  task: object | undefined;
  /** Whether it was told to stop. */
  cancelled = false;
  /** Why. */
  reason: unknown = undefined;
  /** Its waits, newest first. */
  firstWait: TaskWait | null = null;

  /** A stretch of this task. */
  constructor(task: object | undefined) {
    this.task = task;
  }

  /** Whether being cancelled means anything to it. */
  get ended(): boolean {
    return false;
  }

  /** Ends all its waits, and those it will begin. */
  interrupt(reason: unknown): void {
    this.cancelled = true;
    this.reason = reason;
    const waits: TaskWait[] = [];
    for (let wait = this.firstWait; wait !== null; wait = wait.nextOfTask) waits.push(wait);
    // Oldest first, and each only if the ones before did not end it.
    for (const wait of waits.reverse()) wait.giveUp(reason);
  }

  /** Takes note of a wait. */
  addWait(wait: TaskWait): void {
    const first = this.firstWait;
    wait.nextOfTask = first;
    if (first !== null) first.previousOfTask = wait;
    this.firstWait = wait;
  }

  /** Forgets a wait. */
  removeWait(wait: TaskWait): void {
    const { nextOfTask, previousOfTask } = wait;
    if (previousOfTask === null) this.firstWait = nextOfTask;
    else previousOfTask.nextOfTask = nextOfTask;
    if (nextOfTask !== null) nextOfTask.previousOfTask = previousOfTask;
    wait.nextOfTask = wait.previousOfTask = null;
  }
}

/** What is known of a live task below the class that users see. */
export class TaskRecord extends WaitScope {
  /** Name for {@linkcode TaskRecord.live}. */
  readonly name: string;
  /** How far it is. */
  status: RecordStatus = "ready";
  #next: TaskRecord | null = null;
  #previous: TaskRecord | null = null;

  /**
   * Adds it to the live ones.
   *
   * @throws {Deno.errors.Busy} When {@linkcode TASKS_MAX} live
   */
  constructor(task: object, name: string) {
    super(task);
    if (liveCount >= TASKS_MAX) {
      throw new Deno.errors.Busy(`Cannot spawn a task: ${TASKS_MAX} live already`);
    }
    liveCount++;
    this.name = name;
    this.#next = newest;
    if (newest !== null) newest.#previous = this;
    newest = this;
  }

  /** Whether its function is over. */
  override get ended(): boolean {
    return this.status !== "ready" && this.status !== "running";
  }

  /** Its function is over. */
  end(status: RecordStatus): void {
    this.status = status;
    liveCount--;
    if (this.#previous === null) newest = this.#next;
    else this.#previous.#next = this.#next;
    if (this.#next !== null) this.#next.#previous = this.#previous;
    this.#next = this.#previous = null;
  }

  /** Every task whose function is not over, oldest first. */
  static live(): TaskRecord[] {
    const records: TaskRecord[] = [];
    for (let record = newest; record !== null; record = record.#next) records.push(record);
    return records.reverse();
  }
}

/** The live tasks, linked by themselves. */
let newest: TaskRecord | null = null;
let liveCount = 0;

/** The task that a coroutine belongs to, as far as its waits are concerned. */
export const taskContext: TaskContext<WaitScope> = openTaskContext<WaitScope>();

/** Whether waits keep the stack of their caller. */
export const tracing: { enabled: boolean } = { enabled: false };
