// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkPosition } from "./arguments.ts";
import { type CachedEntry, versionOf } from "./cache_entry.ts";
import type { CacheReader } from "./cache_reader.ts";
import type { CacheStore } from "./cache_store.ts";
import type { RandomAccessFile } from "./file_system.ts";
import { closedError, type OpenMode } from "./open_mode.ts";

/** What the files of a {@linkcode CachedFs} share. */
export interface CacheSharing {
  /** The blocks. */
  readonly store: CacheStore;
  /** What reads them. */
  readonly reader: CacheReader;
  /** Whether a file is being changed. */
  isChanging(identity: string): boolean;
  /** Runs what changes a file, of which nothing is kept from then on. */
  change<T>(identity: string, run: () => Promise<T>): Promise<T>;
  /** Whether a file was changed so recently that another change could look the same. */
  isUnsettled(info: Deno.FileInfo): boolean;
}

/** An open file of a {@linkcode CachedFs}. */
export class CachedFile implements RandomAccessFile {
  readonly #shared: CacheSharing;
  readonly #source: RandomAccessFile;
  readonly #mode: OpenMode;
  readonly #path: string;
  readonly #identity: string;
  #entry: CachedEntry | undefined;
  #closed = false;

  /**
   * Takes over an open file of the source.
   *
   * @param path The normal form of its path
   * @param identity What all paths to it have in common
   */
  constructor(
    shared: CacheSharing,
    source: RandomAccessFile,
    mode: OpenMode,
    path: string,
    identity: string,
  ) {
    this.#shared = shared;
    this.#source = source;
    this.#mode = mode;
    this.#path = path;
    this.#identity = identity;
  }

  /** Reads at an offset, from the cache where it can. */
  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    if (this.#closed) throw closedError();
    checkPosition(offset);
    if (into.length === 0) return 0;
    const current = this.#entry?.dropped === false ? this.#entry : undefined;
    const entry = current ?? (this.#mode.read ? await this.#enter() : undefined);
    // What the file has gained since is the source's to tell, and how it refuses to be read.
    if (entry === undefined || offset >= entry.version.size) {
      return await this.#source.readAt(into, offset);
    }
    return await this.#shared.reader.read(entry, this.#source, into, offset) || null;
  }

  /** Brings a range into the cache. */
  async prefetch(offset: number, end: number): Promise<void> {
    const entry = await this.#enter();
    if (entry === undefined) return;
    const stop = Math.min(end, entry.version.size);
    await this.#shared.reader.prefetch(entry, this.#source, offset, stop);
  }

  /** Writes at an offset of the source. */
  writeAt(bytes: Uint8Array, offset: number): Promise<number> {
    return this.#change(() => this.#source.writeAt(bytes, offset));
  }

  /** Says what it is now. */
  stat(): Promise<Deno.FileInfo> {
    return this.#source.stat();
  }

  /** Cuts or extends it. */
  truncate(byteLength?: number): Promise<void> {
    return this.#change(() => this.#source.truncate(byteLength));
  }

  /** Makes a range zero and gives its space back. */
  punch(offset: number, byteLength: number): Promise<void> {
    return this.#change(() => this.#source.punch(offset, byteLength));
  }

  /** Resolves when what was written would survive a loss of power. */
  sync(): Promise<void> {
    return this.#source.sync();
  }

  /** Closes it. */
  close(): void {
    if (this.#closed) throw closedError();
    this.#closed = true;
    this.#leave();
    this.#source.close();
  }

  /** Closes it unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #change<T>(run: () => Promise<T>): Promise<T> {
    return this.#mode.write ? this.#shared.change(this.#identity, run) : run();
  }

  /** What the cache has of the file as it is now; undefined while it must not be used. */
  async #enter(): Promise<CachedEntry | undefined> {
    if (this.#entry !== undefined && !this.#entry.dropped) return this.#entry;
    this.#leave();
    const { store } = this.#shared;
    if (!store.usable || this.#shared.isChanging(this.#identity)) return undefined;
    const info = await this.#source.stat();
    const mustWait = this.#closed || this.#shared.isChanging(this.#identity) || !info.isFile ||
      this.#shared.isUnsettled(info);
    if (mustWait) return undefined;
    // Another read of this file may have been first.
    if (this.#entry !== undefined && !this.#entry.dropped) return this.#entry;
    this.#leave();
    return this.#entry = store.enter(this.#path, versionOf(info));
  }

  #leave(): void {
    if (this.#entry !== undefined) this.#shared.store.leave(this.#entry);
    this.#entry = undefined;
  }
}
