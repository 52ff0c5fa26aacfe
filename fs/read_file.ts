// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { OpenFlag } from "../ffi/file.ts";
import { isEverythingGranted } from "../ffi/permission.ts";
import { admit, withoutLinks } from "./access.ts";
import type { OpenFile } from "./open_file.ts";
import { withAction } from "./error_action.ts";
import { checkPath, pathText } from "./path.ts";
import type { RingFiles } from "./ring_files.ts";
import { readSmallFile, SMALL_FILE_BYTES } from "./small_file.ts";
import { UringFile } from "./uring_file.ts";
import { uringOpen } from "./uring_open.ts";

/**
 * Reads a file to its end. Drop-in for {@linkcode Deno.readFile}.
 *
 * @param options A signal that stops it
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example Read what was written
 * ```ts
 * import { makeTempFile, readFile, writeFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeFile(path, new Uint8Array([1, 2, 3]));
 * assertEquals(await readFile(path), new Uint8Array([1, 2, 3]));
 * ```
 */
export async function readFile(
  path: string | URL,
  options?: Deno.ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const signal = options?.signal;
  signal?.throwIfAborted();
  const text = pathText(path);
  const action = `readfile '${text}'`;
  checkPath(text, action);
  const files = admit("read", text);
  const readDeno = () => Deno.readFile(path, options);
  if (files === null) return await readDeno();
  // Of a program with some permissions only, no link may lead elsewhere.
  const small = isEverythingGranted() ? await readSmallFile(files, text) : null;
  signal?.throwIfAborted();
  return small ?? await withoutLinks(() => readWhole(files, text, action, signal), readDeno);
}

/**
 * Reads a file to its end, as text. Drop-in for {@linkcode Deno.readTextFile}: bytes that are no
 * UTF-8 read as `U+FFFD`.
 *
 * @param options A signal that stops it
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example Read what was written
 * ```ts
 * import { makeTempFile, readTextFile, writeTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeTextFile(path, "hello");
 * assertEquals(await readTextFile(path), "hello");
 * ```
 */
export async function readTextFile(
  path: string | URL,
  options?: Deno.ReadFileOptions,
): Promise<string> {
  return decoder.decode(await readFile(path, options));
}

/** Deno keeps the byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

async function readWhole(
  files: RingFiles,
  path: string,
  action: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const { fd, isLocal } = await uringOpen(files, path, OpenFlag.RDONLY, 0, action);
  const file = new UringFile(files, fd, isLocal);
  let isOpen = true;
  const close = () => {
    if (isOpen) file.close();
    isOpen = false;
  };
  // What waits for a pipe or a terminal ends with the descriptor.
  signal?.addEventListener("abort", close, { once: true });
  try {
    signal?.throwIfAborted();
    const { size } = await file.stat();
    return await readToEnd(file, size, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw withAction(error, action);
  } finally {
    signal?.removeEventListener("abort", close);
    close();
  }
}

/** Reads on until nothing comes. The size is a hint: files grow, and those of `/proc` have none. */
async function readToEnd(
  file: OpenFile,
  sizeHint: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  // One byte more, so that the read which meets the end needs no more room.
  let bytes = new Uint8Array(Math.max(sizeHint + 1, SMALL_FILE_BYTES));
  let filled = 0;
  for (;;) {
    const count = await file.read(bytes.subarray(filled, filled + PIECE_BYTES));
    signal?.throwIfAborted();
    if (count === null) return bytes.length === filled ? bytes : bytes.slice(0, filled);
    filled += count;
    if (filled < bytes.length) continue;
    const larger = new Uint8Array(bytes.length * 2);
    larger.set(bytes);
    bytes = larger;
  }
}

/** Between pieces of this size a signal is looked at. */
const PIECE_BYTES = 16 * 1024 * 1024;
