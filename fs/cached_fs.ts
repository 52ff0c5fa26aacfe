// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CacheStatistics, identityOf, noStatistics, versionOf } from "./cache_entry.ts";
import { CacheReader } from "./cache_reader.ts";
import { CacheStore } from "./cache_store.ts";
import { CachedFile, type CacheSharing } from "./cached_file.ts";
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { openMode } from "./open_mode.ts";

/** Options of {@linkcode CachedFs.open}. */
export interface CachedFsOptions {
  /** The files. */
  source: FileSystem;
  /** Where the cache is kept, such as a {@linkcode LocalFs}. */
  cache: FileSystem;
  /** The directory of `cache` that it has for itself; it is made if it is not there. */
  folder: string;
  /** Bytes that the cache may take up, with all that it writes down. */
  quotaBytes: number;
  /**
   * Bytes of a block, the least that is read and kept.
   *
   * @default {65_536}
   */
  blockBytes?: number;
  /**
   * Bytes that are read from the source at once, at most.
   *
   * @default {1_048_576}
   */
  refillBytesMax?: number;
  /**
   * Part of the quota at which those blocks that were not used for longest are evicted.
   *
   * @default {0.95}
   */
  highWatermark?: number;
  /**
   * Part of the quota at which no more are evicted.
   *
   * @default {0.85}
   */
  lowWatermark?: number;
  /**
   * Milliseconds for which a file is not cached after it was changed: two changes within the
   * resolution of its time of modification cannot be told apart.
   *
   * @default {20}
   */
  settleMs?: number;
}

/** A part of a file, for {@linkcode CachedFs.prefetch}. */
export interface PrefetchOptions {
  /**
   * Where it begins, in bytes.
   *
   * @default {0}
   */
  offset?: number;
  /** How long it is; to the end of the file unless given. */
  byteLength?: number;
}

/**
 * Any file system with a cache on the disk in front of it. What is read is kept there by the block;
 * what has not been used for longest makes room. What is written goes to the source.
 *
 * A file is known by its path, size, time of modification and number, which are looked at when it
 * is opened: if one has changed, nothing is used of what was kept. Several reads of a missing block
 * are one read of the source, and neighbouring blocks are read together. The cache survives the
 * end of the program, however that comes about; a block of an earlier run is compared with its
 * checksum before it is used. A cache that cannot be written is passed by.
 *
 * @example A cache in front of files in memory
 * ```ts
 * import { CachedFs, LocalFs, MemoryFs, readWhole, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new MemoryFs();
 * await writeWhole(source, "a", new Uint8Array(100_000));
 * const folder = await Deno.makeTempDir();
 * {
 *   await using cached = await CachedFs.open({
 *     source,
 *     cache: new LocalFs(),
 *     folder,
 *     quotaBytes: 1 << 20,
 *     settleMs: 0,
 *   });
 *   await cached.prefetch("a");
 *   assertEquals((await readWhole(cached, "a")).length, 100_000);
 *   assertEquals(cached.statistics("a").hits, 2);
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class CachedFs implements FileSystem, AsyncDisposable {
  readonly #source: FileSystem;
  readonly #store: CacheStore;
  readonly #reader: CacheReader;
  readonly #shared: CacheSharing;
  /** Changes in flight by what is changed. */
  readonly #changes = new Map<string, number>();
  #closed = false;

  /** Use {@linkcode CachedFs.open}. */
  constructor(options: CachedFsOptions, store: CacheStore, blockBytes: number) {
    const { source, settleMs = 20, refillBytesMax = 1_048_576 } = options;
    this.#source = source;
    this.#store = store;
    this.#reader = new CacheReader(store, { blockBytes, refillBytesMax });
    this.#shared = {
      store,
      reader: this.#reader,
      isChanging: (identity) => this.#changes.has(identity),
      change: (identity, run) => this.#change(identity, run),
      isUnsettled: ({ mtime }) =>
        mtime !== null && Math.abs(Date.now() - mtime.getTime()) < settleMs,
    };
  }

  /**
   * Opens a cache with what an earlier run left in it.
   *
   * @throws {Deno.errors.Busy} when another program uses the directory
   * @throws {RangeError} when the quota is too small for a few blocks
   */
  static async open(options: CachedFsOptions): Promise<CachedFs> {
    const { blockBytes = 65_536, highWatermark = 0.95, lowWatermark = 0.85 } = options;
    if (!(Number.isSafeInteger(blockBytes) && blockBytes >= BLOCK_BYTES_MIN)) {
      throw new RangeError(
        `Cannot open a cache: blockBytes must be from ${BLOCK_BYTES_MIN}, received ${blockBytes}`,
      );
    }
    if (!(lowWatermark > 0 && lowWatermark <= highWatermark && highWatermark <= 1)) {
      throw new RangeError(
        "Cannot open a cache: watermarks must be parts of the quota, the lower one not above " +
          `the other, received ${lowWatermark} and ${highWatermark}`,
      );
    }
    const store = await CacheStore.open({
      system: options.cache,
      folder: options.folder,
      quotaBytes: options.quotaBytes,
      blockBytes,
      highWatermark,
      lowWatermark,
    });
    return new CachedFs(options, store, blockBytes);
  }

  /** Opens a file. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    return await this.#open(path, options);
  }

  /** Says what is at a path; symbolic links are followed. */
  stat(path: string): Promise<Deno.FileInfo> {
    return this.#source.stat(path);
  }

  /** Says what is at a path; a symbolic link is what it is. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return this.#source.lstat(path);
  }

  /** What a directory contains. */
  readDir(path: string): AsyncIterable<Deno.DirEntry> {
    return this.#source.readDir(path);
  }

  /** Makes a directory. */
  mkdir(path: string, options?: Deno.MkdirOptions): Promise<void> {
    return this.#source.mkdir(path, options);
  }

  /** Removes what is at a path, from the cache too. */
  async remove(path: string, options?: Deno.RemoveOptions): Promise<void> {
    await this.evict(path);
    await this.#source.remove(path, options);
  }

  /** Moves what is at a path; it is cached anew. */
  async rename(oldPath: string, newPath: string): Promise<void> {
    await this.evict(oldPath);
    await this.evict(newPath);
    await this.#source.rename(oldPath, newPath);
  }

  /** Makes a symbolic link. */
  symlink(target: string, path: string): Promise<void> {
    return this.#source.symlink(target, path);
  }

  /** Where a symbolic link leads. */
  readLink(path: string): Promise<string> {
    return this.#source.readLink(path);
  }

  /** Brings a file, or a part of it, into the cache. */
  async prefetch(path: string, options: PrefetchOptions = {}): Promise<void> {
    const { offset = 0, byteLength = Infinity } = options;
    using file = await this.#open(path);
    await file.prefetch(offset, offset + byteLength);
  }

  /** Takes a file, all files below a directory, or everything (`"."`) out of the cache. */
  async evict(path: string): Promise<void> {
    await this.#store.drop(this.#store.below(normalPath(path)));
  }

  /**
   * What the cache did for the file at a path since it was opened first, or for all files.
   *
   * @returns Zeros for a file of which nothing is known
   */
  statistics(path?: string): CacheStatistics {
    if (path === undefined) return { ...this.#store.total };
    const normal = normalPath(path);
    const entry = this.#store.below(normal).find((entry) => entry.path === normal);
    return { ...entry?.statistics ?? noStatistics() };
  }

  /** Resolves when all that was read is in the cache, and would survive a loss of power. */
  async flush(): Promise<void> {
    await this.#reader.idle();
    await this.#store.sync();
  }

  /** Closes the cache; files that are still open read from the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reader.idle();
    await this.#store.close();
  }

  async #open(path: string, options?: OpenFileOptions): Promise<CachedFile> {
    const mode = openMode(options);
    const file = mode.truncate
      ? await this.#change(await this.#identityAt(path), () => this.#source.open(path, options))
      : await this.#source.open(path, options);
    try {
      const normal = normalPath(path);
      const identity = identityOf(versionOf(await file.stat()), normal);
      return new CachedFile(this.#shared, file, mode, normal, identity);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What is at a path, for those who empty it; nothing is there that could be kept otherwise. */
  async #identityAt(path: string): Promise<string> {
    const normal = normalPath(path);
    try {
      return identityOf(versionOf(await this.#source.stat(path)), normal);
    } catch {
      return identityOf(versionOf(NO_INFO), normal);
    }
  }

  /** While it runs nothing of the file is kept, and what was kept is forgotten before. */
  async #change<T>(identity: string, run: () => Promise<T>): Promise<T> {
    this.#changes.set(identity, (this.#changes.get(identity) ?? 0) + 1);
    try {
      await this.#store.drop(this.#store.aliases(identity));
      return await run();
    } finally {
      const rest = this.#changes.get(identity)! - 1;
      if (rest > 0) this.#changes.set(identity, rest);
      else this.#changes.delete(identity);
    }
  }
}

/** Smaller blocks are more writing about them than blocks. */
const BLOCK_BYTES_MIN = 512;

const NO_INFO = { size: 0, mtime: null, dev: 0, ino: null } as Deno.FileInfo;

/** A path without empty names and `.`; `..` stays, for what is before it may be a link. */
function normalPath(path: string): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return `${path.startsWith("/") ? "/" : ""}${names.join("/")}`;
}
