// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "../fs/file_system.ts";

/**
 * A file system whose program dies: it makes so many changes, the last one of them by half, and
 * then none. Whatever is asked of it afterwards fails.
 */
export class DyingFs implements FileSystem {
  readonly #system: FileSystem;
  readonly #stepsMax: number;
  /** Changes that were asked for. */
  steps = 0;

  /** The files of `system`, and how many changes to them there are going to be. */
  constructor(system: FileSystem, stepsMax: number) {
    this.#system = system;
    this.#stepsMax = stepsMax;
  }

  /** Opens a file, which dies as well. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    const file = await this.#change(() => this.#system.open(path, options));
    return {
      readAt: (into, offset) => this.#read(() => file.readAt(into, offset)),
      writeAt: (bytes, offset) =>
        this.#change(
          () => file.writeAt(bytes, offset),
          () => file.writeAt(bytes.subarray(0, bytes.length / 2), offset),
        ),
      sync: () => this.#change(() => file.sync()),
      stat: () => this.#read(() => file.stat()),
      truncate: (byteLength) => this.#change(() => file.truncate(byteLength)),
      punch: (offset, byteLength) => this.#change(() => file.punch(offset, byteLength)),
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  }

  /** As the system's own. */
  stat(path: string): Promise<Deno.FileInfo> {
    return this.#read(() => this.#system.stat(path));
  }

  /** As the system's own. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return this.#read(() => this.#system.lstat(path));
  }

  /** As the system's own. */
  readDir(path: string): AsyncIterable<Deno.DirEntry> {
    return this.#system.readDir(path);
  }

  /** As the system's own. */
  mkdir(path: string, options?: Deno.MkdirOptions): Promise<void> {
    return this.#change(() => this.#system.mkdir(path, options));
  }

  /** As the system's own. */
  remove(path: string, options?: Deno.RemoveOptions): Promise<void> {
    return this.#change(() => this.#system.remove(path, options));
  }

  /** As the system's own. */
  rename(oldPath: string, newPath: string): Promise<void> {
    return this.#change(() => this.#system.rename(oldPath, newPath));
  }

  /** As the system's own. */
  symlink(target: string, path: string): Promise<void> {
    return this.#change(() => this.#system.symlink(target, path));
  }

  /** As the system's own. */
  readLink(path: string): Promise<string> {
    return this.#read(() => this.#system.readLink(path));
  }

  async #change<T>(run: () => Promise<T>, runHalf?: () => Promise<unknown>): Promise<T> {
    const step = ++this.steps;
    if (step < this.#stepsMax) return await run();
    if (step === this.#stepsMax) await runHalf?.();
    throw new Error("Cannot go on: the program is dead");
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    if (this.steps < this.#stepsMax) return await run();
    throw new Error("Cannot go on: the program is dead");
  }
}
