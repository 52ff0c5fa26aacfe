// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import type { TensorInfo } from "./tensor.ts";

/**
 * The open files of a model, each read by offset. They are opened when they are first read and
 * closed together.
 *
 * @example Some bytes of a file
 * ```ts
 * import { WeightFiles } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using files = new WeightFiles();
 * assertEquals(files.read("LICENSE", 0, 4).length, 4);
 * ```
 */
export class WeightFiles implements Disposable {
  readonly #files: Map<string, { readonly file: Deno.FsFile; readonly size: number }> = new Map();

  /** Bytes of a file. */
  size(path: string): number {
    return this.#open(path).size;
  }

  /**
   * Some bytes of a file.
   *
   * @throws {ModelFileError} when the file ends before them
   */
  read(path: string, offset: number, byteLength: number, part = ""): Uint8Array<ArrayBuffer> {
    const { file, size } = this.#open(path);
    if (offset + byteLength > size) {
      const end = offset + byteLength;
      throw new ModelFileError(path, part, `ends at byte ${end} of a file of ${size}`);
    }
    const bytes = new Uint8Array(byteLength);
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < byteLength;) {
      const count = file.readSync(bytes.subarray(filled));
      if (count === null) throw new ModelFileError(path, part, "became shorter while it was read");
      filled += count;
    }
    return bytes;
  }

  /** The bytes of a tensor, or of `byteLength` of them from `begin`. */
  readTensor(
    tensor: TensorInfo,
    begin = 0,
    byteLength = tensor.byteLength,
  ): Uint8Array<ArrayBuffer> {
    return this.read(tensor.file, tensor.offset + begin, byteLength, tensor.name);
  }

  /** Closes all files; they open again when they are read again. */
  close(): void {
    for (const { file } of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** {@linkcode close} */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(path: string): { readonly file: Deno.FsFile; readonly size: number } {
    const known = this.#files.get(path);
    if (known) return known;
    const file = Deno.openSync(path);
    try {
      const opened = { file, size: file.statSync().size };
      this.#files.set(path, opened);
      return opened;
    } catch (error) {
      file.close();
      throw error;
    }
  }
}
