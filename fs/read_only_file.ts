// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkPosition } from "./arguments.ts";
import type { RandomAccessFile } from "./file_system.ts";
import { closedError, readOnlyError } from "./open_mode.ts";

/** Where the bytes of a {@linkcode ReadOnlyFile} come from. */
export interface ReadOnlyContent {
  /** Reads at an offset, which was checked. */
  readAt(into: Uint8Array, offset: number): Promise<number | null>;
  /** What the file is. */
  describe(): Deno.FileInfo;
  /** Ends the reads in flight, which then reject; called once. */
  close?(): void;
}

/** An open file of a `ReadOnlyFs`. */
export class ReadOnlyFile implements RandomAccessFile {
  readonly #content: ReadOnlyContent;
  #closed = false;

  /** Opens it on its content. */
  constructor(content: ReadOnlyContent) {
    this.#content = content;
  }

  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    this.#check();
    checkPosition(offset);
    try {
      return await this.#content.readAt(into, offset);
    } catch (error) {
      this.#check();
      throw error;
    }
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async stat(): Promise<Deno.FileInfo> {
    this.#check();
    return this.#content.describe();
  }

  writeAt(): Promise<number> {
    return this.#refuse("write");
  }

  truncate(): Promise<void> {
    return this.#refuse("truncate");
  }

  punch(): Promise<void> {
    return this.#refuse("punch");
  }

  /** Does nothing: there is nothing to write. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async sync(): Promise<void> {
    this.#check();
  }

  close(): void {
    this.#check();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#content.close?.();
  }

  #check(): void {
    if (this.#closed) throw closedError();
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async #refuse(operation: string): Promise<never> {
    this.#check();
    throw readOnlyError(operation);
  }
}
