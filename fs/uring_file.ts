// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import {
  AtFlag,
  newFileStatus,
  readWaiting,
  seekNow,
  setTimesWaiting,
  statCached,
  statNow,
  STATX_WANTED,
  syncWaiting,
  truncateWaiting,
  writeWaiting,
} from "../ffi/file.ts";
import { seekSoon, setTimesSoon, truncateSoon } from "../ffi/file_soon.ts";
import { lockNow, lockSoon, lockWaiting, unlockNow } from "../ffi/file_lock.ts";
import { isTerminal, setRawMode } from "../ffi/terminal.ts";
import { Mutex } from "../thread/mutex.ts";
import { CallMemory } from "./call_memory.ts";
import { fileInfo } from "./file_info.ts";
import type { Advice, AllocateMode, OpenFile } from "./open_file.ts";
import { ringCall, type RingFields } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";
import { UringDescriptor } from "./uring_descriptor.ts";
import { UringTransfer } from "./uring_transfer.ts";

/** An open file on the ring: the owner of its descriptor. */
export class UringFile implements OpenFile {
  readonly #descriptor: UringDescriptor;
  readonly #isLocal: boolean;
  readonly #transfer: UringTransfer;
  /** Who uses the kernel's cursor has it to himself. */
  readonly #cursor = new Mutex();
  #terminalSettings: Uint8Array<ArrayBuffer> | null = null;

  /**
   * Takes over a descriptor.
   *
   * @param isLocal Whether the file lies on this machine, see `LocalMounts`
   */
  constructor(files: RingFiles, fd: number, isLocal: boolean) {
    this.#descriptor = new UringDescriptor(files, fd, isLocal);
    this.#isLocal = isLocal;
    this.#transfer = new UringTransfer(this.#descriptor, isLocal);
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  read(p: Uint8Array): Promise<number | null> {
    if (this.#cursor.locked) return this.#atCursor(() => this.#transfer.read(p, -1));
    // What is done in place needs no turn at the cursor.
    const count = this.#transfer.readInPlace(p, -1);
    if (count === p.length) return Promise.resolve(count);
    return this.#atCursor(() => this.#transfer.readOn(p, -1, count));
  }

  readSync(p: Uint8Array): number | null {
    return readWaiting(this.fd, p) || null;
  }

  write(p: Uint8Array): Promise<number> {
    return this.#atCursor(() => this.#transfer.write(p, -1));
  }

  writeSync(p: Uint8Array): number {
    return writeWaiting(this.fd, p);
  }

  readAt(p: Uint8Array, position: number): Promise<number | null> {
    return this.#transfer.read(p, position);
  }

  writeAt(p: Uint8Array, position: number): Promise<number> {
    return this.#transfer.write(p, position);
  }

  async truncate(byteLength: number): Promise<void> {
    const result = await this.#call({ head: Op.FTRUNCATE, offset: byteLength });
    // Kernels before 6.9 do not know the operation, and say so with the same number.
    if (result === -Errno.EINVAL && await truncateSoon(this.fd, byteLength)) return;
    check(result);
  }

  truncateSync(byteLength: number): void {
    truncateWaiting(this.fd, byteLength);
  }

  seek(offset: number | bigint, whence: Deno.SeekMode): Promise<number> {
    return this.#atCursor(async () => {
      const { fd } = this;
      if (whence !== Deno.SeekMode.End || this.#isLocal) return seekNow(fd, offset, whence);
      const position = await seekSoon(fd, offset, whence);
      if (position < 0) throw osError(Errno.EINVAL);
      return position;
    });
  }

  seekSync(offset: number | bigint, whence: Deno.SeekMode): number {
    return seekNow(this.fd, offset, whence);
  }

  async stat(): Promise<Deno.FileInfo> {
    const { engine } = this.#descriptor;
    if (this.#isLocal && engine.direct.takeTime(1)) {
      const status = newFileStatus();
      if (statCached(this.fd, status) === 0) return fileInfo(status);
    }
    using memory = await CallMemory.take(engine, [""]);
    check(
      await this.#call({
        head: Op.STATX,
        offset: memory.status,
        offsetHigh: engine.pool.addressHigh,
        address: memory.paths[0]!,
        length: STATX_WANTED,
        flags: AtFlag.EMPTY_PATH,
      }),
    );
    return fileInfo(memory.statusWords);
  }

  statSync(): Deno.FileInfo {
    const status = newFileStatus();
    statNow(this.fd, status);
    return fileInfo(status);
  }

  async sync(dataOnly: boolean): Promise<void> {
    check(await this.#call({ head: Op.FSYNC, flags: dataOnly ? FSYNC_DATASYNC : 0 }));
  }

  syncSync(dataOnly: boolean): void {
    syncWaiting(this.fd, dataOnly);
  }

  async utime(atime: number | Date, mtime: number | Date): Promise<void> {
    this.#descriptor.begin();
    try {
      if (await setTimesSoon(this.fd, timeMs(atime), timeMs(mtime))) return;
      // The pool keeps the reason to itself; the same call says it here.
      setTimesWaiting(this.fd, timeMs(atime), timeMs(mtime));
    } finally {
      this.#descriptor.end();
    }
  }

  utimeSync(atime: number | Date, mtime: number | Date): void {
    setTimesWaiting(this.fd, timeMs(atime), timeMs(mtime));
  }

  async tryLock(exclusive: boolean): Promise<boolean> {
    if (this.#isLocal) return lockNow(this.fd, exclusive);
    this.#descriptor.begin();
    try {
      return await lockSoon(this.fd, exclusive);
    } finally {
      this.#descriptor.end();
    }
  }

  tryLockSync(exclusive: boolean): boolean {
    return lockNow(this.fd, exclusive);
  }

  lockSync(exclusive: boolean): void {
    lockWaiting(this.fd, exclusive);
  }

  // deno-lint-ignore require-await -- a refusal is a rejection
  async unlock(): Promise<void> {
    unlockNow(this.fd);
  }

  unlockSync(): void {
    unlockNow(this.fd);
  }

  isTerminal(): boolean {
    return isTerminal(this.fd);
  }

  setRaw(mode: boolean, options?: Deno.SetRawOptions): void {
    if (!isTerminal(this.fd)) throw new Deno.errors.BadResource("ENOTTY: Not a typewriter");
    const before = this.#terminalSettings;
    this.#terminalSettings = setRawMode(this.fd, mode, options?.cbreak ?? false, before);
  }

  async allocate(mode: AllocateMode, offset: number, length: number): Promise<void> {
    const flags = named(ALLOCATE_MODES, mode, "allocate");
    // fallocate has its length where others have an address.
    const fields = { head: Op.FALLOCATE, offset, address: length % HALF };
    const addressHigh = Math.floor(length / HALF);
    check(await this.#call({ ...fields, addressHigh, length: flags }));
  }

  async advise(advice: Advice, offset: number, length: number): Promise<void> {
    const flags = named(ADVICES, advice, "advise");
    // 0 is all to the end, which is also what a length of 4 GiB and more is taken for.
    const bytes = length < HALF ? length : 0;
    check(await this.#call({ head: Op.FADVISE, offset, length: bytes, flags }));
  }

  async syncRange(offset: number, length: number): Promise<void> {
    const head = Op.SYNC_FILE_RANGE;
    const bytes = length < HALF ? length : 0;
    check(await this.#call({ head, offset, length: bytes, flags: SYNC_RANGE_AND_WAIT }));
  }

  close(): void {
    this.#descriptor.close();
  }

  async #atCursor<T>(call: () => Promise<T>): Promise<T> {
    this.#descriptor.begin();
    try {
      using _turn = this.#cursor.tryLock() ?? await this.#cursor.lock();
      return await call();
    } finally {
      this.#descriptor.end();
    }
  }

  async #call(fields: Omit<RingFields, "fd">): Promise<number> {
    this.#descriptor.begin();
    try {
      return await ringCall(this.#descriptor.engine, { ...fields, fd: this.fd });
    } finally {
      this.#descriptor.end();
    }
  }
}

// Data: modes of fallocate(2).
// deno-fmt-ignore
const ALLOCATE_MODES: Record<AllocateMode, number> = {
  extend:    0,
  keepSize:  0x01,
  punchHole: 0x01 | 0x02,
  zeroRange: 0x10,
};

// Data: posix_fadvise(2).
// deno-fmt-ignore
const ADVICES: Record<Advice, number> = {
  normal:     0,
  random:     1,
  sequential: 2,
  willNeed:   3,
  dontNeed:   4,
  noReuse:    5,
};

const FSYNC_DATASYNC = 1;
const SYNC_RANGE_AND_WAIT = 1 | 2 | 4;
const HALF = 2 ** 32;

/** Numbers are seconds, as with Deno. */
function timeMs(time: number | Date): number {
  return time instanceof Date ? time.getTime() : time * 1000;
}

/** What a name of a table stands for; a program without types may name another. */
function named<Name extends string>(
  table: Record<Name, number>,
  name: Name,
  what: string,
): number {
  if (Object.hasOwn(table, name)) return table[name];
  throw new TypeError(`Cannot ${what}: there is no "${name}"`);
}

function check(result: number): void {
  if (result < 0) throw osError(result);
}
