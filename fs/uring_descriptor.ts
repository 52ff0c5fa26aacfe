// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, SqeFlag } from "../ffi/abi.ts";
import { isSeekable } from "../ffi/file.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { NOBODY } from "../io/submissions.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";

/** Reads through the ring after which a file is worth a place in the ring's own table. */
const READS_OF_HOT_FILE = 256;

/**
 * A descriptor and what is in flight on it: it is closed when the last operation is over, so that
 * its number cannot be another file's while the kernel works on it.
 *
 * One that is read a lot gets a place in the ring's own table of files, which saves the kernel the
 * look-up (0.1 us of 1.4).
 *
 * A file of this machine is closed in place: no server is told, and whoever closed it may run it,
 * or unmount its disk, in the next line.
 */
export class UringDescriptor {
  /** The descriptor. */
  readonly fd: number;
  /** What the files of its ring share. */
  readonly files: RingFiles;
  /** The descriptor, or its place in the ring's table: what a hot entry names. */
  hotFd: number;
  /** Flags of an entry that names {@linkcode hotFd}, << 8. */
  hotFlags = 0;

  readonly #isLocal: boolean;
  #pending = 0;
  #closed = false;
  #reads = 0;
  #slot = -1;
  #seekable: boolean | null = null;

  /** Takes over a descriptor of a file that lies on this machine or not, see `LocalMounts`. */
  constructor(files: RingFiles, fd: number, isLocal: boolean) {
    this.files = files;
    this.fd = this.hotFd = fd;
    this.#isLocal = isLocal;
  }

  /** The ring. */
  get engine(): Engine {
    return this.files.engine;
  }

  /**
   * Whether it is a file and not a pipe or terminal. It is asked only once: lseek(2) waits for a
   * write at the cursor, and the thread with it.
   */
  get seekable(): boolean {
    return this.#seekable ??= isSeekable(this.fd);
  }

  /** An operation begins. */
  begin(): void {
    this.#pending++;
  }

  /** An operation is over. */
  end(): void {
    this.#pending--;
    if (this.#closed && this.#pending === 0) this.#release();
  }

  /** Counts a read through the ring. */
  countRead(): void {
    if (++this.#reads === READS_OF_HOT_FILE) void this.#register();
  }

  /** Closes once nothing is in flight. */
  close(): void {
    this.#closed = true;
    if (this.#pending === 0) {
      this.#release();
      if (this.#slot >= 0) this.engine.submitNow();
    } else if (!this.seekable) {
      // A pipe or terminal may never answer; a file does.
      this.engine.cancelDescriptor(this.fd);
    }
  }

  #release(): void {
    if (this.#slot >= 0) {
      const head = Op.CLOSE | SqeFlag.CQE_SKIP_SUCCESS << 8;
      this.engine.submitLink(NOBODY, head, 0, 0, 0, 0, 0, this.#slot + 1);
      this.files.slots.release(this.#slot);
    }
    if (this.#isLocal) closeDescriptor(this.fd);
    else this.engine.closeDescriptor(this.fd);
  }

  async #register(): Promise<void> {
    const { engine, files: { slots } } = this;
    const slot = slots.takeForLong();
    if (slot < 0) return;
    const { pool } = engine;
    const offset = pool.take(4);
    if (offset < 0) return slots.release(slot);
    this.begin();
    try {
      new DataView(pool.bytes.buffer).setInt32(pool.bytes.byteOffset + offset, this.fd, true);
      const address = pool.addressLow + offset;
      const count = await ringCall(engine, {
        head: Op.FILES_UPDATE,
        fd: -1,
        offset: slot,
        address,
        length: 1,
      });
      if (count !== 1) return slots.release(slot);
      this.#slot = this.hotFd = slot;
      this.hotFlags = SqeFlag.FIXED_FILE << 8;
    } finally {
      pool.release(offset);
      this.end();
    }
  }
}
