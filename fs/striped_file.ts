// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkPosition } from "./arguments.ts";
import type { RandomAccessFile } from "./file_system.ts";
import { closedError } from "./open_mode.ts";
import { type StripeLayout, StripeMap } from "./stripe_layout.ts";
import { readFullAt, writeAllAt } from "./whole_file.ts";

/**
 * Several open files as one.
 *
 * @example Two files, one after the other
 * ```ts
 * import { MemoryFs, readFullAt, StripedFile, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new Uint8Array([1, 2, 3]));
 * await writeWhole(memory, "b", new Uint8Array([4, 5]));
 * const files = [await memory.open("a"), await memory.open("b")];
 * using both = new StripedFile(files, { kind: "linear", partBytes: 3 });
 * const bytes = new Uint8Array(5);
 * await readFullAt(both, bytes, 0);
 * assertEquals(bytes, new Uint8Array([1, 2, 3, 4, 5]));
 * ```
 */
export class StripedFile implements RandomAccessFile {
  readonly #files: readonly RandomAccessFile[];
  readonly #map: StripeMap;
  #closed = false;

  /**
   * Takes the files over, in their order.
   *
   * @throws {RangeError} when there is none, or a part without bytes
   */
  constructor(files: readonly RandomAccessFile[], layout: StripeLayout) {
    this.#map = new StripeMap(files.length, layout);
    this.#files = [...files];
  }

  /** Reads at an offset, from all files at the same time. */
  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    this.#check();
    checkPosition(offset);
    const pieces = [...this.#map.pieces(offset, into.length)];
    const counts = await Promise.all(
      pieces.map(({ member, memberOffset, at, byteLength }) =>
        readFullAt(this.#files[member]!, into.subarray(at, at + byteLength), memberOffset)
      ),
    );
    if (pieces.every(({ byteLength }, i) => byteLength === counts[i])) return into.length;
    // A file that ends earlier than the whole has zeros from there on.
    const end = Math.min(into.length, (await this.stat()).size - offset);
    for (const [i, { at, byteLength }] of pieces.entries()) {
      const start = at + counts[i]!;
      if (start < end) into.fill(0, start, Math.min(at + byteLength, end));
    }
    return end > 0 ? end : null;
  }

  /** Writes at an offset, to all files at the same time. */
  async writeAt(bytes: Uint8Array, offset: number): Promise<number> {
    this.#check();
    checkPosition(offset);
    const pieces = [...this.#map.pieces(offset, bytes.length)];
    await Promise.all(
      pieces.map(({ member, memberOffset, at, byteLength }) =>
        writeAllAt(this.#files[member]!, bytes.subarray(at, at + byteLength), memberOffset)
      ),
    );
    return bytes.length;
  }

  /** Says what it is now; but for its length it is what the first file is. */
  async stat(): Promise<Deno.FileInfo> {
    this.#check();
    return combineInfos(await Promise.all(this.#files.map((file) => file.stat())), this.#map);
  }

  /** Cuts or extends it. */
  async truncate(byteLength: number = 0): Promise<void> {
    this.#check();
    checkPosition(byteLength);
    await this.#inAll((file, member) => file.truncate(this.#map.share(member, byteLength)));
  }

  /** Makes a range zero and gives its space back. */
  async punch(offset: number, byteLength: number): Promise<void> {
    this.#check();
    checkPosition(offset);
    checkPosition(byteLength);
    await this.#inAll((file, member) => {
      const start = this.#map.share(member, offset);
      return file.punch(start, this.#map.share(member, offset + byteLength) - start);
    });
  }

  /** Resolves when what was written would survive a loss of power. */
  async sync(): Promise<void> {
    this.#check();
    await this.#inAll((file) => file.sync());
  }

  /** Closes all files. */
  close(): void {
    this.#check();
    this.#closed = true;
    for (const file of this.#files) file.close();
  }

  /** Closes all files unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #check(): void {
    if (this.#closed) throw closedError();
  }

  async #inAll(run: (file: RandomAccessFile, member: number) => Promise<void>): Promise<void> {
    await Promise.all(this.#files.map(run));
  }
}

/** What a file is whose members are these. */
export function combineInfos(infos: readonly Deno.FileInfo[], map: StripeMap): Deno.FileInfo {
  const times = infos.map(({ mtime }) => mtime?.getTime() ?? 0);
  return {
    ...infos[0]!,
    size: Math.max(...infos.map(({ size }, member) => map.end(member, size))),
    mtime: infos[0]!.mtime && new Date(Math.max(...times)),
    blocks: infos.reduce((sum, { blocks }) => sum + (blocks ?? 0), 0),
  };
}
