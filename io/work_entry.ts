// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { publishDescriptors } from "../ffi/descriptor_table.ts";
import { setThreadCpus, threadId } from "../ffi/thread.ts";
import { engineInfo, openEngine } from "./engine_info.ts";
import type { Engine } from "./engine.ts";
import type { AnyModule } from "./work_call.ts";
import type { ValueReader } from "./work_codec.ts";
import { type Job, runJob, type WorkMainContext } from "./work_context.ts";
import { flattenThrown } from "./work_error.ts";
import { type LinkReceiver, WorkLink } from "./work_link.ts";
import {
  ControlWord,
  MessageKind,
  type PortCall,
  type WorkerSetup,
  WorkerState,
} from "./work_protocol.ts";

// The main module of every worker of a pool. Elsewhere it does nothing.

/** The parts of a worker's global scope that are used here. */
interface WorkerScope {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** A function of a module, once that is loaded. */
type Loaded = (...args: unknown[]) => unknown;

/** The worker's side of a pool: loads modules, runs jobs, answers. */
class PoolWorker implements LinkReceiver {
  readonly wanting = true;

  readonly #scope: WorkerScope;
  readonly #setup: WorkerSetup;
  readonly #engine: Engine | null;
  readonly #link: WorkLink;
  readonly #functions: (Loaded | Promise<Loaded>)[] = [];
  readonly #jobs: Map<number, Job> = new Map();

  constructor(scope: WorkerScope, setup: WorkerSetup) {
    this.#scope = scope;
    this.#setup = setup;
    if (setup.native) {
      Atomics.store(setup.control, ControlWord.thread, threadId());
      publishDescriptors(setup.descriptors);
      if (setup.cpus.length > 0) setThreadCpus(setup.cpus);
    }
    const opens = setup.engine !== "none" && engineInfo().engine === "uring";
    this.#engine = opens ? openEngine() : null;
    if (setup.engine === "exclusive") this.#engine?.runExclusive();
    this.#link = new WorkLink(setup.link, this, this.#engine);
    this.#say(WorkerState.running);
  }

  receive(message: ValueReader): void {
    const { kind } = message;
    const id = message.begin();
    switch (kind) {
      case MessageKind.define:
        this.#functions[id] = load(message.value() as string, message.value() as string);
        return this.#settle(id);
      case MessageKind.call:
        return this.#call(id, message.value() as number, message.value() as unknown[]);
      case MessageKind.main: {
        const [index, args] = [message.value() as number, message.value() as unknown[]];
        const place = [message.value() as number, message.value() as number] as const;
        return this.#main(id, this.#functions[index], args, place);
      }
      case MessageKind.cancel:
        return this.#jobs.get(id)?.abort();
      case MessageKind.nudge:
        // Soon back in Deno's loop, where the port is read.
        return this.#engine?.runCooperative();
      default:
        return this.#stop();
    }
  }

  /** What came by `postMessage`. */
  receivePort(message: PortCall): void {
    if (this.#setup.engine === "exclusive") this.#engine?.runExclusive();
    const { kind, id, url, name, args, place } = message;
    if (kind === MessageKind.cancel) this.#jobs.get(id)?.abort();
    else if (kind === MessageKind.main) this.#main(id, load(url, name), args, place);
    else if (kind === MessageKind.call) this.#start(id, load(url, name), args);
    else this.#stop();
  }

  resume(): void {}

  peerClosed(): void {}

  /** Says to the pool that this worker ends, whoever made it. */
  leave(): void {
    this.#say(WorkerState.leaving);
  }

  #say(state: number): void {
    Atomics.store(this.#setup.control, ControlWord.state, state);
    Atomics.notify(this.#setup.control, ControlWord.state);
  }

  /** Calls of a function that is loaded need not wait for a promise. */
  #settle(index: number): void {
    const loading = this.#functions[index];
    if (typeof loading === "function") return;
    loading.then((loaded) => this.#functions[index] = loaded, () => {});
  }

  #call(id: number, index: number, args: readonly unknown[]): void {
    this.#start(id, this.#functions[index], args);
  }

  #main(
    id: number,
    main: Loaded | Promise<Loaded>,
    args: readonly unknown[],
    [index, workers]: readonly [number, number],
  ): void {
    const job = new JobOf(id);
    const ready = (value: unknown) => this.#answer(MessageKind.ready, id, value);
    const context: WorkMainContext = { index, workers, signal: job.signal, ready };
    this.#run(job, main, [context, ...args]);
  }

  #start(id: number, callee: Loaded | Promise<Loaded>, args: readonly unknown[]): void {
    this.#run(new JobOf(id), callee, args);
  }

  #run(job: JobOf, callee: Loaded | Promise<Loaded>, args: readonly unknown[]): void {
    try {
      const result = typeof callee === "function"
        ? runJob(job, callee, args)
        : callee.then((loaded) => runJob(job, loaded, args));
      if (!isThenable(result)) return this.#answer(MessageKind.result, job.id, result);
      this.#jobs.set(job.id, job);
      result.then(
        (value) => this.#finish(job, MessageKind.result, value),
        (thrown) => this.#finish(job, MessageKind.failure, thrown),
      );
    } catch (thrown) {
      this.#fail(job.id, thrown);
    }
  }

  #finish({ id }: JobOf, kind: number, value: unknown): void {
    this.#jobs.delete(id);
    if (kind === MessageKind.result) this.#answer(kind, id, value);
    else this.#fail(id, value);
  }

  #answer(kind: number, id: number, value: unknown): void {
    const { writer } = this.#link;
    writer.begin(kind, id);
    try {
      if (writer.value(value) && this.#link.send()) return;
      this.#scope.postMessage({ kind, id, value });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: number, thrown: unknown): void {
    const kind = MessageKind.failure;
    const flat = flattenThrown(thrown, false);
    this.#link.writer.begin(kind, id);
    if (this.#link.writer.value(flat) && this.#link.send()) return;
    try {
      this.#scope.postMessage({ kind, id, value: flat });
    } catch {
      this.#scope.postMessage({ kind, id, value: flattenThrown(thrown, true) });
    }
  }

  #stop(): void {
    this.#scope.onmessage = null;
    this.#link.close();
    this.#engine?.[Symbol.dispose]();
    this.#scope.close();
  }
}

/** A call that runs here; its signal is made when someone asks for it. */
class JobOf implements Job {
  readonly id: number;
  #controller: AbortController | null = null;
  #aborted = false;

  constructor(id: number) {
    this.id = id;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}

/** Modules are loaded once; what fails to load may be tried again. */
async function load(url: string, name: string): Promise<Loaded> {
  const module: AnyModule = await import(url);
  const found = Object.hasOwn(module, name) ? module[name] : undefined;
  if (typeof found === "function") return found;
  throw new TypeError(`Cannot call ${name}: ${url} exports no function of that name`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

/** Takes the setup, and from then on calls. */
function serve(scope: WorkerScope): void {
  scope.onmessage = ({ data }) => {
    const worker = new PoolWorker(scope, data as WorkerSetup);
    scope.onmessage = ({ data }) => worker.receivePort(data as PortCall);
    const close = scope.close.bind(scope);
    scope.close = () => {
      worker.leave();
      close();
    };
    globalThis.addEventListener("unload", () => worker.leave());
  };
}

if (import.meta.main && "DedicatedWorkerGlobalScope" in globalThis) {
  serve(globalThis as unknown as WorkerScope);
}
