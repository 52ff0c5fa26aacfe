// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend, StepOutput } from "../backend/backend.ts";
import type { DrawOutput } from "../backend/drawing.ts";
import { createSampler } from "../sampling/sampler.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { SchedulerBounds } from "../scheduler/scheduler_bounds.ts";
import { Sequence } from "../scheduler/sequence.ts";
import { Answer, type AnswerContext } from "./answer.ts";
import { type EngineCounters, noCounters } from "./engine_counters.ts";
import type { EngineRequest, EngineSink } from "./engine_request.ts";
import {
  type ActiveRequest,
  chooseTokens,
  NO_DRAFT,
  RowChoice,
  type StepChoice,
  type Task,
  wantedLogits,
} from "./engine_task.ts";
import { Embedding, PromptLogprobs, READ_ROWS_MAX } from "./prompt_readings.ts";
import type { Speculation } from "./speculation.ts";
import { DrawnChoice } from "./step_packer.ts";
import { StepRunner } from "./step_runner.ts";
import type { StepClock, StepTimes } from "./step_times.ts";

/** What an engine is made of. */
export interface EngineCoreOptions {
  /** What the scheduler must keep to. */
  readonly bounds: SchedulerBounds;
  /** Tokens and their meaning. */
  readonly context: AnswerContext;
  /** Told what becomes of requests. */
  readonly sink: EngineSink;
  /** Guesses how answers go on. */
  readonly speculation?: Speculation | undefined;
  /** Told where the time of each step went. */
  readonly trace?: ((times: StepTimes) => void) | undefined;
}

/**
 * The loop of an engine without its thread: requests in, steps of a backend, tokens and text out.
 * Everything is synchronous.
 */
export class EngineCore {
  /** What decides. */
  readonly scheduler: Scheduler;
  /** What was done. */
  readonly counters: EngineCounters = noCounters();
  readonly #backend: Backend;
  readonly #runner: StepRunner;
  readonly #context: AnswerContext;
  readonly #sink: EngineSink;
  readonly #speculation: Speculation | undefined;
  readonly #active: Map<number, ActiveRequest> = new Map();
  readonly #tasks: Map<Sequence, Task> = new Map();
  readonly #copies: number[] = [];
  /**
   * An engine without requests.
   *
   * @throws {RangeError} when a bound makes no sense
   */
  constructor(backend: Backend, options: EngineCoreOptions) {
    const { bounds, context, sink, speculation, trace } = options;
    this.scheduler = new Scheduler(bounds);
    this.#backend = backend;
    this.#context = context;
    this.#sink = sink;
    this.#speculation = speculation;
    this.#runner = new StepRunner(backend, this.scheduler, {
      taskOf: (sequence) => this.#tasks.get(sequence),
      read: (...step) => this.#read(...step),
      readChosen: (...step) => this.#readChosen(...step),
      readAhead: (...step) => this.#readAhead(...step),
      failed: (task, error) => this.#fail(task.active, error),
      trace,
    });
  }

  /** Where the time of steps went. */
  get clock(): StepClock {
    return this.#runner.clock;
  }

  /** Whether a step has anything to do. */
  get hasWork(): boolean {
    return this.scheduler.hasWork || this.#runner.isBusy;
  }

  /** Requests on their way. */
  get activeCount(): number {
    return this.#active.size;
  }

  /** Takes a request; where it cannot, the sink is told that it failed. */
  add(request: EngineRequest): void {
    try {
      this.#add(request);
    } catch (error) {
      this.counters.abortedRequests++;
      this.#sink.failed(request.id, error);
    }
  }

  /**
   * Gives a request up, wherever it is: its blocks are free at once. Nothing more is said of it.
   */
  abort(id: number): void {
    const active = this.#active.get(id);
    if (active) this.#drop(active);
  }

  /** Gives all requests up with an error. */
  failAll(error: unknown): void {
    for (const active of [...this.#active.values()]) this.#fail(active, error);
  }

  /**
   * Computes one step, or starts it and reads the one before; see {@linkcode StepRunner}.
   *
   * @throws what the backend throws; no request can be relied upon then
   */
  step(): void {
    this.#runner.step();
  }

  #add(request: EngineRequest): void {
    const { kind, tokens, params, pooling } = request;
    const isAnswered = kind === "generate";
    const readsLogits = kind === "score" || isAnswered && params.promptLogprobs !== undefined;
    const readsAll = readsLogits || kind === "embed" && pooling === "mean";
    const sequence = new Sequence({
      prompt: tokens,
      lengthMax: this.#lengthMax(request),
      priority: request.priority,
      salt: request.salt,
      // What the cache has is not computed, so that there is nothing to read.
      ...(readsAll ? { usesPrefixCache: false, chunkTokensMax: READ_ROWS_MAX } : {}),
    });
    const active = { request, tasks: new Set<Task>(), unforked: isAnswered ? params.n - 1 : 0 };
    const answer = isAnswered ? this.#firstAnswer(request, sequence) : null;
    this.scheduler.add(sequence);
    this.#active.set(request.id, active);
    this.#begin({
      active,
      sequence,
      answer,
      logprobs: readsLogits ? new PromptLogprobs(sequence, params.promptLogprobs ?? 0) : null,
      embedding: kind === "embed" ? new Embedding(pooling) : null,
      readsAll,
      drafter: answer && this.#drafter(),
      draft: NO_DRAFT,
      firstDraw: -1,
    });
  }

  #firstAnswer(request: EngineRequest, sequence: Sequence): Answer {
    const { params, tokens } = request;
    const { eosTokenIds, grammars } = this.#context;
    const matcher = params.structuredOutput && grammars?.matcher(params.structuredOutput);
    const sampler = createSampler(params, this.#backend.config.vocabularySize, {
      promptTokens: tokens,
      eosTokenIds: params.ignoreEos ? [] : eosTokenIds,
      ...(matcher && { matcher }),
    });
    return new Answer(request, 0, sequence, sampler, this.#context);
  }

  #drafter(): Task["drafter"] {
    return this.#speculation?.sequence() ?? null;
  }

  /** How long the sequence of a request can become. */
  #lengthMax({ kind, tokens, params }: EngineRequest): number {
    const { computedTokensMax } = this.scheduler;
    const contextTokensMax = Math.min(this.#backend.config.contextTokensMax, computedTokensMax);
    const isAnswered = kind === "generate";
    if (tokens.length > contextTokensMax - (isAnswered ? 1 : 0)) {
      const most = `The context has ${contextTokensMax} tokens at most`;
      throw new RangeError(`${most}, the prompt ${tokens.length}`);
    }
    if (!isAnswered) return tokens.length;
    return Math.min(contextTokensMax, tokens.length + (params.maxTokens ?? contextTokensMax));
  }

  #begin(task: Task): void {
    task.active.tasks.add(task);
    this.#tasks.set(task.sequence, task);
  }

  /** Takes what a step gave for a sequence. */
  #read(task: Task, output: StepOutput, firstRow: number): void {
    const { sequence, answer, logprobs, embedding } = task;
    const { isCaughtUp, draftCount, scheduledTokens, length } = sequence;
    const wanted = wantedLogits(task);
    if (wanted !== "none") {
      logprobs?.read(sequence, output, firstRow);
      embedding?.read(sequence, output, firstRow);
    }
    if (!isCaughtUp) return this.scheduler.complete(sequence);
    if (length === sequence.promptLength) this.#promptIsRead(task);
    const lastRow = firstRow + (wanted === "all" ? scheduledTokens : 1) - 1;
    if (answer) {
      return this.#goOn(task, answer, new RowChoice(output, lastRow - draftCount, length));
    }
    this.scheduler.complete(sequence);
    this.#end(task);
  }

  /** Takes what a step chose for a sequence. */
  #readChosen(task: Task, output: DrawOutput, firstDraw: number): void {
    const { sequence, answer, active } = task;
    if (firstDraw < 0) return this.scheduler.complete(sequence);
    if (sequence.length === sequence.promptLength) this.#promptIsRead(task);
    this.#goOn(task, answer!, new DrawnChoice(output, firstDraw, answer!, active.unforked));
  }

  /** The same where the scheduler is ahead of it. */
  #readAhead(task: Task, output: DrawOutput, firstDraw: number, steps: number): void {
    const { sequence } = task;
    const answer = task.answer!;
    if (firstDraw < 0) return;
    if (sequence.knownTokens === sequence.promptLength) this.#promptIsRead(task);
    for (let i = 0; i < steps && !answer.isDone; i++) {
      const sampled = output.token(firstDraw, i);
      answer.sampler.accept(sampled.token);
      answer.push(sampled);
      this.scheduler.tell(sequence, sampled.token);
    }
    this.#deliver(answer);
    if (answer.isDone) this.#end(task);
  }

  #promptIsRead({ active: { request }, answer, sequence, logprobs, embedding }: Task): void {
    if (answer === null || answer.index === 0) this.counters.promptTokens += sequence.promptLength;
    if (logprobs) this.#sink.prompt(request.id, logprobs.tokens);
    if (embedding) this.#sink.embedding(request.id, embedding.values());
  }

  /** Chooses what follows a sequence: one token, and one more for each draft that was right. */
  #goOn(task: Task, answer: Answer, choice: StepChoice): void {
    const { sequence, active } = task;
    const { draftCount } = sequence;
    if (active.unforked > 0) {
      // Forks need to know what is computed; there are no drafts behind a prompt.
      this.scheduler.complete(sequence);
      this.#fork(task, answer, choice);
    }
    for (const sampled of chooseTokens(task, answer, choice)) {
      answer.push(sampled);
      // A text that stops it may end before the last draft.
      if (answer.isDone) break;
    }
    const accepted = answer.fresh.length - 1;
    this.counters.draftTokens += draftCount;
    this.counters.acceptedTokens += accepted;
    this.scheduler.complete(sequence, accepted);
    this.#chosen(task, answer);
  }

  /** Gives the other answers of a request their own way, from the same row of logits. */
  #fork(task: Task, answer: Answer, choice: StepChoice): void {
    const { active, sequence } = task;
    const { request } = active;
    const { tokens, priority, salt } = request;
    const { lengthMax } = sequence;
    this.#copies.length = 0;
    for (; active.unforked > 0; active.unforked--) {
      const index = request.params.n - active.unforked;
      const child = new Sequence({ prompt: tokens, lengthMax, priority, salt });
      const sampler = answer.sampler.fork(index);
      const fork = new Answer(request, index, child, sampler, this.#context);
      const forkTask: Task = {
        ...{ active, sequence: child, answer: fork },
        ...{ logprobs: null, embedding: null, readsAll: false },
        ...{ drafter: this.#drafter(), draft: NO_DRAFT, firstDraw: -1 },
      };
      this.#begin(forkTask);
      if (!this.scheduler.fork(sequence, child, this.#copies)) continue;
      const sampled = choice.forked(sampler);
      sampler.accept(sampled.token);
      fork.push(sampled);
      this.#chosen(forkTask, fork);
    }
    if (this.#copies.length > 0) this.#backend.copyBlocks(this.#copies);
  }

  /** Tells of the tokens that were just chosen, and lets the sequence go on, or end. */
  #chosen(task: Task, answer: Answer): void {
    task.sequence.append(answer.fresh.at(-1)!.token);
    this.#deliver(answer);
    if (answer.isDone) return this.#end(task);
    this.#guess(task, answer);
  }

  #deliver(answer: Answer): void {
    const { fresh, index, request } = answer;
    this.counters.generatedTokens += fresh.length;
    this.#sink.delta(request.id, index, fresh, answer.text);
    fresh.length = 0;
    answer.text = "";
  }

  #guess(task: Task, { sampler }: Answer): void {
    const { drafter, sequence } = task;
    if (drafter === null || sequence.state !== "running") return;
    const { tokens, length, lengthMax } = sequence;
    const count = Math.min(this.#speculation!.tokens, lengthMax - 1 - length);
    if (count < 1) return;
    task.draft = drafter.propose(tokens.subarray(0, length), count, sampler);
    this.scheduler.propose(sequence, task.draft.tokens);
  }

  #end(task: Task): void {
    const { active, sequence, answer } = task;
    // Its blocks are known to the prefix cache, and stay so.
    this.scheduler.finish(sequence);
    task.drafter?.close?.();
    this.#tasks.delete(sequence);
    active.tasks.delete(task);
    if (answer) this.#sink.end(active.request.id, answer.index, answer.end);
    if (active.tasks.size > 0 || active.unforked > 0) return;
    this.#active.delete(active.request.id);
    this.counters.finishedRequests++;
  }

  #fail(active: ActiveRequest, error: unknown): void {
    this.#drop(active);
    this.#sink.failed(active.request.id, error);
  }

  #drop({ request, tasks }: ActiveRequest): void {
    for (const { sequence, drafter } of tasks) {
      this.scheduler.finish(sequence);
      drafter?.close?.();
      this.#tasks.delete(sequence);
    }
    this.#active.delete(request.id);
    this.counters.abortedRequests++;
  }
}
