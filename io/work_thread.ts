// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { closePublished, DESCRIPTOR_TABLE_BYTES } from "../ffi/descriptor_table.ts";
import { isThreadAlive } from "../ffi/thread.ts";
import type { Engine } from "./engine.ts";
import type { PendingCall } from "./work_call.ts";
import type { ValueReader } from "./work_codec.ts";
import { type FlatThrown, restoreThrown, WorkerDied } from "./work_error.ts";
import { type LinkReceiver, WorkLink } from "./work_link.ts";
import { mailboxMemory } from "./work_mailbox.ts";
import {
  ControlWord,
  MessageKind,
  type PortAnswer,
  type PortCall,
  type WorkerSetup,
  WorkerState,
} from "./work_protocol.ts";

/** How a worker is started. */
export interface ThreadOptions {
  /** Shown in stack traces and in debuggers. */
  readonly name: string;
  /** Which engine the worker opens. */
  readonly engine: WorkerSetup["engine"];
  /** CPUs to keep to; empty for all. */
  readonly cpus: readonly number[];
  /** Bytes of each mailbox. */
  readonly mailboxBytes: number;
}

/** What a worker tells its pool. */
export interface ThreadOwner {
  /** A call was answered. */
  answered(thread: WorkThread): void;
  /** The worker ended without being asked to. */
  died(thread: WorkThread): void;
}

/** Longest time that a thread may take to end; Deno lets one that computes go on for 10 s. */
export const EXIT_MS_MAX = 15_000;
const EXIT_POLL_MS_MAX = 16;
/** A worker that is stopped before it said which thread it has gets so long to say it. */
const THREAD_KNOWN_MS = 100;

const ENTRY = new URL("./work_entry.ts", import.meta.url);

/** One worker, from its pool's side: its calls, and its end. */
export class WorkThread implements LinkReceiver {
  /** Messages are always wanted: they only settle promises. */
  readonly wanting = true;

  readonly #worker: Worker;
  readonly #link: WorkLink;
  readonly #owner: ThreadOwner;
  readonly #control: Int32Array<SharedArrayBuffer> = sharedWords(2);
  readonly #descriptors: Int32Array<SharedArrayBuffer> = sharedWords(DESCRIPTOR_TABLE_BYTES / 4);
  readonly #calls: Map<number, PendingCall> = new Map();
  readonly #defined: boolean[] = [];
  readonly #byPort: Set<number> = new Set();
  readonly #hasEngine: boolean;
  #nextId = 0;
  #mains = 0;
  #ending: Promise<void> | null = null;

  /** Starts the worker. What is sent before it runs waits for it. */
  constructor(options: ThreadOptions, owner: ThreadOwner, engine: Engine | null) {
    const { name, cpus, mailboxBytes } = options;
    this.#owner = owner;
    this.#hasEngine = engine !== null;
    const there = mailboxMemory(mailboxBytes);
    const back = mailboxMemory(mailboxBytes);
    this.#worker = new Worker(ENTRY, { type: "module", name });
    this.#link = new WorkLink({ outbound: there, inbound: back }, this, engine);
    this.#worker.onmessage = ({ data }) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#died(event.message);
    };
    this.#worker.onmessageerror = () => this.#died("it sent what cannot be received");
    const setup: WorkerSetup = {
      link: { outbound: back, inbound: there },
      control: this.#control,
      descriptors: this.#descriptors,
      engine: engine ? options.engine : "none",
      native: engine !== null,
      cpus,
    };
    this.#worker.postMessage(setup);
    this.#watchState();
  }

  /** Calls without an answer, mains aside. */
  get load(): number {
    return this.#calls.size - this.#mains;
  }

  /** Whether the call is here, without an answer. */
  has(call: PendingCall): boolean {
    return this.#calls.get(call.id) === call;
  }

  /** Whether nothing is without an answer. */
  get idle(): boolean {
    return this.#calls.size === 0;
  }

  /** Sends a call; what cannot be cloned rejects it at once. */
  send(call: PendingCall): void {
    const id = call.id = this.#nextId = (this.#nextId + 1) | 0;
    this.#calls.set(id, call);
    if (call.place) this.#mains++;
    if (call.transfer === undefined && this.#mail(call)) return;
    try {
      this.#post(call);
    } catch (error) {
      this.#settled(id);
      call.reject(error);
    }
  }

  /** Tells the job that nobody waits for it any more; its answer is still counted. */
  cancel({ id }: PendingCall): void {
    if (!this.#calls.has(id)) return;
    const { writer } = this.#link;
    writer.begin(MessageKind.cancel, id);
    // Behind a call that went by port, or in a full mailbox, it goes the same way.
    if (this.#byPort.has(id) || !this.#link.send()) {
      this.#worker.postMessage({ kind: MessageKind.cancel, id });
      this.#nudge();
    }
  }

  /** Lets the worker end by itself; resolves when its thread is gone. */
  stop(): Promise<void> {
    return this.#ending ??= this.#stop();
  }

  /** Ends the worker at once: its calls reject, and what it left open is closed. */
  kill(reason: string): Promise<void> {
    this.#reject(reason);
    return this.#ending ??= this.#reap();
  }

  /** Takes an answer out of the mailbox. */
  receive(message: ValueReader): void {
    const { kind } = message;
    const id = message.begin();
    this.#answer({ kind, id, value: message.value() });
  }

  /** The pool never waits for room. */
  resume(): void {}

  /** The worker's side is closed: its state says the rest. */
  peerClosed(): void {}

  #mail({ id, target, args, place }: PendingCall): boolean {
    const { writer } = this.#link;
    if (!this.#defined[target.index]) {
      writer.begin(MessageKind.define, target.index);
      if (!(writer.value(target.url) && writer.value(target.name) && this.#link.send())) {
        return false;
      }
      this.#defined[target.index] = true;
    }
    writer.begin(place ? MessageKind.main : MessageKind.call, id);
    if (!(writer.value(target.index) && writer.value(args))) return false;
    if (place && !(writer.value(place[0]) && writer.value(place[1]))) return false;
    return this.#link.send();
  }

  #post({ id, target: { url, name }, args, place, transfer }: PendingCall): void {
    const kind = place ? MessageKind.main : MessageKind.call;
    const message: PortCall = { kind, id, url, name, args, place: place ?? [0, 0] };
    this.#worker.postMessage(message, transfer ?? []);
    this.#byPort.add(id);
    this.#nudge();
  }

  /** A worker that waits in its ring does not see what comes by port. */
  #nudge(): void {
    this.#link.writer.begin(MessageKind.nudge, 0);
    this.#link.send();
  }

  #answer({ kind, id, value }: PortAnswer): void {
    const call = this.#calls.get(id);
    if (!call) return;
    if (kind === MessageKind.ready) return call.ready?.(value);
    this.#settled(id);
    if (kind === MessageKind.result) call.resolve(value);
    else call.reject(restoreThrown(value as FlatThrown));
    this.#owner.answered(this);
  }

  #settled(id: number): void {
    const call = this.#calls.get(id);
    if (call?.place) this.#mains--;
    this.#calls.delete(id);
    this.#byPort.delete(id);
  }

  /** The worker says itself that it leaves, whoever made it. */
  #watchState(): void {
    const state = Atomics.load(this.#control, ControlWord.state);
    if (state === WorkerState.leaving) return this.#died("it left");
    const change = Atomics.waitAsync(this.#control, ControlWord.state, state);
    if (!change.async) return this.#watchState();
    change.value.then(() => this.#ending === null && this.#watchState());
  }

  #died(reason: string): void {
    if (this.#ending) return;
    this.#ending = this.#reap();
    // Whoever stops the pool hears of it; until then nobody waits for it.
    this.#ending.catch(() => {});
    this.#reject(reason);
    this.#owner.died(this);
  }

  #reject(reason: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#mains = 0;
    for (const call of calls) {
      const text = `Cannot finish ${call.target.name}(): its worker died (${reason})`;
      call.reject(new WorkerDied(text));
    }
  }

  async #stop(): Promise<void> {
    this.#link.writer.begin(MessageKind.stop, 0);
    if (!this.#link.send()) this.#worker.postMessage({ kind: MessageKind.stop });
    const running = Atomics.load(this.#control, ControlWord.state);
    await this.#leaving(running);
    await this.#reap();
  }

  /** Resolves when the worker leaves, or has taken too long to. */
  async #leaving(state: number): Promise<void> {
    const deadline = performance.now() + EXIT_MS_MAX;
    while (state !== WorkerState.leaving && performance.now() < deadline) {
      const left = deadline - performance.now();
      await Atomics.waitAsync(this.#control, ControlWord.state, state, left).value;
      state = Atomics.load(this.#control, ControlWord.state);
    }
  }

  /** Ends the thread, waits until it is gone, and closes what it left open. */
  async #reap(): Promise<void> {
    this.#link.close();
    this.#worker.terminate();
    // Ends the wait for a state that nobody will change now.
    Atomics.notify(this.#control, ControlWord.state);
    if (!this.#hasEngine) return;
    await this.#exited();
    closePublished(this.#descriptors);
  }

  async #exited(): Promise<void> {
    const start = performance.now();
    for (let pauseMs = 0.5;; pauseMs = Math.min(pauseMs * 2, EXIT_POLL_MS_MAX)) {
      const thread = Atomics.load(this.#control, ControlWord.thread);
      const waited = performance.now() - start;
      if (thread === 0 ? waited > THREAD_KNOWN_MS : !isThreadAlive(thread)) return;
      if (waited > EXIT_MS_MAX) {
        throw new Deno.errors.TimedOut(
          `Cannot stop a worker: its thread still runs after ${EXIT_MS_MAX} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function sharedWords(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}
