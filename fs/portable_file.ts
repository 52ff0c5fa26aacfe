// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import { Mutex } from "../thread/mutex.ts";
import type { OpenFile } from "./open_file.ts";

/**
 * An open file on Deno's own API, which has no positional reads and writes: they move the cursor
 * there and back, and so everything that uses the cursor takes its turn.
 */
export class PortableFile implements OpenFile {
  readonly fd = -1;
  readonly #file: Deno.FsFile;
  readonly #cursor = new Mutex();

  /** Takes over a file of Deno. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async read(p: Uint8Array): Promise<number | null> {
    using _turn = this.#cursor.tryLock() ?? await this.#cursor.lock();
    return await this.#file.read(p);
  }

  readSync(p: Uint8Array): number | null {
    return this.#file.readSync(p);
  }

  async write(p: Uint8Array): Promise<number> {
    using _turn = this.#cursor.tryLock() ?? await this.#cursor.lock();
    return await this.#file.write(p);
  }

  writeSync(p: Uint8Array): number {
    return this.#file.writeSync(p);
  }

  readAt(p: Uint8Array, position: number): Promise<number | null> {
    return this.#at(position, () => this.#file.read(p));
  }

  writeAt(p: Uint8Array, position: number): Promise<number> {
    return this.#at(position, () => this.#file.write(p));
  }

  truncate(byteLength: number): Promise<void> {
    return this.#file.truncate(byteLength);
  }

  truncateSync(byteLength: number): void {
    this.#file.truncateSync(byteLength);
  }

  async seek(offset: number | bigint, whence: Deno.SeekMode): Promise<number> {
    using _turn = this.#cursor.tryLock() ?? await this.#cursor.lock();
    return await this.#file.seek(offset, whence);
  }

  seekSync(offset: number | bigint, whence: Deno.SeekMode): number {
    return this.#file.seekSync(offset, whence);
  }

  stat(): Promise<Deno.FileInfo> {
    return this.#file.stat();
  }

  statSync(): Deno.FileInfo {
    return this.#file.statSync();
  }

  sync(dataOnly: boolean): Promise<void> {
    return dataOnly ? this.#file.syncData() : this.#file.sync();
  }

  syncSync(dataOnly: boolean): void {
    if (dataOnly) this.#file.syncDataSync();
    else this.#file.syncSync();
  }

  utime(atime: number | Date, mtime: number | Date): Promise<void> {
    return this.#file.utime(atime, mtime);
  }

  utimeSync(atime: number | Date, mtime: number | Date): void {
    this.#file.utimeSync(atime, mtime);
  }

  tryLock(exclusive: boolean): Promise<boolean> {
    return this.#file.tryLock(exclusive);
  }

  tryLockSync(exclusive: boolean): boolean {
    return this.#file.tryLockSync(exclusive);
  }

  lockSync(exclusive: boolean): void {
    this.#file.lockSync(exclusive);
  }

  unlock(): Promise<void> {
    return this.#file.unlock();
  }

  unlockSync(): void {
    this.#file.unlockSync();
  }

  isTerminal(): boolean {
    return this.#file.isTerminal();
  }

  setRaw(mode: boolean, options?: Deno.SetRawOptions): void {
    this.#file.setRaw(mode, options);
  }

  allocate(): Promise<void> {
    return Promise.reject(notSupported("allocate"));
  }

  advise(): Promise<void> {
    return Promise.reject(notSupported("advise"));
  }

  syncRange(): Promise<void> {
    return Promise.reject(notSupported("syncRange"));
  }

  close(): void {
    this.#file.close();
  }

  /** Moves the cursor to a position for one call. */
  async #at<T>(position: number, call: () => Promise<T>): Promise<T> {
    using _turn = this.#cursor.tryLock() ?? await this.#cursor.lock();
    const before = await this.#file.seek(0, Deno.SeekMode.Current);
    await this.#file.seek(position, Deno.SeekMode.Start);
    try {
      return await call();
    } finally {
      await this.#file.seek(before, Deno.SeekMode.Start);
    }
  }
}
