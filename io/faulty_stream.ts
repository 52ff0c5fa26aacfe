// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";
import { Errno, osError } from "../ffi/errno.ts";
import { type Duplex, readableFrom, writableFrom } from "./byte_stream.ts";

/**
 * How a direction fails: `"reset"` as when the peer sends a reset (`ConnectionReset`), `"abort"` as
 * when this machine gives the connection up (`ConnectionAborted`), `"end"` as when the peer leaves
 * in good order: reads give null, writes reject with `BrokenPipe`.
 */
export type FaultKind = "reset" | "abort" | "end";

/** A failure at one place of the stream. */
export interface Fault {
  /** Bytes that get through before it. */
  at: number;
  /** What happens then. */
  kind: FaultKind;
}

/** Which faults a {@linkcode FaultyStream} has; the same plan gives the same faults each time. */
export interface FaultPlan {
  /** Seed of all that is left to chance, an integer. Default 1. */
  seed?: number;
  /** Share of reads that give fewer bytes than they could, 0 to 1. Default 0.5. */
  shortReadRate?: number;
  /** Share of writes that take fewer bytes than they could, 0 to 1. Default 0.5. */
  shortWriteRate?: number;
  /** Share of calls that wait some turns of the event loop first, 0 to 1. Default 0.25. */
  delayRate?: number;
  /** Most turns that one call waits. Default 3. */
  delayTurnsMax?: number;
  /** Where reading fails. Default nowhere. */
  readFault?: Fault;
  /** Where writing fails. Default nowhere. */
  writeFault?: Fault;
}

/**
 * A connection that behaves as badly as a network may, and the same way each time: reads and
 * writes are cut short and delayed by a seeded plan, and fail at a given byte.
 *
 * Chance is drawn apart for reads and writes, once a call, so that what a direction does depends
 * on the seed and on its own calls only. A delay is a number of turns of the event loop, never a
 * time. After `"reset"` and `"abort"` the connection underneath is closed, reads give null and
 * writes reject with `BrokenPipe`, as after a failure of a real one; it must still be closed.
 *
 * @example A protocol must survive a connection that breaks
 * ```ts
 * import { FaultyStream, memoryDuplex, readFull } from "@photon/std/io";
 * import { assertRejects } from "@std/assert";
 *
 * const [left, right] = memoryDuplex();
 * using faulty = new FaultyStream(right, { seed: 7, readFault: { at: 5, kind: "reset" } });
 * await left.write(new Uint8Array(8));
 * await assertRejects(() => readFull(faulty, new Uint8Array(8)), Deno.errors.ConnectionReset);
 * left.close();
 * ```
 */
export class FaultyStream implements Duplex, Disposable {
  readonly #duplex: Duplex;
  readonly #reading: Direction;
  readonly #writing: Direction;
  /** The error number of the fault that broke both directions. */
  #broken: number | undefined;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /**
   * Takes over a connection.
   *
   * @throws {RangeError} When a rate is not between 0 and 1, or a count is not a whole number
   */
  constructor(duplex: Duplex, plan: FaultPlan = {}) {
    const { seed = 1, shortReadRate = 0.5, shortWriteRate = 0.5, readFault, writeFault } = plan;
    this.#duplex = duplex;
    this.#reading = new Direction(seed, plan, shortReadRate, readFault);
    this.#writing = new Direction(~seed, plan, shortWriteRate, writeFault);
  }

  /** Bytes that were read so far. */
  get bytesRead(): number {
    return this.#reading.moved;
  }

  /** Bytes that were written so far. */
  get bytesWritten(): number {
    return this.#writing.moved;
  }

  /** Reads at most `p.length` bytes, fewer where the plan says so; null at the end. */
  read(p: Uint8Array): Promise<number | null> {
    if (this.#closed) return rejectClosed();
    return this.#reading.run(p.length, async (limit, fault) => {
      this.#checkOpen();
      if (this.#broken !== undefined) return null;
      if (!fault) return await this.#move(this.#duplex.read(p.subarray(0, limit)));
      if (fault.kind === "end") return null;
      throw this.#break(fault.kind);
    });
  }

  /** Writes at most `p.length` bytes, fewer where the plan says so, and says how many. */
  write(p: Uint8Array): Promise<number> {
    if (this.#closed) return rejectClosed();
    return this.#writing.run(p.length, async (limit, fault) => {
      this.#checkOpen();
      if (this.#broken !== undefined) throw osError(Errno.EPIPE);
      if (!fault) return await this.#move(this.#duplex.write(p.subarray(0, limit)));
      if (fault.kind === "end") throw osError(Errno.EPIPE);
      throw this.#break(fault.kind);
    });
  }

  /** Ends the writing direction after what was written before. */
  async closeWrite(): Promise<void> {
    if (this.#closed) return rejectClosed();
    await this.#writing.run(0, async () => {
      this.#checkOpen();
      if (this.#broken === undefined) await this.#move(this.#duplex.closeWrite());
      return 0;
    });
  }

  /**
   * Closes the connection; calls that wait, for the plan or for the connection, reject.
   *
   * @throws {Deno.errors.BadResource} When it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    this.#closed = true;
    if (this.#broken === undefined) this.#duplex.close();
  }

  /** The incoming bytes; the connection closes at their end, on an error and on `cancel`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  /** The outgoing bytes; the connection closes with it. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  /** Closes the connection unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  /** A call that was delayed while the connection was closed. */
  #checkOpen(): void {
    if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
  }

  #break(kind: "reset" | "abort"): Error {
    this.#broken = kind === "reset" ? Errno.ECONNRESET : Errno.ECONNABORTED;
    this.#duplex.close();
    return osError(this.#broken);
  }

  async #move<T>(moving: Promise<T>): Promise<T> {
    try {
      return await moving;
    } catch (error) {
      // A fault in the other direction closed the connection under this call.
      throw this.#broken === undefined || this.#closed ? error : osError(this.#broken);
    }
  }
}

/** Calls of one direction that may wait; one more is refused with `Deno.errors.Busy`. */
const CALLS_MAX = 65_536;
const CLOSED = "Bad resource ID";

/** One direction: its calls one after the other, its chances, and how far it has come. */
class Direction {
  moved = 0;
  readonly #random: () => number;
  readonly #shortRate: number;
  readonly #delayRate: number;
  readonly #delayTurnsMax: number;
  readonly #fault: Fault | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(seed: number, plan: FaultPlan, shortRate: number, fault: Fault | undefined) {
    const { delayRate = 0.25, delayTurnsMax = 3 } = plan;
    this.#random = seededRandom(seed);
    this.#shortRate = checkRate(shortRate);
    this.#delayRate = checkRate(delayRate);
    this.#delayTurnsMax = checkCount("delayTurnsMax", delayTurnsMax);
    this.#fault = fault && { kind: fault.kind, at: checkCount("the place of a fault", fault.at) };
  }

  /**
   * Runs a call after the earlier ones and after its delay, and counts what it moved. The call is
   * told how many bytes it may move, or which fault it meets instead.
   */
  run<T extends number | null>(
    length: number,
    move: (limit: number, fault: Fault | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#waiting >= CALLS_MAX) {
      return Promise.reject(new Deno.errors.Busy(`Cannot start: ${CALLS_MAX} calls wait already`));
    }
    this.#waiting++;
    const chance = this.#draw();
    const result = this.#last.then(async () => {
      this.#waiting--;
      for (let turn = 0; turn < chance.turns; turn++) await nextTurn();
      const left = this.#fault ? this.#fault.at - this.moved : Infinity;
      const limit = chance.shorten(Math.min(length, left));
      const moved = await move(limit, length > 0 && left === 0 ? this.#fault : undefined);
      this.moved += moved ?? 0;
      return moved;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** As many draws for every call, so that no call changes the chances of the next. */
  #draw(): { turns: number; shorten: (bytes: number) => number } {
    const [delay, turns, short, share] = [1, 2, 3, 4].map(this.#random);
    return {
      turns: delay < this.#delayRate ? Math.ceil(turns * this.#delayTurnsMax) : 0,
      shorten: (bytes) => short < this.#shortRate ? Math.ceil(bytes * share) : bytes,
    };
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers above 0 and below 1 by xorshift (Marsaglia 2003), the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function rejectClosed(): Promise<never> {
  return Promise.reject(new Deno.errors.BadResource(CLOSED));
}

function checkRate(rate: number): number {
  if (rate >= 0 && rate <= 1) return rate;
  throw new RangeError(`Cannot plan faults: a rate must be between 0 and 1, received ${rate}`);
}

function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 0) return count;
  throw new RangeError(
    `Cannot plan faults: ${name} must be a non-negative integer, received ${count}`,
  );
}
