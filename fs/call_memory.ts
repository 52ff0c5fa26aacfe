// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import { STATX_WORDS } from "../ffi/layout.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import type { Engine } from "../io/engine.ts";

/** Where the paths begin. */
const PATHS = 320;
const HOW = 256;

/**
 * Engine memory of one call on paths, on loan from the pool.
 *
 * ```
 *   0              256            320
 *   | struct statx | open_how ... | first path NUL | second path NUL | room for values |
 * ```
 */
export class CallMemory implements Disposable {
  /** Addresses of the paths, lower halves. */
  readonly paths: readonly number[];
  /** Address of the room behind the paths, lower half. */
  readonly room: number;
  /** Bytes of that room. */
  readonly roomBytes: number;

  readonly #engine: Engine;
  readonly #offset: number;

  /**
   * Takes a block as soon as one is free, and writes the paths into it.
   *
   * @param roomBytes Bytes that are needed behind the paths
   * @throws {Error} when the paths are too long for the kernel (`.code` is `"ENAMETOOLONG"`)
   */
  static async take(
    engine: Engine,
    paths: readonly string[],
    roomBytes = 0,
  ): Promise<CallMemory> {
    // UTF-8 takes three bytes at most for each unit of the text.
    const most = PATHS + roomBytes + paths.reduce((sum, path) => sum + path.length * 3 + 1, 0);
    if (most > LARGE_BLOCK_BYTES) throw osError(Errno.ENAMETOOLONG);
    let offset = engine.pool.take(most);
    while (offset < 0) {
      await new Promise<void>((resolve) => void engine.pool.whenFree(resolve));
      offset = engine.pool.take(most);
    }
    return new CallMemory(engine, offset, paths);
  }

  /** Use {@linkcode take}. */
  constructor(engine: Engine, offset: number, paths: readonly string[]) {
    this.#engine = engine;
    this.#offset = offset;
    const { pool } = engine;
    const end = offset + pool.capacity(offset);
    let at = offset + PATHS;
    this.paths = paths.map((path) => {
      const start = at;
      at += encoder.encodeInto(path, pool.bytes.subarray(at, end)).written;
      pool.bytes[at++] = 0;
      return pool.addressLow + start;
    });
    this.room = pool.addressLow + at;
    this.roomBytes = end - at;
  }

  /** Address of the `struct statx`, lower half. */
  get status(): number {
    return this.#engine.pool.addressLow + this.#offset;
  }

  /** What the kernel wrote there. */
  get statusWords(): Uint32Array<ArrayBuffer> {
    const { bytes } = this.#engine.pool;
    return new Uint32Array(bytes.buffer, bytes.byteOffset + this.#offset, STATX_WORDS);
  }

  /** Address of the `struct open_how`, lower half. */
  get how(): number {
    return this.#engine.pool.addressLow + this.#offset + HOW;
  }

  /** The words of the `struct open_how`. */
  get howWords(): Uint32Array<ArrayBuffer> {
    const { bytes } = this.#engine.pool;
    return new Uint32Array(bytes.buffer, bytes.byteOffset + this.#offset + HOW, 6);
  }

  /** The room behind the paths. */
  get roomView(): Uint8Array<ArrayBuffer> {
    const { pool } = this.#engine;
    const start = this.room - pool.addressLow;
    return pool.bytes.subarray(start, start + this.roomBytes);
  }

  /** Gives the block back. */
  [Symbol.dispose](): void {
    this.#engine.pool.release(this.#offset);
  }
}

const encoder = new TextEncoder();
