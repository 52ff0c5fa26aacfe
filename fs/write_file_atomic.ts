// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { writableFrom, writeAll } from "../io/byte_stream.ts";
import { checkBytes } from "./arguments.ts";
import type { FsFile } from "./fs_file.ts";
import { open } from "./open.ts";
import { joinPath, parentPath, pathText } from "./path.ts";
import { remove, rename } from "./path_operations.ts";
import { stat } from "./stat.ts";

/** Options of {@linkcode writeFileAtomic}. */
export interface WriteFileAtomicOptions {
  /**
   * Permission bits; those of the file that is replaced unless given, or 0o666 before the umask.
   */
  mode?: number;
  /** Stops it; then the file is as it was. */
  signal?: AbortSignal;
}

/**
 * Writes a file so that whoever looks, at any moment and after a loss of power, sees all of the old
 * contents or all of the new.
 *
 * The bytes go into a new file beside it, which is brought to the disk and then takes its place;
 * the directory is brought to the disk last. Whatever fails, the new file is removed again. A link
 * at the path is replaced by the file.
 *
 * @throws {Error} when the disk is full (`.code` is `"ENOSPC"`): the old contents stay
 *
 * @example Replace a file
 * ```ts
 * import { makeTempDir, readTextFile, writeFileAtomic } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await makeTempDir()}/settings.json`;
 * await writeFileAtomic(path, '{"colour":"blue"}');
 * assertEquals(await readTextFile(path), '{"colour":"blue"}');
 * ```
 */
export async function writeFileAtomic(
  path: string | URL,
  data: Uint8Array | string | ReadableStream<Uint8Array>,
  options: WriteFileAtomicOptions = {},
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (typeof data !== "string" && !(data instanceof ReadableStream)) checkBytes(data);
  const text = pathText(path);
  const folder = parentPath(text);
  const name = text.slice(text.lastIndexOf("/") + 1);
  const temporary = joinPath(folder, `.${name.slice(0, NAME_UNITS)}.${crypto.randomUUID()}`);
  const mode = options.mode ?? await modeOf(text);
  const creation = { write: true, createNew: true };
  const file = await open(temporary, mode === undefined ? creation : { ...creation, mode });
  try {
    try {
      await writeData(file, data, signal);
      await file.sync();
    } finally {
      file.close();
    }
    // The umask may have taken bits away.
    if (mode !== undefined) await Deno.chmod(temporary, mode);
    signal?.throwIfAborted();
    await rename(temporary, text);
  } catch (error) {
    // What was to be told is the first failure.
    await remove(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
}

/** Of a long name only the beginning, for the whole must fit into 255 bytes. */
const NAME_UNITS = 50;

/** Between pieces of this size a signal is looked at. */
const PIECE_BYTES = 4 * 1024 * 1024;

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode! & 0o7777;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function writeData(
  file: FsFile,
  data: Uint8Array | string | ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (data instanceof ReadableStream) {
    const sink = writableFrom(file, { autoClose: false });
    return await data.pipeTo(sink, signal ? { signal } : {});
  }
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    await writeAll(file, bytes.subarray(at, at + PIECE_BYTES));
    signal?.throwIfAborted();
  }
}

/** Brings a directory to the disk; some file systems cannot by itself, and need not. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await open(path);
  await folder.sync().catch((error) => {
    if (!(error instanceof TypeError)) throw error;
  });
}
