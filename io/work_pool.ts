// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { threadCpus } from "../ffi/thread.ts";
import { engineInfo, openEngine } from "./engine_info.ts";
import type { Engine } from "./engine.ts";
import type {
  AnyModule,
  ArgumentsOf,
  FunctionName,
  FunctionRef,
  PendingCall,
  ResultOf,
  WorkCallOptions,
  WorkModule,
} from "./work_call.ts";
// Only so that `deno compile` takes the workers' main module along.
import "./work_entry.ts";
import { type StartMain, WorkService, type WorkServiceOptions } from "./work_service.ts";
import { type ThreadOwner, WorkThread } from "./work_thread.ts";

/** Most workers of a pool: each has a thread, a heap and a ring. */
export const WORKERS_MAX = 256;
/** Calls that wait for a worker, unless asked otherwise; one more is refused. */
export const QUEUE_MAX_DEFAULT = 65_536;
/** Calls that one worker works on at a time, unless asked otherwise. */
export const CALLS_PER_WORKER_DEFAULT = 64;

/** Bytes of calls, and of answers, on their way to and from one worker; more go by port. */
const MAILBOX_BYTES = 256 * 1024;

/** Options of {@linkcode WorkPool}. */
export interface WorkPoolOptions {
  /**
   * Workers at most, up to {@linkcode WORKERS_MAX}. One is started whenever a call finds all
   * others busy.
   *
   * @default {navigator.hardwareConcurrency}
   */
  workers?: number;
  /**
   * Calls that may wait for a worker; one more is refused with `Deno.errors.Busy`
   * ({@linkcode WorkPool.room} waits).
   *
   * @default {65536}
   */
  queueMax?: number;
  /**
   * Calls that one worker works on at a time: 1 for jobs that compute, more for jobs that wait.
   *
   * @default {64}
   */
  callsPerWorker?: number;
  /**
   * Keeps each worker on one CPU: of those given in turn, or with `true` of all that the process
   * may use. Ring engine only.
   *
   * @default {false}
   */
  pinCpus?: boolean | readonly number[];
  /**
   * Which engine a worker opens: the ring in exclusive or cooperative mode, or none. Where the ring
   * cannot be had it is always none.
   *
   * @default {"exclusive"}
   */
  engine?: "exclusive" | "cooperative" | "none";
  /**
   * What the abort of a call does to its worker: tell it by the job's signal, or end it, with all
   * other calls that it works on.
   *
   * @default {"signal"}
   */
  onAbort?: "signal" | "terminate";
}

/** What a pool is doing. */
export interface WorkPoolStatistics {
  /** Workers that are started. */
  workers: number;
  /** Calls on workers. */
  active: number;
  /** Calls that wait for a worker. */
  queued: number;
  /** Workers that died, and were replaced at the next need. */
  died: number;
}

/**
 * Web Workers as virtual CPUs, each with its own heap and its own ring.
 *
 * A call runs an exported function of a module on the worker with the least to do. Arguments and
 * results that are plain data travel through shared memory, all else by structured clone: what is
 * referred to twice in plain data arrives as two. What the job throws is thrown to the caller, with
 * its class where that is built in or Deno's, message, stack and cause.
 *
 * When a worker dies, its calls reject with {@linkcode WorkerDied}, its descriptors are closed, and
 * another is started when it is needed.
 *
 * The program needs the permissions to load the modules, and the workers have those of the program:
 * `--allow-read` for the files of this library and of jobs, where they are files,
 * `--allow-import` for other hosts than the usual ones. The process stays until the pool is closed.
 * For `deno compile`, name the modules of jobs by `--include`.
 *
 * @example Compute elsewhere
 * ```ts
 * import { WorkPool } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new WorkPool({ workers: 2 });
 * const jobs = new URL("../tests/work_jobs.ts", import.meta.url);
 * const calls = [1, 2, 3].map((n) =>
 *   pool.call<typeof import("../tests/work_jobs.ts"), "add">(jobs, "add", [n, n])
 * );
 * assertEquals(await Promise.all(calls), [2, 4, 6]);
 * ```
 */
export class WorkPool implements AsyncDisposable {
  readonly #options: Required<WorkPoolOptions>;
  readonly #engine: Engine | null;
  readonly #cpus: readonly number[];
  readonly #threads: WorkThread[] = [];
  readonly #queue: Set<PendingCall> = new Set();
  readonly #owner: ThreadOwner = {
    answered: (thread) => this.#answered(thread),
    died: (thread) => this.#threadDied(thread),
  };
  readonly #functions: Map<string, Map<string, FunctionRef>> = new Map();
  readonly #services: Set<WorkService> = new Set();
  readonly #reaps: Set<Promise<void>> = new Set();
  readonly #idleWaiters: (() => void)[] = [];
  readonly #roomWaiters: (() => void)[] = [];
  #functionCount = 0;
  #started = 0;
  #died = 0;
  #closing: Promise<void> | null = null;

  /**
   * Makes a pool; its workers start when they are needed.
   *
   * @throws {RangeError} when a number is out of range
   * @throws {Deno.errors.NotSupported} when CPUs are to be pinned without the ring engine
   */
  constructor(options: WorkPoolOptions = {}) {
    this.#options = checked(options);
    this.#engine = engineInfo().engine === "uring" ? openEngine() : null;
    this.#cpus = cpusFor(this.#options.pinCpus, this.#engine);
  }

  /** What the pool is doing. */
  get statistics(): WorkPoolStatistics {
    const active = this.#threads.reduce((sum, thread) => sum + thread.load, 0);
    return {
      workers: this.#threads.length,
      active,
      queued: this.#queue.size,
      died: this.#died,
    };
  }

  /**
   * Calls an exported function of a module on a worker. Give the module its type by
   * {@linkcode workModule}, or name module and function: `call<typeof import("./job.ts"), "add">`.
   *
   * @param url The module, absolute
   * @throws what the job throws
   * @throws the reason of the signal
   * @throws {WorkerDied} when the worker ended first
   * @throws {Deno.errors.Busy} when {@linkcode WorkPoolOptions.queueMax} calls wait
   * @throws {DOMException} `DataCloneError` when an argument or the result cannot be cloned
   * @throws {Deno.errors.BadResource} when the pool is closed
   */
  call<M = AnyModule, K extends FunctionName<M> = FunctionName<M>>(
    url: WorkModule<M> | URL | string,
    name: K,
    args: ArgumentsOf<M, K>,
    options: WorkCallOptions = NO_OPTIONS,
  ): Promise<ResultOf<M, K>> {
    const { signal, transfer } = options;
    if (this.#closing) return Promise.reject(closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const target = this.#function(url, name);
      const call = { id: 0, target, args, transfer, place: null, resolve, reject } as PendingCall;
      if (signal) this.#abortWith(signal, call);
      this.#dispatch(call);
    });
  }

  /**
   * Starts a main on every worker: `main(context, ...args)` with a {@linkcode WorkMainContext}. A
   * main that listens with `reusePort` shares the port with the others, and nothing else.
   *
   * @throws {Deno.errors.BadResource} when the pool is closed
   */
  run(url: URL | string, options: WorkServiceOptions = {}): WorkService {
    const { name = "main", args = [], signal } = options;
    if (this.#closing) throw closed();
    const target = this.#function(url, name);
    const { workers } = this.#options;
    while (this.#threads.length < workers) this.#startThread();
    const starts = this.#threads.map((thread, index): StartMain => (ready) => {
      const { promise: done, resolve, reject } = Promise.withResolvers<unknown>();
      const place = [index, workers] as const;
      const transfer = undefined;
      const call: PendingCall = { id: 0, target, args, transfer, place, resolve, reject, ready };
      thread.send(call);
      return { done, cancel: () => thread.cancel(call) };
    });
    const service = new WorkService(starts, signal);
    this.#services.add(service);
    const ended = () => {
      this.#services.delete(service);
      this.#tellIdle();
    };
    service.finished.then(ended, ended);
    return service;
  }

  /** Resolves when another call would not be refused. */
  async room(): Promise<void> {
    while (this.#queue.size >= this.#options.queueMax && !this.#closing) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /**
   * Takes no more calls, finishes those it has, stops its services, and ends the workers. A service
   * that does not stop keeps it waiting; {@linkcode terminate} does not wait.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /**
   * Ends the workers at once: calls reject with {@linkcode WorkerDied}.
   *
   * @throws {Deno.errors.TimedOut} when a thread does not end within 15 s, as it waits in a foreign
   * function, or is in a loop that Deno cannot stop either (`for (;;);`)
   */
  async terminate(): Promise<void> {
    this.#closing ??= Promise.resolve();
    const waiting = [...this.#queue];
    this.#queue.clear();
    for (const call of waiting) call.reject(closed());
    const ends = this.#threads.map((thread) => thread.kill("the pool was terminated"));
    this.#tellRoom();
    await Promise.all([...ends, ...this.#reaps]);
    this.#threads.length = 0;
    this.#tellIdle();
  }

  /** {@linkcode WorkPool.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #answered(thread: WorkThread): void {
    for (const call of this.#queue) {
      if (thread.load >= this.#options.callsPerWorker) break;
      this.#queue.delete(call);
      thread.send(call);
    }
    if (this.#roomWaiters.length > 0) this.#tellRoom();
    if (this.#idleWaiters.length > 0) this.#tellIdle();
  }

  #threadDied(thread: WorkThread): void {
    this.#died++;
    this.#remove(thread, thread.stop());
  }

  /** A worker is gone: what waits goes to the others, or to a new one. */
  #dispatchQueue(): void {
    const waiting = [...this.#queue];
    this.#queue.clear();
    for (const call of waiting) this.#dispatch(call);
    this.#tellIdle();
  }

  #dispatch(call: PendingCall): void {
    const { workers, callsPerWorker, queueMax } = this.#options;
    let best = this.#leastBusy();
    if ((best === null || best.load > 0) && this.#threads.length < workers) {
      best = this.#startThread();
    }
    if (best !== null && best.load < callsPerWorker) return best.send(call);
    if (this.#queue.size < queueMax) return void this.#queue.add(call);
    call.reject(new Deno.errors.Busy(`Cannot call ${call.target.name}: ${queueMax} calls wait`));
  }

  #leastBusy(): WorkThread | null {
    let best: WorkThread | null = null;
    for (const thread of this.#threads) if (best === null || thread.load < best.load) best = thread;
    return best;
  }

  #startThread(): WorkThread {
    const { engine } = this.#options;
    const index = this.#started++;
    const cpus = this.#cpus.length > 0 ? [this.#cpus[index % this.#cpus.length]] : [];
    const name = `photon worker ${index}`;
    const options = { name, engine, cpus, mailboxBytes: MAILBOX_BYTES };
    const thread = new WorkThread(options, this.#owner, this.#engine);
    this.#threads.push(thread);
    return thread;
  }

  /** The worker is out of the pool; its end is waited for when the pool closes. */
  #remove(thread: WorkThread, end: Promise<void>): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1);
    this.#reaps.add(end);
    // One that failed is kept, and told when the pool closes.
    end.then(() => this.#reaps.delete(end), () => {});
    this.#dispatchQueue();
  }

  #function(url: URL | string, name: string): FunctionRef {
    const href = typeof url === "string" ? url : url.href;
    const known = this.#functions.get(href)?.get(name);
    if (known) return known;
    const target = { index: this.#functionCount++, url: new URL(href).href, name };
    const functions = this.#functions.get(href) ?? new Map();
    this.#functions.set(href, functions.set(name, target));
    return target;
  }

  #abortWith(signal: AbortSignal, call: PendingCall): void {
    const { resolve, reject } = call;
    const abort = () => {
      reject(signal.reason);
      if (this.#queue.delete(call)) return this.#tellRoom();
      const thread = this.#threads.find((each) => each.has(call));
      if (!thread) return;
      if (this.#options.onAbort === "signal") return thread.cancel(call);
      this.#remove(thread, thread.kill("a call of it was aborted"));
    };
    const settled = () => signal.removeEventListener("abort", abort);
    call.resolve = (value) => (settled(), resolve(value));
    call.reject = (reason) => (settled(), reject(reason));
    signal.addEventListener("abort", abort, { once: true });
  }

  async #close(): Promise<void> {
    const stops = [...this.#services].map((service) => service.stop().catch(() => {}));
    await Promise.all(stops);
    while (this.#queue.size > 0 || this.#threads.some((thread) => !thread.idle)) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    const threads = this.#threads.splice(0);
    this.#tellRoom();
    await Promise.all([...threads.map((thread) => thread.stop()), ...this.#reaps]);
  }

  #tellIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #tellRoom(): void {
    if (this.#queue.size >= this.#options.queueMax && !this.#closing) return;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}

const NO_OPTIONS: WorkCallOptions = {};

function closed(): Error {
  return new Deno.errors.BadResource("Pool has been closed");
}

function checked(options: WorkPoolOptions): Required<WorkPoolOptions> {
  const all: Required<WorkPoolOptions> = {
    workers: Math.min(navigator.hardwareConcurrency, WORKERS_MAX),
    queueMax: QUEUE_MAX_DEFAULT,
    callsPerWorker: CALLS_PER_WORKER_DEFAULT,
    pinCpus: false,
    engine: "exclusive",
    onAbort: "signal",
    ...options,
  };
  inRange("workers", all.workers, 1, WORKERS_MAX);
  inRange("queueMax", all.queueMax, 0, Number.MAX_SAFE_INTEGER);
  inRange("callsPerWorker", all.callsPerWorker, 1, Number.MAX_SAFE_INTEGER);
  return all;
}

function inRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot make a pool: ${name} must be an integer between ${min} and ${max}, received ${value}`,
  );
}

function cpusFor(pinCpus: boolean | readonly number[], engine: Engine | null): readonly number[] {
  if (pinCpus === false) return [];
  if (engine === null) {
    throw new Deno.errors.NotSupported("Cannot pin workers to CPUs: the ring engine does not run");
  }
  return pinCpus === true ? threadCpus() : pinCpus;
}
