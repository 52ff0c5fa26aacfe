// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CachedEntry, identityOf } from "./cache_entry.ts";

/** The files of a cache by path, and by what they are whatever their path. */
export class CacheIndex {
  readonly #byPath = new Map<string, CachedEntry>();
  readonly #byIdentity = new Map<string, Set<CachedEntry>>();

  /** The file at a path. */
  find(path: string): CachedEntry | undefined {
    return this.#byPath.get(path);
  }

  /** The file at a path, and those below it; all of them for the root. */
  below(path: string): CachedEntry[] {
    return [...this.#byPath.values()].filter((entry) =>
      path === "" || entry.path === path || entry.path.startsWith(`${path}/`)
    );
  }

  /** A file by whatever paths it is known. */
  aliases(identity: string): CachedEntry[] {
    return [...this.#byIdentity.get(identity) ?? []];
  }

  /** Adds a file; there is none at its path. */
  add(entry: CachedEntry): void {
    this.#byPath.set(entry.path, entry);
    const identity = identityOf(entry.version, entry.path);
    const aliases = this.#byIdentity.get(identity);
    if (aliases === undefined) this.#byIdentity.set(identity, new Set([entry]));
    else aliases.add(entry);
  }

  /** Takes a file out, if it is there. */
  remove(entry: CachedEntry): void {
    if (this.#byPath.get(entry.path) === entry) this.#byPath.delete(entry.path);
    const identity = identityOf(entry.version, entry.path);
    const aliases = this.#byIdentity.get(identity);
    aliases?.delete(entry);
    if (aliases?.size === 0) this.#byIdentity.delete(identity);
  }
}
