// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CacheRecord, Version } from "./cache_record.ts";

/** What a cache did for a file, or for all. */
export interface CacheStatistics {
  /** Blocks that were read from the cache. */
  hits: number;
  /** Blocks that were not there. */
  misses: number;
  /** Bytes that were read from the cache. */
  hitBytes: number;
  /** Bytes that were read from the source, for the cache and past it. */
  sourceBytes: number;
  /** Blocks that were evicted for others. */
  evictions: number;
  /** Times that blocks could not be stored. */
  failures: number;
  /** Bytes in the cache now. */
  cachedBytes: number;
}

/** One state of one file, and the blocks of it that are in the cache. */
export class CachedEntry {
  /** Its number in the journal. */
  readonly id: number;
  /** Its path. */
  readonly path: string;
  /** The state. */
  readonly version: Version;
  /** Slots by block. */
  readonly blocks: Map<number, number> = new Map();
  /** Refills in flight by block. */
  readonly refills: Map<number, Promise<Refill>> = new Map();
  /** What the cache did for it. */
  readonly statistics: CacheStatistics = noStatistics();
  /** Whether the journal knows it. */
  recorded = false;
  /** Whether the file is known to be in another state: nothing is added any more. */
  dropped = false;
  /** Open files and refills that use it. */
  handles = 0;

  /** An entry without blocks. */
  constructor(id: number, path: string, version: Version) {
    this.id = id;
    this.path = path;
    this.version = version;
  }
}

/** Bytes that were read from the source. */
export interface Refill {
  /** Where in the file they begin. */
  readonly offset: number;
  /** They; fewer than were asked for where the file ends. */
  readonly bytes: Uint8Array;
}

/** Statistics of nothing. */
export function noStatistics(): CacheStatistics {
  return {
    hits: 0,
    misses: 0,
    hitBytes: 0,
    sourceBytes: 0,
    evictions: 0,
    failures: 0,
    cachedBytes: 0,
  };
}

/** The state that a file is in. */
export function versionOf(info: Deno.FileInfo): Version {
  return {
    size: info.size,
    mtimeMs: info.mtime?.getTime() ?? NaN,
    dev: info.dev,
    ino: info.ino ?? NaN,
  };
}

/** Whether two states are the same. */
export function isSameVersion(a: Version, b: Version): boolean {
  return a.size === b.size && Object.is(a.mtimeMs, b.mtimeMs) && a.dev === b.dev &&
    Object.is(a.ino, b.ino);
}

/** What two paths to the same file have in common; the path where files have no numbers. */
export function identityOf(version: Version, path: string): string {
  return Number.isNaN(version.ino) ? `path ${path}` : `${version.dev} ${version.ino}`;
}

/** What the journal says about a file. */
export function fileRecord({ id, path, version }: CachedEntry): CacheRecord {
  return { kind: "file", id, path, version };
}
