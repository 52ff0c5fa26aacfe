// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { flattenThrown } from "../../io/work_error.ts";
import { MailboxWord } from "../../io/work_mailbox.ts";
import type { Backend } from "../backend/backend.ts";
import { openTokenizer } from "../chat/open_tokenizer.ts";
import { GrammarCompiler } from "../grammar/structured_output.ts";
import { openModel } from "../model/open_model.ts";
import type { TokenBytes } from "../tokenizer/detokenizer.ts";
import { EngineCore } from "./engine_core.ts";
import { type BackendPlan, planEngine } from "./engine_plan.ts";
import {
  type EngineNotice,
  type EngineSetup,
  EngineState,
  readRequest,
  RequestKind,
} from "./engine_protocol.ts";
import { publishStatistics } from "./engine_statistics.ts";
import { LineSink } from "./line_sink.ts";
import { openBackend } from "./open_backend.ts";
import { LineReader, LineWriter } from "./shared_line.ts";
import { openSpeculation, type Speculation } from "./speculation.ts";

// The main module of an engine's worker. Elsewhere it does nothing.

/** The parts of a worker's global scope that are used here. */
interface WorkerScope {
  onmessage: ((event: { data: EngineSetup }) => void) | null;
  postMessage(notice: EngineNotice): void;
  close(): void;
}

const WAKE: EngineNotice = { kind: "wake" };

/** The loop: requests, a step, and sleep when there is nothing to do. */
class EngineLoop {
  readonly #core: EngineCore;
  readonly #requests: LineReader;
  readonly #events: LineWriter;
  readonly #statistics: Float64Array;
  /** Wakes the caller, wanted or not; and only where it sleeps. */
  readonly #post: () => void;
  readonly #wake: () => void;

  constructor(
    backend: Backend,
    plan: BackendPlan,
    setup: EngineSetup,
    tokens: TokenBytes,
    speculation: Speculation | undefined,
    post: () => void,
  ) {
    const { lines, eosTokenIds, statistics } = setup;
    this.#requests = new LineReader(lines.requests);
    this.#events = new LineWriter(lines.events);
    this.#statistics = new Float64Array(statistics);
    this.#post = post;
    this.#wake = () => {
      if (this.#events.takeSleeper()) post();
    };
    this.#core = new EngineCore(backend, {
      bounds: plan.bounds,
      context: {
        tokens,
        eosTokenIds,
        grammars: new GrammarCompiler(tokens, backend.config.vocabularySize),
      },
      sink: new LineSink(this.#events, this.#wake),
      speculation,
    });
    // Who hears that the model is loaded may ask at once.
    publishStatistics(this.#statistics, this.#core);
  }

  /** Runs until the caller closes the line. */
  run(): void {
    const { words } = this.#requests;
    while (Atomics.load(words, MailboxWord.closed) === 0) {
      this.#takeRequests();
      if (this.#core.hasWork) this.#core.step();
      else this.#sleep();
      publishStatistics(this.#statistics, this.#core);
      this.#wake();
    }
  }

  #takeRequests(): void {
    for (let message = this.#requests.read(); message !== null; message = this.#requests.read()) {
      if (message.kind === RequestKind.start) this.#core.add(readRequest(message));
      else if (message.kind === RequestKind.abort) this.#core.abort(message.id);
      else this.#core.scheduler.resetPrefixCache();
    }
    // The caller has more to write, and no other way to hear that there is room.
    if (this.#requests.takeStarved()) this.#post();
  }

  /** Blocks the thread until a request comes. */
  #sleep(): void {
    publishStatistics(this.#statistics, this.#core);
    this.#wake();
    const { words } = this.#requests;
    Atomics.store(words, MailboxWord.asleep, 1);
    if (!this.#requests.ready && Atomics.load(words, MailboxWord.closed) === 0) {
      Atomics.wait(words, MailboxWord.asleep, 1);
    }
    Atomics.store(words, MailboxWord.asleep, 0);
  }
}

/** Loads, and runs until the caller has enough. A worker that has failed is ended by its caller. */
async function run(scope: WorkerScope, setup: EngineSetup): Promise<void> {
  try {
    await using stack = new AsyncDisposableStack();
    const loop = await openLoop(scope, setup, stack);
    loop.run();
  } catch (error) {
    return scope.postMessage({ kind: "failed", error: flattenThrown(error, true) });
  }
  scope.close();
}

/** Loads the model; what is to be closed at the end goes on the stack. */
async function openLoop(
  scope: WorkerScope,
  setup: EngineSetup,
  stack: AsyncDisposableStack,
): Promise<EngineLoop> {
  const { path, options } = setup;
  using source = await openModel(path);
  const { tokenizer } = await openTokenizer(source);
  const { config } = source;
  const { backend, plan, description } = await openBackend(
    source,
    options,
    (blockBytes) => planEngine(config, options, blockBytes),
  );
  stack.use(backend);
  const speculation = plan.speculative &&
    stack.use(await openSpeculation(plan.speculative, plan, config.vocabularySize));
  const post = () => scope.postMessage(WAKE);
  const loop = new EngineLoop(backend, plan, setup, tokenizer, speculation, post);
  const { memory } = backend;
  scope.postMessage({ kind: "ready", loaded: { description, plan, ...(memory && { memory }) } });
  return loop;
}

/** Takes the setup; tells the caller's thread whenever this one ends, by whose will ever. */
function serve(scope: WorkerScope): void {
  scope.onmessage = ({ data }) => {
    scope.onmessage = null;
    const state = new Int32Array(data.state);
    const leave = () => {
      Atomics.store(state, 0, EngineState.left);
      Atomics.notify(state, 0);
    };
    const close = scope.close.bind(scope);
    scope.close = () => {
      leave();
      close();
    };
    globalThis.addEventListener("unload", leave);
    run(scope, data);
  };
}

if (import.meta.main && "DedicatedWorkerGlobalScope" in globalThis) {
  serve(globalThis as unknown as WorkerScope);
}
