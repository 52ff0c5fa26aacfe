// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { restoreThrown, WorkerDied } from "../../io/work_error.ts";
import { mailboxMemory, MailboxWord } from "../../io/work_mailbox.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { PlainOptions } from "./engine_options.ts";
import {
  type EngineNotice,
  type EngineSetup,
  EngineState,
  EventKind,
  type LoadedEngine,
  readEnd,
  readTokens,
  RequestKind,
  writeRequest,
} from "./engine_protocol.ts";
import type { AnswerEnd, EngineRequest } from "./engine_request.ts";
import { type EngineStats, readStatistics, statisticsMemory } from "./engine_statistics.ts";
// Only so that `deno compile` takes the worker's main module along.
import "./engine_worker.ts";
import { type MessageReader, MessageWriter } from "./message.ts";
import { LineReader, LineWriter } from "./shared_line.ts";

/** What becomes of a request, in the caller's thread. */
export interface RequestListener {
  /** Tokens of an answer, and their text. */
  delta?(answer: number, tokens: SampledToken[], text: string): void;
  /** An answer is complete. */
  end?(answer: number, end: AnswerEnd): void;
  /** The prompt's log probabilities. */
  prompt?(tokens: SampledToken[]): void;
  /** What was asked for instead of an answer. */
  embedding?(values: Float32Array): void;
  /** The request is over without an end; nothing more comes. */
  failed(error: unknown): void;
}

const ENTRY = new URL("./engine_worker.ts", import.meta.url);

/** Bytes of each line between the threads: the events of many steps. */
const LINE_BYTES = 2 ** 20;
/** A worker that does not end by itself within this is ended. */
const CLOSE_MS_MAX = 5_000;

/** A message that has not gone to the worker in full. */
interface Pending {
  readonly words: Int32Array;
  readonly byteLength: number;
  written: number;
}

/** The worker of an engine, seen from the caller's thread. */
export class EngineThread {
  /** Resolves when the model is loaded. */
  readonly ready: Promise<LoadedEngine>;
  readonly #worker: Worker;
  readonly #requests: LineWriter;
  readonly #events: LineReader;
  readonly #statistics: Float64Array;
  readonly #state: Int32Array<SharedArrayBuffer>;
  readonly #message = new MessageWriter();
  readonly #listeners: Map<number, RequestListener> = new Map();
  /** Messages for which the line has no room; the engine bounds how many requests there are. */
  readonly #pending: Pending[] = [];
  readonly #opened = Promise.withResolvers<LoadedEngine>();
  #over: unknown = null;
  #isClosing = false;

  /** Starts the worker, which loads the model. */
  constructor(path: string, options: PlainOptions, eosTokenIds: readonly number[]) {
    const setup: EngineSetup = {
      path,
      options,
      eosTokenIds,
      lines: { requests: mailboxMemory(LINE_BYTES), events: mailboxMemory(LINE_BYTES) },
      state: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      statistics: statisticsMemory(),
    };
    this.ready = this.#opened.promise;
    // Whoever waits for it hears of it; a worker that dies later has another way.
    this.ready.catch(() => {});
    this.#requests = new LineWriter(setup.lines.requests);
    this.#events = new LineReader(setup.lines.events);
    this.#statistics = new Float64Array(setup.statistics);
    this.#state = new Int32Array(setup.state);
    Atomics.store(this.#events.words, MailboxWord.asleep, 1);
    this.#worker = new Worker(ENTRY, { type: "module", name: "infer engine" });
    this.#worker.onmessage = ({ data }) => this.#notice(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#died(event.message);
    };
    this.#worker.onmessageerror = () => this.#died("it sent what cannot be received");
    try {
      this.#worker.postMessage(setup);
    } catch (error) {
      this.#worker.terminate();
      throw error;
    }
    this.#watch();
  }

  /** What it is doing. */
  get statistics(): EngineStats {
    return readStatistics(this.#statistics);
  }

  /** Requests without an end. */
  get activeCount(): number {
    return this.#listeners.size;
  }

  /** Why it takes no more requests; null while it does. */
  get failure(): unknown {
    return this.#over;
  }

  /** Sends a request. */
  start(request: EngineRequest, listener: RequestListener): void {
    if (this.#over !== null) return listener.failed(this.#over);
    // A grammar may be no JSON: then nothing is sent, and nobody listens.
    writeRequest(this.#message, request);
    this.#listeners.set(request.id, listener);
    this.#send();
  }

  /** Gives a request up; its listener hears no more. */
  abort(id: number): void {
    if (this.#listeners.delete(id)) this.#tell(RequestKind.abort, id);
  }

  /** The request has come to its end. */
  done(id: number): void {
    this.#listeners.delete(id);
  }

  /** Makes the prefix cache forget all. */
  resetPrefixCache(): void {
    this.#tell(RequestKind.resetPrefixCache, 0);
  }

  /** Ends the worker; requests on their way fail with `error`. */
  async close(error: unknown): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#fail(error);
    const { words } = this.#requests;
    Atomics.store(words, MailboxWord.closed, 1);
    // A worker that is about to sleep sees one of the two.
    Atomics.store(words, MailboxWord.asleep, 0);
    Atomics.notify(words, MailboxWord.asleep);
    Atomics.store(this.#events.words, MailboxWord.closed, 1);
    await this.#left(CLOSE_MS_MAX);
    this.#worker.terminate();
  }

  #tell(kind: number, id: number): void {
    if (this.#over !== null) return;
    this.#message.begin(kind, id);
    this.#send();
  }

  #send(): void {
    const { words, byteLength } = this.#message;
    this.#pending.push({ words: words.slice(0, byteLength / 4), byteLength, written: 0 });
    this.#flush();
  }

  /** Writes what has room. The worker says when it has made some. */
  #flush(): void {
    for (let pending = this.#pending[0]; pending !== undefined; pending = this.#pending[0]) {
      pending.written = this.#write(pending);
      if (pending.written * 4 < pending.byteLength) break;
      this.#pending.shift();
    }
    if (this.#requests.takeSleeper()) Atomics.notify(this.#requests.words, MailboxWord.asleep);
  }

  #write({ words, byteLength, written }: Pending): number {
    const first = this.#requests.write(words, byteLength, written);
    if (first * 4 === byteLength) return first;
    Atomics.store(this.#requests.words, MailboxWord.starved, 1);
    // There may be room since.
    return this.#requests.write(words, byteLength, first);
  }

  #notice(notice: EngineNotice): void {
    if (notice.kind === "ready") this.#opened.resolve(notice.loaded);
    else if (notice.kind === "failed") this.#end(restoreThrown(notice.error));
    if (this.#over !== null) return;
    this.#flush();
    this.#drain();
  }

  /** Reads all events, and sleeps until the worker says that there are more. */
  #drain(): void {
    const { words } = this.#events;
    do {
      Atomics.store(words, MailboxWord.asleep, 0);
      for (let event = this.#events.read(); event !== null; event = this.#events.read()) {
        this.#take(event);
      }
      if (this.#events.takeStarved()) Atomics.notify(words, MailboxWord.starved);
      Atomics.store(words, MailboxWord.asleep, 1);
    } while (this.#events.ready);
  }

  #take(event: MessageReader): void {
    const { kind, id } = event;
    // Of a request that was given up something may still be on its way.
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    switch (kind) {
      case EventKind.delta: {
        const [answer, text] = [event.int(), event.text()];
        return listener.delta?.(answer, readTokens(event), text);
      }
      case EventKind.end:
        return listener.end?.(event.int(), readEnd(event));
      case EventKind.prompt:
        return listener.prompt?.(readTokens(event));
      case EventKind.embedding:
        return listener.embedding?.(new Float32Array(event.ints().buffer));
      default:
        this.#listeners.delete(id);
        return listener.failed(restoreThrown(JSON.parse(event.text())));
    }
  }

  /** The worker says itself that it leaves, whoever made it. */
  async #watch(): Promise<void> {
    await this.#left(Infinity);
    if (this.#over === null) this.#died("it left");
  }

  /** Resolves when the worker leaves, or has taken too long to. */
  async #left(timeoutMs: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#state, 0, EngineState.running, timeoutMs);
    await wait.value;
  }

  #died(reason: string): void {
    this.#end(new WorkerDied(`The worker of the engine died: ${reason}`));
  }

  #end(error: unknown): void {
    this.#fail(error);
    // Ends the waits for a state that nobody will change now.
    Atomics.store(this.#state, 0, EngineState.left);
    Atomics.notify(this.#state, 0);
    this.#worker.terminate();
  }

  #fail(error: unknown): void {
    if (this.#over !== null) return;
    this.#over = error;
    this.#opened.reject(error);
    this.#pending.length = 0;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.failed(error);
  }
}
