// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Which bytes of a file a call is about. */
export interface ByteRange {
  /**
   * Where it begins, in bytes.
   *
   * @default {0}
   */
  offset?: number;
  /** How many bytes; to the end of the file unless given. */
  length?: number;
}

/** What {@linkcode FsFile.allocate} does with the bytes of its range. */
export type AllocateMode = "extend" | "keepSize" | "punchHole" | "zeroRange";

/** How the bytes of a range are going to be used, for {@linkcode FsFile.advise}. */
export type Advice = "normal" | "random" | "sequential" | "willNeed" | "dontNeed" | "noReuse";

/**
 * What {@linkcode FsFile} needs of an engine: one open file. `UringFile` is it on the ring,
 * `PortableFile` on Deno's own API. Buffers and numbers are checked before they come here.
 */
export interface OpenFile {
  /** The descriptor, or -1 where there is none to give. */
  readonly fd: number;
  /** Reads from the cursor; null at the end of the file. */
  read(p: Uint8Array): Promise<number | null>;
  /** The same, waited for. */
  readSync(p: Uint8Array): number | null;
  /** Writes at the cursor. */
  write(p: Uint8Array): Promise<number>;
  /** The same, waited for. */
  writeSync(p: Uint8Array): number;
  /** Reads at a position; null at the end of the file. */
  readAt(p: Uint8Array, position: number): Promise<number | null>;
  /** Writes at a position. */
  writeAt(p: Uint8Array, position: number): Promise<number>;
  /** Cuts or extends. */
  truncate(byteLength: number): Promise<void>;
  /** The same, waited for. */
  truncateSync(byteLength: number): void;
  /** Moves the cursor. */
  seek(offset: number | bigint, whence: Deno.SeekMode): Promise<number>;
  /** The same, waited for. */
  seekSync(offset: number | bigint, whence: Deno.SeekMode): number;
  /** What the file is. */
  stat(): Promise<Deno.FileInfo>;
  /** The same, waited for. */
  statSync(): Deno.FileInfo;
  /** Waits until contents, and the rest unless `dataOnly`, are on the disk. */
  sync(dataOnly: boolean): Promise<void>;
  /** The same, waited for. */
  syncSync(dataOnly: boolean): void;
  /** Sets the times of access and modification. */
  utime(atime: number | Date, mtime: number | Date): Promise<void>;
  /** The same, waited for. */
  utimeSync(atime: number | Date, mtime: number | Date): void;
  /** Locks the file, or says that another holds it. */
  tryLock(exclusive: boolean): Promise<boolean>;
  /** The same, waited for. */
  tryLockSync(exclusive: boolean): boolean;
  /** Locks the file, and stops the thread until it can. */
  lockSync(exclusive: boolean): void;
  /** Gives the lock back. */
  unlock(): Promise<void>;
  /** The same, waited for. */
  unlockSync(): void;
  /** Whether it is a terminal. */
  isTerminal(): boolean;
  /** Sets the raw mode of a terminal. */
  setRaw(mode: boolean, options?: Deno.SetRawOptions): void;
  /** Reserves, empties or cuts out the bytes of a range. */
  allocate(mode: AllocateMode, offset: number, length: number): Promise<void>;
  /** Tells the kernel how a range is going to be used. */
  advise(advice: Advice, offset: number, length: number): Promise<void>;
  /** Writes the changed pages of a range to the disk. */
  syncRange(offset: number, length: number): Promise<void>;
  /** Closes once nothing is in flight; called once. */
  close(): void;
}
