// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { LinkMemory } from "./work_link.ts";

// What a pool and its workers say to each other. A message is its kind, the number of the call it
// is about, and values:
//
//   to the worker     define   function   URL, name
//                     call     call       function, arguments
//                     main     call       function, arguments, worker's index, number of workers
//                     cancel   call
//                     nudge    -          look after Deno's loop: something came by postMessage
//                     stop     -
//   to the pool       result   call       value
//                     failure  call       what was thrown, flattened
//                     ready    call       value
//
// Values that the mailbox does not take go by `postMessage`, the same fields in a PortMessage.

/** What a message is. */
// deno-fmt-ignore
export const MessageKind = {
  define: 1, call: 2, main: 3, cancel: 4, nudge: 5, stop: 6, result: 7, failure: 8, ready: 9,
} as const;

/** A call that goes by `postMessage`. */
export interface PortCall {
  /** `call` or `main`. */
  readonly kind: number;
  /** Its number. */
  readonly id: number;
  /** The module. */
  readonly url: string;
  /** The function's name in it. */
  readonly name: string;
  /** What it is called with. */
  readonly args: readonly unknown[];
  /** For a main: index and number of workers. */
  readonly place: readonly [index: number, workers: number];
}

/** An answer that goes by `postMessage`. */
export interface PortAnswer {
  /** `result`, `failure` or `ready`. */
  readonly kind: number;
  /** The call. */
  readonly id: number;
  /** The value, or for a failure a flattened error. */
  readonly value: unknown;
}

/** The first message to a worker, by `postMessage`. */
export interface WorkerSetup {
  /** The worker's side of the link. */
  readonly link: LinkMemory;
  /** State and thread, see {@linkcode ControlWord}. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Where the worker notes its descriptors. */
  readonly descriptors: Int32Array<SharedArrayBuffer>;
  /** Whether it opens an engine, and which it has then. */
  readonly engine: "exclusive" | "cooperative" | "none";
  /** Whether it may call the C library, to say which thread it is and what it opens. */
  readonly native: boolean;
  /** CPUs to keep to; empty for all. */
  readonly cpus: readonly number[];
}

/** Words of the memory in which a worker says how it is. */
export const ControlWord = {
  /** One of {@linkcode WorkerState}. */
  state: 0,
  /** The kernel's number of its thread; 0 while not known. */
  thread: 1,
} as const;

/** How a worker is. */
export const WorkerState = { starting: 0, running: 1, leaving: 2 } as const;
