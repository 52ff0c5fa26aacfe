// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "../fs/file_system.ts";

/** What a {@linkcode FaultyFs} is to fail at. */
export type Fault = "read" | "write" | "rename" | "sync";

/** A file system that counts reads, fails with EIO where it is told to, and may take its time. */
export class FaultyFs implements FileSystem {
  readonly #system: FileSystem;
  /** Reads of files so far. */
  reads = 0;
  /** What fails from now on. */
  failing: Fault | undefined;
  /** What is waited for before and after each read and write. */
  delay: (() => Promise<void>) | undefined;

  /** The same files as those of `system`. */
  constructor(system: FileSystem) {
    this.#system = system;
  }

  /** Opens a file that fails in the same way. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    const file = await this.#system.open(path, options);
    return {
      readAt: (into, offset) => {
        this.reads++;
        return this.#unless("read", () => file.readAt(into, offset));
      },
      writeAt: (bytes, offset) => this.#unless("write", () => file.writeAt(bytes, offset)),
      sync: () => this.#unless("sync", () => file.sync()),
      stat: () => file.stat(),
      truncate: (byteLength) => file.truncate(byteLength),
      punch: (offset, byteLength) => file.punch(offset, byteLength),
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  }

  /** As the system's own. */
  rename(oldPath: string, newPath: string): Promise<void> {
    return this.#unless("rename", () => this.#system.rename(oldPath, newPath));
  }

  /** As the system's own. */
  stat(path: string): Promise<Deno.FileInfo> {
    return this.#system.stat(path);
  }

  /** As the system's own. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return this.#system.lstat(path);
  }

  /** As the system's own. */
  readDir(path: string): AsyncIterable<Deno.DirEntry> {
    return this.#system.readDir(path);
  }

  /** As the system's own. */
  mkdir(path: string, options?: Deno.MkdirOptions): Promise<void> {
    return this.#system.mkdir(path, options);
  }

  /** As the system's own. */
  remove(path: string, options?: Deno.RemoveOptions): Promise<void> {
    return this.#system.remove(path, options);
  }

  /** As the system's own. */
  symlink(target: string, path: string): Promise<void> {
    return this.#system.symlink(target, path);
  }

  /** As the system's own. */
  readLink(path: string): Promise<string> {
    return this.#system.readLink(path);
  }

  async #unless<T>(fault: Fault, run: () => Promise<T>): Promise<T> {
    await this.delay?.();
    if (this.failing !== fault) {
      const result = await run();
      await this.delay?.();
      return result;
    }
    const error = new Error("Input/output error (os error 5)");
    throw Object.assign(error, { code: "EIO" });
  }
}
