// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { Op } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { libc } from "../ffi/libc.ts";
import { writeByte } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { RawPipe, socketPairOn } from "./engine_streams.ts";

/** Numbers from 0 to below 1 that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const RACERS = 64;

/**
 * Cancels reads of pipes just as their byte comes, in every order, and checks that each is
 * answered once: with the byte, or with the byte left in the pipe.
 */
export async function raceCancels(engine: Engine, races: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const racers = Array.from({ length: RACERS }, () => new Racer(engine));
  const outcomes = { read: 0, cancelled: 0 };
  for (let raced = 0; raced < races; raced += RACERS) {
    const answers = racers.map((racer) => racer.start());
    if (random() < 0.5) engine.submitNow();
    for (const racer of racers) racer.race(random());
    for (const [index, result] of (await Promise.all(answers)).entries()) {
      outcomes[racers[index].finish(result) ? "read" : "cancelled"]++;
    }
  }
  for (const racer of racers) racer[Symbol.dispose]();
  // Otherwise nothing was raced.
  assert(outcomes.read > 0 && outcomes.cancelled > 0, JSON.stringify(outcomes));
}

/** One read at a time of one pipe. */
class Racer implements Disposable {
  readonly #engine: Engine;
  readonly #pipe = new RawPipe();
  readonly #offset: number;
  readonly #byte = new Uint8Array(1);
  #slot = -1;
  #answers = 0;
  #resolve: (result: number) => void = () => {};

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#offset = engine.pool.take(1);
  }

  start(): Promise<number> {
    const { addressLow, addressHigh } = this.#engine.pool;
    const address = addressLow + this.#offset;
    const fd = this.#pipe.reader;
    this.#answers = 0;
    this.#slot = this.#engine.submit(this, true, Op.READ, fd, -1, -1, address, addressHigh, 1, 0);
    return new Promise((resolve) => this.#resolve = resolve);
  }

  /** Writes and cancels: before or after each other, in one or two calls of the kernel. */
  race(choice: number): void {
    if (choice < 0.5) writeByte(this.#pipe.writer, 1);
    if (choice < 0.125) this.#engine.submitNow();
    assert(this.#engine.cancel(this.#slot, this));
    if (choice >= 0.875) this.#engine.submitNow();
    if (choice >= 0.5) writeByte(this.#pipe.writer, 1);
  }

  complete(result: number): void {
    this.#answers++;
    this.#resolve(result);
  }

  /** Whether the read got the byte; if not, it is taken from the pipe. */
  finish(result: number): boolean {
    assertEquals(this.#answers, 1);
    if (result === 1) return true;
    assertEquals(result, -Errno.ECANCELED);
    assertEquals(libc().read(this.#pipe.reader, this.#byte, 1n), 1);
    return false;
  }

  [Symbol.dispose](): void {
    this.#pipe[Symbol.dispose]();
    this.#engine.pool.release(this.#offset);
  }
}

/**
 * Aborts reads of a stream just as its bytes come, and checks that what an aborted read had won
 * goes to the next: all bytes arrive, in order.
 */
export async function raceAborts(engine: Engine, races: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  using pair = socketPairOn(engine);
  const reason = new Error("Given up");
  const block = new Uint8Array(16);
  let sent = 0;
  let received = 0;
  let aborted = 0;
  for (let race = 0; race < races; race++) {
    const { signal, abort } = abortable(reason);
    const reading = pair.near.read(block, signal).catch((error) => {
      assertEquals(error, reason);
      return null;
    });
    const choice = random();
    if (choice < 0.3) abort();
    if (choice < 0.6 && sent - received < block.length) await write(sent++);
    if (choice < 0.5) engine.submitNow();
    if (choice < 0.9 && choice > 0.1) abort();
    if (sent === received) await write(sent++);
    const count = await reading;
    if (count === null) aborted++;
    for (let at = 0; at < (count ?? 0); at++) assertEquals(block[at], received++ & 0xff);
  }
  while (received < sent) {
    const count = await pair.near.read(block);
    for (let at = 0; at < count!; at++) assertEquals(block[at], received++ & 0xff);
  }
  assert(aborted > races / 10 && received > races / 10, `${aborted} aborted, ${received} received`);

  async function write(index: number): Promise<void> {
    assertEquals(await pair.far.write(new Uint8Array([index])), 1);
  }
}

function abortable(reason: Error): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(reason) };
}
