// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CACHE_FORMAT, type CacheRecord, decodeRecords, encodeRecord } from "./cache_record.ts";
import type { FileSystem, RandomAccessFile } from "./file_system.ts";
import { readWhole, writeAllAt } from "./whole_file.ts";

/** Where a {@linkcode CacheJournal} is, and what it may take up. */
export interface CacheJournalOptions {
  /** The file system that it is on. */
  system: FileSystem;
  /** Its path. A second one with `.new` appended is there while it is written anew. */
  path: string;
  /** Bytes of a block; a journal of other blocks is none. */
  blockBytes: number;
  /** Bytes at which it is written anew. */
  byteLengthMax: number;
  /** What to write then: the records that lead to what holds now. */
  snapshot: () => CacheRecord[];
}

/**
 * The records of a cache on the disk: each is appended, and when they have become many, those that
 * still matter are written to a new file that takes the place of the old one.
 *
 * Records are written in the order in which they were appended. The death of the program loses a
 * tail of them at most; the loss of power may lose any part, which the checks of the blocks find.
 */
export class CacheJournal {
  readonly #options: CacheJournalOptions;
  #file: RandomAccessFile;
  #byteLength: number;
  #queued: Uint8Array[] = [];
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(options: CacheJournalOptions, file: RandomAccessFile, byteLength: number) {
    this.#options = options;
    this.#file = file;
    this.#byteLength = byteLength;
  }

  /**
   * Opens the journal, or begins one where there is none that can be read.
   *
   * @returns It, and the records that it has
   */
  static async open(
    options: CacheJournalOptions,
  ): Promise<{ journal: CacheJournal; records: CacheRecord[] }> {
    const { system, path, blockBytes } = options;
    const file = await system.open(path, { read: true, write: true, create: true });
    try {
      const { records, byteLength } = decodeRecords(await readWhole(system, path));
      const [head] = records;
      const isOurs = head?.kind === "head" && head.blockBytes === blockBytes &&
        head.format === CACHE_FORMAT;
      // What follows a record that is not whole would be read as its rest.
      await file.truncate(isOurs ? byteLength : 0);
      const journal = new CacheJournal(options, file, isOurs ? byteLength : 0);
      if (!isOurs) await journal.append([journal.#head()]);
      return { journal, records: isOurs ? records : [] };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Bytes of the file. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether a write has failed: from then on nothing can be relied on. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Appends records.
   *
   * @returns Resolves when they, and all before them, are written: the death of the program cannot
   * undo them
   * @throws {Error} what the file system throws, from then on for ever
   */
  async append(records: readonly CacheRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#queued.push(...records.map(encodeRecord));
    if (this.#queued.length > 0) this.#writing ??= this.#write();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes it anew if it is longer than it may be, as one is that a larger cache has left. */
  async shrink(): Promise<void> {
    if (this.#byteLength > this.#options.byteLengthMax) await this.#renew();
  }

  /** Waits until all is written, and would survive a loss of power. */
  async sync(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#failure === undefined) await this.#file.sync();
  }

  /** Closes the file; what is queued has been written before. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#file.close();
  }

  /** Makes sure that no record of it is ever read again. */
  async discard(): Promise<void> {
    this.#failure ??= new Deno.errors.Interrupted("Cannot use the cache: it was discarded");
    try {
      await this.#options.system.remove(this.#options.path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #write(): Promise<void> {
    // What is appended in the same turn leaves in one write.
    await Promise.resolve();
    try {
      while (this.#queued.length > 0 && this.#failure === undefined) {
        const batch = concatenate(this.#queued);
        this.#queued = [];
        if (this.#byteLength + batch.length > this.#options.byteLengthMax) await this.#renew();
        await writeAllAt(this.#file, batch, this.#byteLength);
        this.#byteLength += batch.length;
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#queued = [];
      this.#writing = undefined;
    }
  }

  async #renew(): Promise<void> {
    const { system, path, snapshot } = this.#options;
    const file = await system.open(`${path}.new`, { write: true, create: true, truncate: true });
    try {
      const bytes = concatenate([this.#head(), ...snapshot()].map(encodeRecord));
      await writeAllAt(file, bytes, 0);
      // Otherwise a loss of power could leave the new name with nothing in it.
      await file.sync();
      await system.rename(`${path}.new`, path);
      this.#byteLength = bytes.length;
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file.close();
    this.#file = file;
  }

  #head(): CacheRecord {
    return { kind: "head", blockBytes: this.#options.blockBytes, format: CACHE_FORMAT };
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
