// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Feature, Op, Register, Setup, SqeFlag } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { Ring, SQE_WORDS } from "../ffi/ring.ts";
import { type UringCalls, uringCalls } from "../ffi/uring.ts";
import { Engine, type EngineOptions } from "../io/engine.ts";
import { engineInfo } from "../io/engine_info.ts";

/** For tests that need a ring: they are skipped where none can be opened. */
export const ringOnly: { ignore: boolean } = { ignore: !Ring.supported() };

/** For tests that need the engine of the isolate, or of a program they start, to be a ring. */
export const ringEngineOnly: { ignore: boolean } = { ignore: engineInfo().engine !== "uring" };

/** What goes wrong in the system calls; each returns a result in the kernel's place, or nothing. */
export interface RingFaults {
  /** Sees the flags that setup asks for. */
  setup?: (flags: number) => number | undefined;
  /** Sees how many calls came before, and the flags. */
  enter?: (count: number, flags: number) => number | undefined;
  /** Sees the command. */
  register?: (command: number) => number | undefined;
  /** Feature bits that the kernel then seems not to have. */
  withoutFeatures?: number;
}

/** The system calls with faults in front; what gets through reaches the real kernel. */
export function faultyCalls(faults: RingFaults, calls: UringCalls = uringCalls()): UringCalls {
  let enters = 0;
  return {
    library: calls.library,
    setup: (entries, params) => {
      const result = faults.setup?.(params[2]) ?? calls.setup(entries, params);
      params[5] &= ~(faults.withoutFeatures ?? 0);
      return result;
    },
    enter: (fd, submit, complete, flags, argument, argumentBytes) =>
      faults.enter?.(enters++, flags) ??
        calls.enter(fd, submit, complete, flags, argument, argumentBytes),
    register: (fd, command, argument, count) =>
      faults.register?.(command) ?? calls.register(fd, command, argument, count),
  };
}

/** A kernel of the past: what it does not know it refuses with EINVAL, as that kernel did. */
export interface OldKernel {
  readonly version: string;
  readonly unknownFlags: number;
  readonly missingFeatures: number;
  readonly unknownCommands: readonly number[];
}

const SINCE_6_1 = Setup.DEFER_TASKRUN;
const SINCE_6_0 = Setup.SINGLE_ISSUER | SINCE_6_1;
const SINCE_5_19 = Setup.COOP_TASKRUN | Setup.TASKRUN_FLAG | SINCE_6_0;
const SINCE_5_18 = Setup.SUBMIT_ALL | SINCE_5_19;
const BUFFER_RINGS = [Register.PBUF_RING];
const RING_FDS = [Register.RING_FDS, ...BUFFER_RINGS];

/** The steps at which setup got its flags, newest first. */
// deno-fmt-ignore
export const OLD_KERNELS: readonly OldKernel[] = [
  { version: "6.1",  unknownFlags: Setup.NO_SQARRAY,              missingFeatures: Feature.NO_IOWAIT, unknownCommands: [] },
  { version: "6.0",  unknownFlags: Setup.NO_SQARRAY | SINCE_6_1,  missingFeatures: Feature.NO_IOWAIT, unknownCommands: [] },
  { version: "5.19", unknownFlags: Setup.NO_SQARRAY | SINCE_6_0,  missingFeatures: Feature.NO_IOWAIT, unknownCommands: [] },
  { version: "5.18", unknownFlags: Setup.NO_SQARRAY | SINCE_5_19, missingFeatures: Feature.NO_IOWAIT, unknownCommands: BUFFER_RINGS },
  { version: "5.11", unknownFlags: Setup.NO_SQARRAY | SINCE_5_18, missingFeatures: Feature.NO_IOWAIT, unknownCommands: RING_FDS },
];

/** The system calls of such a kernel. */
export function callsOf(kernel: OldKernel): UringCalls {
  return faultyCalls({
    setup: (flags) => flags & kernel.unknownFlags ? -Errno.EINVAL : undefined,
    register: (command) => kernel.unknownCommands.includes(command) ? -Errno.EINVAL : undefined,
    withoutFeatures: kernel.missingFeatures,
  });
}

const IDLE_MS_MAX = 1000;

/** An engine of a test's own; disposing checks that it holds nothing and missed nothing. */
export class TestEngine implements Disposable {
  readonly engine: Engine;

  constructor(options: EngineOptions = {}) {
    this.engine = new Engine({ smallReceiveBlocks: 16, largeReceiveBlocks: 4, ...options });
  }

  /** Waits until what was closed is closed, for a second at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, IDLE_MS_MAX));
    await Promise.race([this.engine.whenIdle(), limit]).finally(() => clearTimeout(timer));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const { pending, leased, stale } = this.engine.statistics;
    this.engine[Symbol.dispose]();
    if (pending + leased + stale > 0) {
      throw new Error(`Engine left ${pending} pending, ${leased} leased, ${stale} stale`);
    }
  }
}

/** Changes an entry that is about to be handed to the kernel, in place. */
export type EntryFault = (sqes: Uint32Array, at: number) => void;

/**
 * System calls that change entries on their way: the kernel then does less than it was asked for.
 * `attach` gives it the ring, whose entries it follows by counting what the kernel took.
 */
export class EntryFaults implements UringCalls {
  readonly library = "liburing";
  readonly #fault: EntryFault;
  readonly #calls = uringCalls();
  #ring: Ring | undefined;
  #taken = 0;
  #changed = 0;

  constructor(fault: EntryFault) {
    this.#fault = fault;
  }

  /** Follows the entries of a ring that was just opened with these calls. */
  attach(ring: Ring): void {
    this.#ring = ring;
  }

  setup(entries: number, params: Uint32Array<ArrayBuffer>): number {
    return this.#calls.setup(entries, params);
  }

  register(...call: Parameters<UringCalls["register"]>): number {
    return this.#calls.register(...call);
  }

  enter(...call: Parameters<UringCalls["enter"]>): number {
    const [, submit] = call;
    const ring = this.#ring;
    for (; ring !== undefined && this.#changed < this.#taken + submit; this.#changed++) {
      this.#fault(ring.sqes, (this.#changed & (ring.submissions - 1)) * SQE_WORDS);
    }
    const result = this.#calls.enter(...call);
    if (result > 0) this.#taken += result;
    return result;
  }
}

/** Has sends and receives move at most so many bytes each. */
export function shortTransfers(bytesMax: number): EntryFault {
  const shortened: readonly number[] = [Op.SEND, Op.RECV, Op.READ, Op.WRITE];
  return (sqes, at) => {
    if (!shortened.includes(sqes[at] & 0xff)) return;
    // Length 0 with a block of the kernel's choice means: as much as the block holds.
    const whole = sqes[at + 6] === 0 && (sqes[at] >>> 8) & SqeFlag.BUFFER_SELECT;
    if (!whole) sqes[at + 6] = Math.min(sqes[at + 6], bytesMax);
  };
}
