// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { writeAll } from "../io/byte_stream.ts";
import { checkBytes } from "./arguments.ts";
import { withAction } from "./error_action.ts";
import { checkPath, pathText } from "./path.ts";
import { ringFiles } from "./ring_files.ts";
import type { FsFile } from "./fs_file.ts";
import { openWith } from "./open.ts";

/**
 * Writes a file, in place of what was in it. Drop-in for {@linkcode Deno.writeFile}.
 *
 * For a file that must never be seen half written there is `writeFileAtomic`.
 *
 * @param options Whether to append, to create, with which permission bits, and a signal that stops
 * it; what was written by then stays
 *
 * @example Write, and append
 * ```ts
 * import { makeTempFile, readFile, writeFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeFile(path, new Uint8Array([1]));
 * await writeFile(path, new Uint8Array([2]), { append: true });
 * assertEquals(await readFile(path), new Uint8Array([1, 2]));
 * ```
 */
export async function writeFile(
  path: string | URL,
  data: Uint8Array | ReadableStream<Uint8Array>,
  options: Deno.WriteFileOptions = {},
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (ringFiles() === null) return await Deno.writeFile(path, data, options);
  const text = pathText(path);
  const action = `writefile '${text}'`;
  checkPath(text, action);
  // Before the file is emptied.
  if (!(data instanceof ReadableStream)) checkBytes(data);
  const { append = false, create = true, createNew = false, mode } = options;
  const flags = { append, create, createNew, write: !append, truncate: !append };
  using file = await openWith(path, mode === undefined ? flags : { ...flags, mode }, action);
  if (mode !== undefined) await Deno.chmod(path, mode);
  try {
    if (data instanceof ReadableStream) await data.pipeTo(file.writable, signal ? { signal } : {});
    else await writePieces(file, data, signal);
  } catch (error) {
    throw withAction(error, action);
  }
}

/**
 * Writes a text to a file, in place of what was in it. Drop-in for {@linkcode Deno.writeTextFile}.
 *
 * @param options As for {@linkcode writeFile}
 *
 * @example Write a line
 * ```ts
 * import { makeTempFile, readTextFile, writeTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeTextFile(path, "a line\n");
 * assertEquals(await readTextFile(path), "a line\n");
 * ```
 */
export async function writeTextFile(
  path: string | URL,
  data: string | ReadableStream<string>,
  options?: Deno.WriteFileOptions,
): Promise<void> {
  const bytes = data instanceof ReadableStream
    ? data.pipeThrough(new TextEncoderStream())
    : new TextEncoder().encode(data);
  await writeFile(path, bytes, options);
}

async function writePieces(
  file: FsFile,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    await writeAll(file, data.subarray(at, at + PIECE_BYTES));
    signal?.throwIfAborted();
  }
}

/** Between pieces of this size a signal is looked at. */
const PIECE_BYTES = 16 * 1024 * 1024;
