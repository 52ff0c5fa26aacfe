// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Cancel, CqeFlag, CqFlag, Op } from "../ffi/abi.ts";
import { noteClosed } from "../ffi/descriptor_table.ts";
import { Ring, type RingOptions } from "../ffi/ring.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { BufferPool } from "./buffer_pool.ts";
import { BufferRing } from "./buffer_ring.ts";
import { DeadlineAlarm } from "./deadline_alarm.ts";
import { DirectBudget } from "./direct_budget.ts";
import { COOPERATIVE, type ExclusiveOptions, exclusivePolicy } from "./driver.ts";
import type { EngineStatistics } from "./engine_statistics.ts";
import { type Flushable, FlushList } from "./flush_list.ts";
import { InboxList } from "./inbox.ts";
import { Reactor, type TurnSource, type Wake } from "./reactor.ts";
import { type Completion, SlotTable } from "./slot_table.ts";
import { type Control, type Link, Submissions } from "./submissions.ts";
import { type Timer, TimerQueue } from "./timers.ts";
import { WakeChannel, type WakePath } from "./wake.ts";

/** How {@linkcode Engine} is set up; the defaults suit a server with tens of thousands of peers. */
export interface EngineOptions {
  /** Sizes of the ring and, in tests, its faults. */
  ring?: RingOptions;
  /** 4 KiB blocks that receives share. Default 1024. */
  smallReceiveBlocks?: number;
  /** 64 KiB blocks that receives of bulk data share. Default 64. */
  largeReceiveBlocks?: number;
  /** How Deno's loop is woken; the default is the first that this Deno can do. */
  wakePath?: WakePath;
}

/**
 * The operations in flight on one ring, and the turns that bring them forward. One per isolate,
 * opened by {@linkcode openEngine}; it belongs to the thread that made it.
 *
 * An operation is written into the ring by {@linkcode submit} and reaches the kernel with all
 * others of the turn in one system call. Its handler gets the completions. Only memory of the
 * engine ({@linkcode pool}, the receive rings) may be named in an operation.
 *
 * @example Round trip of an operation that does nothing
 * ```ts
 * import { engineInfo, openEngine } from "@photon/std/io";
 * import { Op } from "@photon/std/ffi";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const result = await new Promise<number>((complete) => {
 *     openEngine().submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
 *   });
 *   assertEquals(result, 0);
 * }
 * ```
 */
export class Engine implements TurnSource, Disposable {
  /** Memory for what the kernel reads and writes. */
  readonly pool: BufferPool;
  /** Receive blocks for messages. */
  readonly smallReceives: BufferRing;
  /** Receive blocks for bulk data. */
  readonly largeReceives: BufferRing;
  /** Direct calls that the round still allows. */
  readonly direct: DirectBudget = new DirectBudget();
  /** The ring; operations go through {@linkcode submit}. */
  readonly ring: Ring;
  /** Where other threads put work for this one. */
  readonly inboxes: InboxList = new InboxList(
    () => this.#reactor.schedule(),
    () => this.#reactor.updateHold(),
    () => this.ready || this.queued,
  );

  readonly #slots = new SlotTable();
  readonly #timers = new TimerQueue();
  readonly #reactor: Reactor = new Reactor(this);
  readonly #alarm: DeadlineAlarm;
  readonly #submissions: Submissions;
  readonly #flushes = new FlushList();
  #idleWaiters: (() => void)[] = [];
  readonly #wakePath: WakePath | undefined;
  #eventfdRegistered = false;
  #disposed = false;
  #closed = false;
  #referenced = true;
  #enters = 0;
  #completions = 0;
  #stale = 0;

  /** Without a free slot it would only fail. */
  readonly #mayFlush = () => !this.#slots.full;
  readonly #visit = (userLow: number, userHigh: number, result: number, flags: number): void => {
    if (userLow < 0) return;
    const slots = this.#slots;
    const handler = slots.handler(userLow, userHigh);
    if (handler === null) {
      this.#stale++;
      return;
    }
    this.#completions++;
    if ((flags & CqeFlag.MORE) === 0) slots.free(userLow);
    try {
      handler.complete(result, flags);
    } catch (error) {
      // One handler's mistake must not cost the others their completions. To start anew what was
      // cancelled because the engine ends is none.
      if (!(this.#closed && error instanceof Deno.errors.BadResource)) reportError(error);
    }
  };

  /**
   * Opens a ring and its memory.
   *
   * @throws {Error} what {@linkcode Ring.open} throws
   */
  constructor(options: EngineOptions = {}) {
    this.ring = Ring.open(options.ring);
    this.#submissions = new Submissions(this.ring, this.#slots);
    this.#wakePath = options.wakePath;
    try {
      this.pool = new BufferPool();
      const { smallReceiveBlocks = 1024, largeReceiveBlocks = 64 } = options;
      this.smallReceives = new BufferRing(this.ring, 0, smallReceiveBlocks, 4096);
      this.largeReceives = new BufferRing(this.ring, 1, largeReceiveBlocks, 65_536);
    } catch (error) {
      this.ring[Symbol.dispose]();
      throw error;
    }
    this.#alarm = new DeadlineAlarm(this.pool, this.control);
  }

  /** Operations in flight. */
  get pending(): number {
    return this.#slots.used;
  }

  /** Operations in flight that keep the process alive. */
  get held(): number {
    return this.#referenced ? this.#slots.held + this.inboxes.held : 0;
  }

  /** Whether operations wait to be handed to the kernel. */
  get queued(): boolean {
    // What waits for a slot cannot be handed over before one is free.
    return (!this.#flushes.empty && !this.#slots.full) || this.ring.queued > 0;
  }

  /** Whether completions can be had without waiting; reads no clock, for it is asked often. */
  get ready(): boolean {
    return this.ring.ready || this.#submissions.stashed || this.inboxes.ready;
  }

  /** Whether bulk data moves, of which nothing is urgent. */
  get bulky(): boolean {
    return this.direct.busy;
  }

  /** Whether anything may still happen: operations in flight, timers, or other threads. */
  get waiting(): boolean {
    return this.#slots.used > 0 || this.#timers.size > 0 || !this.inboxes.empty;
  }

  /** Counts since the start, and what is held now. */
  get statistics(): EngineStatistics {
    return {
      ...this.#reactor.counts,
      enters: this.#enters,
      completions: this.#completions,
      stale: this.#stale,
      pending: this.pending,
      leased: this.pool.leased + this.smallReceives.out + this.largeReceives.out,
    };
  }

  /**
   * Queues one operation; parameters are the fields of `io_uring_sqe` in their order.
   *
   * @param handler Gets its completions
   * @param hold Whether it keeps the process alive
   * @param head Opcode, entry flags << 8, ioprio << 16
   * @returns The operation's slot, to cancel it by
   * @throws {Deno.errors.Busy} when too many operations are in flight
   * @throws {Deno.errors.BadResource} when the engine is closed
   */
  submit(
    handler: Completion,
    hold: boolean,
    head: number,
    fd: number,
    offsetLow: number,
    offsetHigh: number,
    addressLow: number,
    addressHigh: number,
    byteLength: number,
    operationFlags: number,
    bufferGroup = 0,
    spliceFd = 0,
  ): number {
    if (this.#closed) throw new Deno.errors.BadResource("Cannot start operation: engine is closed");
    // deno-fmt-ignore
    const slot = this.#submissions.operation(
      handler, hold, head, fd, offsetLow, offsetHigh, addressLow, addressHigh, byteLength,
      operationFlags, bufferGroup, spliceFd,
    );
    this.#reactor.schedule();
    return slot;
  }

  /**
   * Asks the kernel to end an operation. Its handler still gets the last completion: `-ECANCELED`,
   * or the result when it was faster.
   *
   * @returns false when the operation is over already
   */
  cancel(slot: number, handler: Completion): boolean {
    if (!this.#slots.owns(slot, handler)) return false;
    this.control(Op.ASYNC_CANCEL, -1, 0, 0, slot, this.#slots.generation(slot), 0, 0);
    return true;
  }

  /** Asks the kernel to end every operation on a descriptor. */
  cancelDescriptor(fd: number): void {
    this.control(Op.ASYNC_CANCEL, fd, 0, 0, 0, 0, 0, Cancel.FD | Cancel.ALL);
  }

  /** Queues an entry that is linked to an operation, see {@linkcode Link}. */
  readonly submitLink: Link = (...fields): void => {
    if (this.#closed) throw new Deno.errors.BadResource("Cannot start operation: engine is closed");
    this.#submissions.link(...fields);
    this.#reactor.schedule();
  };

  /** Queues an entry whose completion nobody waits for; parameters as for {@linkcode submit}. */
  readonly control: Control = (...fields): void => {
    this.#submissions.control(...fields);
    this.#reactor.schedule();
  };

  /** Closes a descriptor on which no operation is in flight. */
  closeDescriptor(fd: number): void {
    if (this.#disposed) return closeDescriptor(fd);
    noteClosed(fd);
    this.submit(CLOSING, true, Op.CLOSE, fd, 0, 0, 0, 0, 0, 0);
  }

  /** Hands what is queued to the kernel now; completions wait for the turn. */
  submitNow(): void {
    this.#flushes.run(this.#mayFlush, this.ring.queued === 0);
    this.#enters++;
    this.ring.submit(0);
    this.#reactor.schedule();
  }

  /** Has `flush` called before the next entries are handed over. */
  flushLater(flushable: Flushable): void {
    // There is no later: it is refused like all others.
    if (this.#closed) return flushable.flush(false);
    this.#flushes.add(flushable);
    this.#reactor.schedule();
  }

  /** Whether the operation keeps the process alive from now on. */
  hold(slot: number, handler: Completion, hold: boolean): void {
    if (!this.#slots.owns(slot, handler)) return;
    this.#slots.hold(slot, hold);
    this.#reactor.updateHold();
  }

  /**
   * Calls back once, within the turn, some milliseconds from now; it does not keep the process
   * alive.
   *
   * @throws {Deno.errors.Busy} when too many timers are set
   */
  startTimer(delayMs: number, callback: () => void): Timer {
    const timer = this.#timers.add(performance.now() + delayMs, callback);
    this.#reactor.schedule();
    return timer;
  }

  /** Stops a timer; does nothing when it has run. */
  stopTimer(timer: Timer): void {
    this.#timers.cancel(timer);
  }

  /** Operations in flight keep the process alive (the default). */
  ref(): void {
    this.#referenced = true;
    this.#reactor.updateHold();
  }

  /** No operation keeps the process alive. */
  unref(): void {
    this.#referenced = false;
    this.#reactor.updateHold();
  }

  /** Resolves when no operation is in flight. */
  whenIdle(): Promise<void> {
    if (this.pending === 0 && !this.queued) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Gives the thread to the engine: it waits inside the kernel and lets Deno's own timers and
   * sockets have a turn every `unwindMs`. For threads that do little else.
   *
   * @throws {RangeError} when `unwindMs` is not above 0 and at most 1000
   */
  runExclusive(options: ExclusiveOptions = {}): void {
    this.#reactor.policy = exclusivePolicy(options);
  }

  /** Shares the thread with Deno's loop, as is the default. */
  runCooperative(): void {
    this.#reactor.policy = COOPERATIVE;
  }

  /** For the reactor. */
  poll(waitCount: number, timeoutUs: number): number {
    this.direct.refill();
    this.#flushes.run(this.#mayFlush, this.ring.queued === 0);
    const before = this.#completions;
    const { stashed } = this.#submissions;
    if (waitCount > 0 || this.ring.queued > 0 || this.ring.ready || stashed) {
      this.#enters++;
      const wait = stashed || waitCount > 0 && !this.inboxes.fallAsleep() ? 0 : waitCount;
      this.ring.submit(wait, wait > 0 ? this.#untilDeadlineUs(timeoutUs) : 0);
      if (waitCount > 0) this.inboxes.setAsleep(false);
      this.#submissions.visitStash(this.#visit);
      // What was set aside meanwhile came before what the ring holds now: its turn is next.
      if (!this.#submissions.stashed) this.ring.reap(this.#visit);
      this.smallReceives.publish();
      this.largeReceives.publish();
    }
    let answered = this.#completions - before + this.inboxes.drain();
    if (this.#timers.size > 0) answered += this.#timers.expire(performance.now());
    if (this.#idleWaiters.length > 0 && this.pending === 0 && !this.queued) this.#tellIdle();
    return answered;
  }

  /** For the reactor. */
  signalWakes(enabled: boolean): void {
    if (enabled) this.inboxes.fallAsleep();
    else this.inboxes.setAsleep(false);
    if (this.#eventfdRegistered) {
      this.ring.setCompletionFlags(enabled ? 0 : CqFlag.EVENTFD_DISABLED);
    }
  }

  /** For the reactor. */
  openWake(onWake: () => void): Wake {
    const channel = new WakeChannel(this.pool, onWake, this.#wakePath);
    this.ring.registry.registerEventfd(channel.eventfd);
    this.#eventfdRegistered = true;
    return channel;
  }

  /** For the reactor. */
  armTimer(): void {
    if (this.#timers.size > 0) this.#alarm.set(this.#timers.nextDeadline());
  }

  /**
   * Ends the engine: what is queued leaves, operations in flight are cancelled and waited for (at
   * most {@linkcode CLOSE_ROUNDS_MAX} rounds each), and the ring is closed. The memory stays
   * mapped.
   */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (let round = 0; round < CLOSE_ROUNDS_MAX && this.queued; round++) this.poll(0, 0);
    this.#closed = true;
    this.control(Op.ASYNC_CANCEL, -1, 0, 0, 0, 0, 0, Cancel.ANY | Cancel.ALL);
    for (let round = 0; round < CLOSE_ROUNDS_MAX && (this.queued || this.pending > 0); round++) {
      this.poll(this.pending > 0 ? 1 : 0, 1000);
    }
    this.#reactor.close();
    this.ring[Symbol.dispose]();
  }

  #untilDeadlineUs(timeoutUs: number): number {
    if (this.#timers.size === 0) return timeoutUs;
    const leftUs = (this.#timers.nextDeadline() - performance.now()) * 1000;
    return Math.max(0, Math.min(timeoutUs, leftUs));
  }

  #tellIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** Rounds in which an engine that is closed may still send, and then cancel: 100 ms at most. */
const CLOSE_ROUNDS_MAX = 100;

/** A close can only fail in ways that leave the descriptor closed (`close(2)`). */
const CLOSING: Completion = { complete() {} };
