// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Enter, Feature, MapOffset, Setup, SqFlag } from "./abi.ts";
import { noteClosed, noteOpened } from "./descriptor_table.ts";
import { Errno, osError } from "./errno.ts";
import { libc } from "./libc.ts";
import { addressOf, type Mapping, mapRing, unmapRing } from "./memory.ts";
import { RingRegistry } from "./ring_registry.ts";
import { restrictToNet } from "./ring_restriction.ts";
import { type UringCalls, uringCalls } from "./uring.ts";

/** Words of 32 bits in a submission entry. */
export const SQE_WORDS = 16;
/** Submission entries of a ring, unless asked otherwise: the most that one turn sends in one go. */
export const SUBMISSIONS_DEFAULT = 4096;
/** Completion entries of a ring, unless asked otherwise; more wait in the kernel (NODROP). */
export const COMPLETIONS_DEFAULT = 16384;

/** Options of {@linkcode Ring.open}. */
export interface RingOptions {
  /**
   * Submission entries, a power of two up to 32768.
   *
   * @default {4096}
   */
  submissions?: number;
  /**
   * Completion entries, a power of two, at least as many as submissions.
   *
   * @default {16384}
   */
  completions?: number;
  /**
   * Setup flags that are never asked for, as if the kernel did not know them.
   *
   * @default {0}
   */
  withoutFlags?: number;
  /**
   * Lets nothing through but what sockets need, for the life of the ring: no file can be opened,
   * read or written by it, whoever gets at it (`io_uring_register(2)`, restrictions).
   */
  restricted?: "net";
  /** The system calls; a test puts faults here. Default: liburing, else libc. */
  calls?: UringCalls;
}

/**
 * Takes one completion: the two halves of the entry's `user_data`, the result (a negative errno on
 * failure) and the flags.
 */
export type CompletionVisitor = (
  userLow: number,
  userHigh: number,
  result: number,
  flags: number,
) => void;

// Words of io_uring_params (120 bytes): sizes, then the offsets of both rings' fields in the map.
//
//   0 sq_entries  1 cq_entries  2 flags  5 features  10.. sq_off  20.. cq_off
//   sq_off: 0 head 1 tail 2 mask 3 entries 4 flags 5 dropped 6 array
//   cq_off: 0 head 1 tail 2 mask 3 entries 4 overflow 5 cqes 6 flags
const PARAMS_WORDS = 30;
const SQ_OFFSETS = 10;
const CQ_OFFSETS = 20;

// io_uring_getevents_arg, then the timespec that it points to; read by the kernel during enter.
//
//   | sigmask u64 | sigmask_sz u32 | min_wait_usec u32 | ts u64 | tv_sec u64 | tv_nsec u64 |
const WAIT_WORDS = 10;
const WAIT_ARGUMENT_BYTES = 24n;

const CLOSED = "Cannot use the ring: it is closed";

/**
 * One io_uring: the submission and completion queues mapped into typed arrays. It moves numbers
 * and knows no promise; {@linkcode Engine} gives them meaning.
 *
 * Entries are written by the caller straight into {@linkcode sqes} and read by the kernel in
 * {@linkcode submit}, the only call that enters the kernel. A ring belongs to the thread that
 * opened it. See `io_uring(7)`.
 *
 * @example A no-op goes round
 * ```ts
 * import { Ring, SQE_WORDS } from "@photon/std/ffi";
 * import { assertEquals } from "@std/assert";
 *
 * if (Ring.supported()) {
 *   using ring = Ring.open({ submissions: 8, completions: 16 });
 *   const at = ring.sqe();
 *   ring.sqes.fill(0, at, at + SQE_WORDS);
 *   ring.sqes[at + 8] = 42;
 *   ring.submit(1);
 *   ring.reap((userLow, _userHigh, result) => assertEquals([userLow, result], [42, 0]));
 * }
 * ```
 */
export class Ring implements Disposable {
  /** The ring's descriptor. */
  readonly fd: number;
  /** The submission entries, {@linkcode SQE_WORDS} words each; see `io_uring_enter(2)`. */
  sqes: Uint32Array<ArrayBuffer>;
  /** The setup flags that the kernel accepted. */
  readonly setupFlags: number;
  /** The feature bits that the kernel reported. */
  readonly features: number;
  /** Submission entries. */
  readonly submissions: number;
  /** Completion entries. */
  readonly completions: number;
  /** Registration of descriptors, buffers and buffer rings. */
  readonly registry: RingRegistry;

  readonly #calls: UringCalls;
  readonly #mappings: Mapping[];
  #words: Uint32Array<ArrayBuffer>;
  #cqes: Int32Array<ArrayBuffer>;
  readonly #sqMask: number;
  readonly #cqMask: number;
  readonly #sqHeadAt: number;
  readonly #sqTailAt: number;
  readonly #sqFlagsAt: number;
  readonly #cqHeadAt: number;
  readonly #cqTailAt: number;
  readonly #cqFlagsAt: number;
  readonly #wait: Uint32Array<ArrayBuffer>;
  readonly #waitPointer: Deno.PointerObject;
  readonly #enterFd: number;
  readonly #enterFlags: number;
  #sqTail: number;
  #closed = false;

  /**
   * Opens a ring with the best setup this kernel accepts.
   *
   * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
   * @throws {Deno.errors.NotSupported} when the kernel is older than 5.11
   * @throws {Error} when io_uring is refused: `.code` is `"ENOSYS"` (kernel without it),
   * `"EPERM"` (seccomp or the `kernel.io_uring_disabled` sysctl) or `"ENOMEM"`
   */
  static open(options: RingOptions = {}): Ring {
    return new Ring(options);
  }

  /** Whether a ring can be opened here. */
  static supported(): boolean {
    try {
      Ring.open({ submissions: 2, completions: 4 })[Symbol.dispose]();
      return true;
    } catch {
      return false;
    }
  }

  /** Use {@linkcode Ring.open}. */
  constructor(options: RingOptions) {
    const calls = this.#calls = options.calls ?? uringCalls();
    const params = new Uint32Array(PARAMS_WORDS);
    this.fd = setUp(calls, params, options);
    this.setupFlags = params[2];
    this.features = params[5];
    this.submissions = params[0];
    this.completions = params[1];
    try {
      requireFeatures(this.features);
      this.#mappings = mapQueues(this.fd, params);
    } catch (error) {
      libc().close(this.fd);
      throw error;
    }
    noteOpened(this.fd);
    const [queues, entries] = this.#mappings;
    this.sqes = new Uint32Array(entries.bytes.buffer);
    const words = this.#words = new Uint32Array(queues.bytes.buffer);
    this.#cqes = new Int32Array(queues.bytes.buffer, params[CQ_OFFSETS + 5], this.completions * 4);
    this.#sqHeadAt = params[SQ_OFFSETS] >> 2;
    this.#sqTailAt = params[SQ_OFFSETS + 1] >> 2;
    this.#sqMask = words[params[SQ_OFFSETS + 2] >> 2];
    this.#sqFlagsAt = params[SQ_OFFSETS + 4] >> 2;
    this.#cqHeadAt = params[CQ_OFFSETS] >> 2;
    this.#cqTailAt = params[CQ_OFFSETS + 1] >> 2;
    this.#cqMask = words[params[CQ_OFFSETS + 2] >> 2];
    this.#cqFlagsAt = params[CQ_OFFSETS + 6] >> 2;
    this.#sqTail = words[this.#sqTailAt];
    if (!(this.setupFlags & Setup.NO_SQARRAY)) {
      const array = words.subarray(params[SQ_OFFSETS + 6] >> 2);
      for (let index = 0; index < this.submissions; index++) array[index] = index;
    }
    this.#wait = new Uint32Array(WAIT_WORDS);
    const waitBytes = new Uint8Array(this.#wait.buffer);
    this.#waitPointer = Deno.UnsafePointer.of(waitBytes)!;
    new BigUint64Array(this.#wait.buffer)[2] = addressOf(waitBytes) + WAIT_ARGUMENT_BYTES;
    this.registry = new RingRegistry(calls, this.fd);
    if (options.restricted) restrictToNet(calls, this.fd);
    const index = this.registry.registerRing();
    this.#enterFd = index < 0 ? this.fd : index;
    this.#enterFlags = (index < 0 ? 0 : Enter.REGISTERED_RING) |
      (this.features & Feature.NO_IOWAIT ? Enter.NO_IOWAIT : 0);
  }

  /** Entries written and not yet taken by the kernel. */
  get queued(): number {
    return (this.#sqTail - this.#words[this.#sqHeadAt]) >>> 0;
  }

  /**
   * Whether completions can be had: some are in the queue, or the kernel says that it holds some.
   * Costs no system call. (A ring without TASKRUN_FLAG posts them by itself.)
   */
  get ready(): boolean {
    const words = this.#words;
    return (Atomics.load(words, this.#sqFlagsAt) & (SqFlag.TASKRUN | SqFlag.CQ_OVERFLOW)) !== 0 ||
      Atomics.load(words, this.#cqTailAt) !== words[this.#cqHeadAt];
  }

  /**
   * Reserves the next submission entry and gives its place in {@linkcode sqes}, in words. They
   * hold what an earlier entry left there: all {@linkcode SQE_WORDS} must be written. A full queue
   * is first handed to the kernel.
   *
   * @returns The place, or -1 when the queue is full and the kernel takes nothing more before
   * completions are reaped
   */
  sqe(): number {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    if (this.queued >= this.submissions) {
      this.#enter(0, 0, null, 0n);
      if (this.queued >= this.submissions) return -1;
    }
    const at = (this.#sqTail & this.#sqMask) * SQE_WORDS;
    this.#sqTail = (this.#sqTail + 1) >>> 0;
    return at;
  }

  /**
   * Hands all queued entries to the kernel, lets it post completions, and waits until `waitCount`
   * of them are there, a signal arrives or the time is up.
   *
   * @param waitCount Completions to wait for; 0 returns at once
   * @param timeoutUs Longest wait in microseconds; Infinity for no limit
   * @returns 0, or a negative errno (EBUSY, EAGAIN: reap and call again; the entries stay queued)
   * @throws {Error} for any other failure
   */
  submit(waitCount: number, timeoutUs = Infinity): number {
    if (waitCount === 0 || timeoutUs === Infinity) {
      return this.#enter(waitCount, Enter.GETEVENTS, null, 0n);
    }
    const wait = this.#wait;
    const seconds = Math.floor(timeoutUs / 1e6);
    wait[6] = seconds;
    wait[8] = Math.round((timeoutUs - seconds * 1e6) * 1000);
    const flags = Enter.GETEVENTS | Enter.EXT_ARG;
    return this.#enter(waitCount, flags, this.#waitPointer, WAIT_ARGUMENT_BYTES);
  }

  /**
   * Visits the completions in the queue, oldest first, as many as the queue holds at most. The
   * room of each is given back before its visit, so a visitor may submit, reap or throw: what it
   * throws ends the reaping, and the rest is visited by the next call.
   *
   * @returns How many were visited
   */
  reap(visit: CompletionVisitor): number {
    const words = this.#words;
    const cqes = this.#cqes;
    const headAt = this.#cqHeadAt;
    const first = words[headAt];
    const tail = Atomics.load(words, this.#cqTailAt);
    for (let head = first; head !== tail; head = words[headAt]) {
      const at = (head & this.#cqMask) << 2;
      const userLow = cqes[at];
      const userHigh = cqes[at + 1];
      const result = cqes[at + 2];
      const flags = cqes[at + 3];
      // The kernel reads the head as it posts: on this thread, or after the store below.
      words[headAt] = head + 1;
      visit(userLow, userHigh, result, flags);
      // A visitor that closed the ring has unmapped what the next line looks at.
      if (this.#closed) return (head + 1 - first) >>> 0;
      // A visitor that reaped may have gone past the tail.
      if ((tail - words[headAt] | 0) <= 0) break;
    }
    const head = words[headAt];
    Atomics.store(words, headAt, head);
    return (head - first) >>> 0;
  }

  /** Sets flags that the kernel reads in the completion queue (`CqFlag`). */
  setCompletionFlags(flags: number): void {
    // A full barrier: what is looked at next must not be read before the kernel can see this.
    Atomics.store(this.#words, this.#cqFlagsAt, flags);
  }

  /**
   * Closes the ring. The kernel cancels what is still in flight, but not at once: memory that it
   * was given stays mapped.
   */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.registry.close();
    noteClosed(this.fd);
    libc().close(this.fd);
    // Views of unmapped memory would crash whoever still asks: they are replaced by empty queues.
    this.sqes = new Uint32Array(SQE_WORDS);
    this.#words = new Uint32Array(this.#words.length);
    this.#cqes = new Int32Array(4);
    this.#sqTail = 0;
    for (const mapping of this.#mappings) unmapRing(mapping);
  }

  #enter(
    waitCount: number,
    flags: number,
    argument: Deno.PointerObject | null,
    argumentBytes: bigint,
  ): number {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    Atomics.store(this.#words, this.#sqTailAt, this.#sqTail);
    const result = this.#calls.enter(
      this.#enterFd,
      this.queued,
      waitCount,
      flags | this.#enterFlags,
      argument,
      argumentBytes,
    );
    if (result >= 0) return 0;
    switch (-result) {
      // A signal or the time limit ended the wait; entries not taken stay in the queue.
      case Errno.EINTR:
      case Errno.ETIME:
        return 0;
      case Errno.EAGAIN:
      case Errno.EBUSY:
        return result;
      default:
        throw osError(-result, "io_uring_enter");
    }
  }
}

/** Calls setup with less and less until the kernel knows every flag; EINVAL is its no. */
function setUp(calls: UringCalls, params: Uint32Array<ArrayBuffer>, options: RingOptions): number {
  const { submissions = SUBMISSIONS_DEFAULT, completions = COMPLETIONS_DEFAULT } = options;
  const without = options.withoutFlags ?? 0;
  const sizes = Setup.CQSIZE | Setup.CLAMP;
  const coop = Setup.COOP_TASKRUN | Setup.TASKRUN_FLAG | Setup.SUBMIT_ALL;
  const defer = Setup.DEFER_TASKRUN | Setup.SINGLE_ISSUER | Setup.TASKRUN_FLAG | Setup.SUBMIT_ALL;
  // deno-fmt-ignore
  const attempts = [
    sizes | defer | Setup.NO_SQARRAY,    // 6.6
    sizes | defer,                       // 6.1
    sizes | coop | Setup.SINGLE_ISSUER,  // 6.0
    sizes | coop,                        // 5.19
    sizes | Setup.SUBMIT_ALL,            // 5.18
    sizes,                               // 5.6
  ].filter((flags) => !(flags & without));
  let result = -Errno.EINVAL;
  for (const flags of attempts) {
    params.fill(0);
    params[1] = completions;
    params[2] = flags | (options.restricted ? Setup.R_DISABLED : 0);
    result = calls.setup(submissions, params);
    if (result !== -Errno.EINVAL) break;
  }
  if (result < 0) throw osError(-result, "io_uring_setup");
  return result;
}

function requireFeatures(features: number): void {
  const needed = Feature.SINGLE_MMAP | Feature.NODROP | Feature.EXT_ARG;
  if ((features & needed) !== needed) {
    throw new Deno.errors.NotSupported("Cannot open a ring: the kernel must be 5.11 or newer");
  }
}

/** Maps both rings (one region since 5.4) and the submission entries. */
function mapQueues(fd: number, params: Uint32Array): Mapping[] {
  const sqBytes = params[2] & Setup.NO_SQARRAY ? 0 : params[SQ_OFFSETS + 6] + params[0] * 4;
  const cqBytes = params[CQ_OFFSETS + 5] + params[1] * 16;
  const queues = mapRing(fd, Math.max(sqBytes, cqBytes), MapOffset.SQ_RING);
  try {
    return [queues, mapRing(fd, params[0] * SQE_WORDS * 4, MapOffset.SQES)];
  } catch (error) {
    unmapRing(queues);
    throw error;
  }
}
