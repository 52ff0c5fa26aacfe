// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Channel } from "../thread/channel.ts";
import { admit } from "./access.ts";
import { openEntries } from "./directory_entries.ts";
import { inParallel } from "./in_parallel.ts";
import { checkPath, joinPath, pathText } from "./path.ts";
import type { RingFiles } from "./ring_files.ts";
import { statAtOnce, statSoon } from "./stat.ts";
import { nextRound } from "./uring_transfer.ts";

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /**
   * Tell size, times and the rest of each entry; see {@linkcode WalkEntry.info}.
   *
   * @default {false}
   */
  stat?: boolean;
  /**
   * How many directories deep to go; 1 is the entries of the first one, 0 nothing at all.
   *
   * @default {Infinity}
   */
  maxDepth?: number;
  /** Stops the walk. */
  signal?: AbortSignal;
}

/** What {@linkcode walk} finds. */
export interface WalkEntry extends Deno.DirEntry {
  /** The path, which begins with that of the walk. */
  path: string;
  /** What `lstat` tells; null unless asked for. */
  info: Deno.FileInfo | null;
}

/** Directories that are read at once; the pool that reads them has 32 threads. */
const DIRECTORIES_AT_ONCE = 16;
/** Lists of entries that wait to be taken; whoever has more waits. */
const LISTS_WAITING = 32;
/** Operations of one directory that ask a thread of the kernel's at once. */
const STATS_AT_ONCE = 64;

/**
 * All that lies below a directory, in no particular order. Links are found and not followed.
 *
 * Many directories are read at once, and entries are looked at where the kernel has them in memory;
 * the others in threads of its own, hundreds at a time. What vanishes meanwhile is left out.
 *
 * @throws {Deno.errors.NotFound} when there is no such directory
 *
 * @example The size of a tree
 * ```ts
 * import { walk } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.mkdir(`${folder}/a/b`, { recursive: true });
 * await Deno.writeTextFile(`${folder}/a/b/c`, "12345");
 * let size = 0;
 * for await (const { info, isFile } of walk(folder, { stat: true })) {
 *   if (isFile) size += info!.size;
 * }
 * assertEquals(size, 5);
 * ```
 */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncGenerator<WalkEntry> {
  const text = pathText(root);
  checkPath(text, `readdir '${text}'`);
  if ((options.maxDepth ?? 1) < 1) return;
  const found = new Channel<WalkEntry[]>(LISTS_WAITING);
  const walking = new Walk(admit("read", text), found, options).from(text);
  // Told below, once what was found before it is taken.
  walking.catch(() => {});
  try {
    for await (const entries of found) yield* entries;
    await walking;
  } finally {
    found.close();
    await walking.catch(() => {});
  }
}

class Walk {
  readonly #files: RingFiles | null;
  readonly #found: Channel<WalkEntry[]>;
  readonly #options: WalkOptions;
  readonly #directories: { path: string; depth: number }[] = [];
  readonly #finished = Promise.withResolvers<void>();
  #reading = 0;
  #failure: { error: unknown } | null = null;

  constructor(files: RingFiles | null, found: Channel<WalkEntry[]>, options: WalkOptions) {
    this.#files = files;
    this.#found = found;
    this.#options = options;
  }

  from(path: string): Promise<void> {
    this.#directories.push({ path, depth: 1 });
    this.#readMore();
    return this.#finished.promise;
  }

  /** The last found is read first, so that few wait. */
  #readMore(): void {
    while (
      this.#failure === null && this.#reading < DIRECTORIES_AT_ONCE && this.#directories.length > 0
    ) {
      const { path, depth } = this.#directories.pop()!;
      this.#reading++;
      this.#read(path, depth).catch((error) => this.#fail(error, depth)).finally(() => {
        this.#reading--;
        this.#readMore();
      });
    }
    if (this.#reading > 0) return;
    this.#found.close();
    if (this.#failure) this.#finished.reject(this.#failure.error);
    else this.#finished.resolve();
  }

  /** Those who wait to tell what they found need not. */
  #fail(error: unknown, depth: number): void {
    if (depth > 1 && error instanceof Deno.errors.NotFound) return;
    this.#failure ??= { error };
    this.#found.close();
  }

  async #read(path: string, depth: number): Promise<void> {
    const { signal, maxDepth = Infinity, stat = false } = this.#options;
    const lists = this.#files ? ringLists(this.#files, path) : denoLists(path);
    for await (const { entries, fd } of lists) {
      signal?.throwIfAborted();
      const walked = entries.map((entry) => walkEntry(path, entry));
      if (stat) await this.#inform(walked, fd);
      if (depth < maxDepth) {
        for (const { path, isDirectory } of walked) {
          if (isDirectory) this.#directories.push({ path, depth: depth + 1 });
        }
        this.#readMore();
      }
      if (this.#failure || this.#found.closed) return;
      await this.#found.send(stat ? walked.filter(({ info }) => info !== null) : walked);
    }
  }

  async #inform(entries: WalkEntry[], directory: number): Promise<void> {
    const files = this.#files;
    const others: WalkEntry[] = [];
    for (const entry of entries) {
      if (files === null) others.push(entry);
      else {
        if (!files.engine.direct.hasTime) await nextRound(files.engine);
        entry.info = statAtOnce(files, entry.name, false, directory);
        if (entry.info === null) others.push(entry);
      }
    }
    const inform = async (entry: WalkEntry) => {
      const asking = files ? statSoon(files, entry.path, false) : Deno.lstat(entry.path);
      entry.info = await asking.catch((error) => {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      });
    };
    await inParallel(others, STATS_AT_ONCE, inform);
  }
}

function walkEntry(directory: string, entry: Deno.DirEntry): WalkEntry {
  const { name, isFile, isDirectory, isSymlink } = entry;
  return { path: joinPath(directory, name), name, isFile, isDirectory, isSymlink, info: null };
}

interface EntryList {
  entries: Deno.DirEntry[];
  fd: number;
}

function ringLists(files: RingFiles, path: string): AsyncIterable<EntryList> {
  return openEntries(files, path, `readdir '${path}'`);
}

async function* denoLists(path: string): AsyncGenerator<EntryList> {
  yield { entries: await Array.fromAsync(Deno.readDir(path)), fd: -1 };
}
