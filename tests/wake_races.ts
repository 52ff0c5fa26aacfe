// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { Op } from "../ffi/abi.ts";
import { libc } from "../ffi/libc.ts";
import type { Engine } from "../io/engine.ts";
import { seededRandom } from "./cancel_races.ts";
import { RawPipe } from "./engine_streams.ts";
import { LAST_ROUND, RACE_BYTES, RaceWord } from "./wake_race_memory.ts";

/** In a round that takes longer something was late. */
const SEEN_MS_MAX = 100;
/** What is not seen by then was missed: nothing else would wake the engine. */
const MISSED_MS = 2000;
/** Share of rounds that may be late: other processes may have the processors. */
const LATE_SHARE_MAX = 1 / 500;
/** Microseconds in which an engine goes to sleep, and some more. */
const RACE_US = 400;
const POLLIN = 1;

/**
 * Has another thread complete an operation and post a message while the engine goes to sleep, at
 * every moment of it, and starts another operation as well.
 *
 * @throws {Error} when any of the three is missed, or not seen within 100 ms for once in 500 rounds
 */
export async function raceWakes(
  engine: Engine,
  racer: Racer,
  rounds: number,
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  using pipe = new RawPipe();
  const byte = new Uint8Array(1);
  let late = 0;
  for (let round = 1; round <= rounds; round++) {
    const completion = submit(engine, Op.POLL_ADD, pipe.reader, POLLIN);
    if (random() < 0.5) await oneOf(random());
    const message = racer.start(pipe.writer, random() * RACE_US, random() * RACE_US);
    const started = performance.now();
    // A turn for it would also see a completion that was slept over: every other round has none.
    const operation = round % 2 === 0
      ? oneOf(random(), random() * RACE_US).then(() => submit(engine, Op.NOP, -1, 0))
      : null;
    await within([completion, message, operation], round);
    if (performance.now() - started > SEEN_MS_MAX) late++;
    libc().read(pipe.reader, byte, 1n);
  }
  assert(late <= Math.max(1, rounds * LATE_SHARE_MAX), `${late} of ${rounds} rounds were late`);
  // Otherwise nothing was raced.
  const { sleeps } = engine.statistics;
  assert(sleeps > rounds / 10, `${sleeps} sleeps in ${rounds} rounds`);
}

const WHAT = ["the completion", "the message", "the operation"];

/** Waits for everything, and names what does not come. */
async function within(happenings: (Promise<unknown> | null)[], round: number): Promise<void> {
  const missing = new Set(WHAT);
  const all = happenings.map((happening, index) =>
    Promise.resolve(happening).then(() => missing.delete(WHAT[index]))
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  const missed = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`round ${round}: ${[...missing]} missed`)),
      MISSED_MS,
    );
  });
  await Promise.race([Promise.all(all), missed]).finally(() => clearTimeout(timer));
}

function submit(engine: Engine, head: number, fd: number, flags: number): Promise<number> {
  return new Promise((complete) => {
    engine.submit({ complete }, true, head, fd, 0, 0, 0, 0, 0, flags);
  });
}

/** Some way or other of being called later, or of taking time at once. */
async function oneOf(choice: number, spinUs = 0): Promise<void> {
  if (choice < 0.25) await Promise.resolve();
  else if (choice < 0.5) await new Promise((resolve) => setTimeout(resolve, 0));
  else if (choice < 0.75) await new Promise((resolve) => queueMicrotask(() => resolve(null)));
  const until = performance.now() + spinUs / 1000;
  while (choice >= 0.75 && performance.now() < until);
}

/** The other thread. */
export interface Racer extends Disposable {
  /** Has it write a byte to a descriptor and post a message; resolves when that has come. */
  start(fd: number, byteAfterUs: number, messageAfterUs: number): Promise<void>;
}

/**
 * Starts the other thread. Deno keeps two descriptors of every worker open after its end, so one
 * is started before the first test and serves them all.
 */
export async function startRacer(): Promise<Racer> {
  const memory = new Int32Array(new SharedArrayBuffer(RACE_BYTES));
  const worker = new Worker(import.meta.resolve("./wake_race_worker.ts"), { type: "module" });
  let resolve: () => void = () => {};
  worker.onmessage = () => resolve();
  const ready = new Promise<void>((resolved) => resolve = resolved);
  worker.postMessage(memory.buffer);
  await ready;
  return {
    start(fd, byteAfterUs, messageAfterUs) {
      const message = new Promise<void>((resolved) => resolve = resolved);
      memory[RaceWord.FD] = fd;
      memory[RaceWord.BYTE_AFTER_US] = byteAfterUs;
      memory[RaceWord.MESSAGE_AFTER_US] = messageAfterUs;
      begin(memory[RaceWord.ROUND] + 1);
      return message;
    },
    [Symbol.dispose]() {
      begin(LAST_ROUND);
      worker.terminate();
    },
  };

  function begin(round: number) {
    Atomics.store(memory, RaceWord.ROUND, round);
    Atomics.notify(memory, RaceWord.ROUND);
  }
}
