// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ServedEntry } from "../fs/served_folder.ts";
import { fieldLines } from "./prepared_response.ts";

/** Files up to this size are kept; the kernel sends larger ones from where they are. */
const FILE_BYTES_MAX = 131_072;
/** Bytes of all files together; the one that was asked for longest ago goes first. */
const CACHE_BYTES_MAX = 16_777_216;
/** What a file costs beside its content. */
const ENTRY_BYTES = 2048;
/**
 * A file that changed so lately is not kept: one that changes again within the resolution of its
 * times would look the same (2 s on FAT, a clock tick elsewhere).
 */
const SETTLED_MS = 2000;
/** Room for the head in front of each content. */
const HEAD_ROOM_BYTES = 1024;

/** A file that is kept. */
export interface CachedFile {
  /** What it was when it was read: device, inode, size and times. */
  readonly state: string;
  /** Its entity tag. */
  readonly etag: string;
  /** When it changed last, in milliseconds. */
  readonly modifiedMs: number;
  /** The content, with {@linkcode CachedFile.headRoom} octets in front of it in its buffer. */
  readonly content: Uint8Array<ArrayBuffer>;
  /** Octets in front of it. */
  readonly headRoom: number;
  /** Its fields, of which `Cache-Control` may change from one answer to the next. */
  readonly headers: Record<string, string>;
  /** The same in octets. */
  readonly fields: Uint8Array;
}

/**
 * Small files whose content is kept in memory, so that head and content leave in one call.
 *
 * Whether a file is still the same is asked of the kernel once for all that is answered in one go,
 * that is until the next microtask; a file is read at the second request for it.
 */
export class StaticCache {
  readonly #files: Map<string, CachedFile> = new Map();
  readonly #checked: Set<CachedFile> = new Set();
  #bytes = 0;

  /** The file at a path, if it was looked at in this go. */
  current(path: string): CachedFile | null {
    const file = this.#files.get(path);
    return file !== undefined && this.#checked.has(file) ? file : null;
  }

  /** The file at a path, which is what was looked at just now; null when it has changed. */
  confirm(path: string, state: string): CachedFile | null {
    const file = this.#files.get(path);
    if (file === undefined) return null;
    this.#drop(path, file);
    if (file.state !== state) return null;
    this.#keep(path, file);
    return file;
  }

  /** Reads a file, if it is small, in the kernel's memory, and did not change lately. */
  admit(path: string, entry: ServedEntry, about: CachedAbout): CachedFile | null {
    const { size, mtime, ctime } = entry.info;
    const changedMs = Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? Infinity);
    if (size === 0 || size > FILE_BYTES_MAX || Date.now() - changedMs < SETTLED_MS) return null;
    const fields = fieldLines(Object.entries(about.headers));
    const headRoom = HEAD_ROOM_BYTES + fields.length;
    const content = new Uint8Array(new ArrayBuffer(headRoom + size), headRoom);
    if (entry.readNow(content, 0) !== size) return null;
    const file = { ...about, content, headRoom, fields };
    this.#keep(path, file);
    while (this.#bytes > CACHE_BYTES_MAX) {
      const [[oldest, first]] = this.#files;
      this.#drop(oldest, first);
    }
    return file;
  }

  #keep(path: string, file: CachedFile): void {
    this.#files.set(path, file);
    this.#bytes += file.content.buffer.byteLength + ENTRY_BYTES;
    if (this.#checked.size === 0) queueMicrotask(() => this.#checked.clear());
    this.#checked.add(file);
  }

  #drop(path: string, file: CachedFile): void {
    this.#files.delete(path);
    this.#checked.delete(file);
    this.#bytes -= file.content.buffer.byteLength + ENTRY_BYTES;
  }
}

/** What is known of a file beside its content. */
export type CachedAbout = Pick<CachedFile, "state" | "etag" | "modifiedMs" | "headers">;
