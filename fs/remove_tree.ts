// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { AtFlag, CURRENT_DIRECTORY } from "../ffi/file.ts";
import { Semaphore } from "../thread/semaphore.ts";
import { admit } from "./access.ts";
import { CallMemory } from "./call_memory.ts";
import { directoryEntries } from "./directory_entries.ts";
import { inParallel } from "./in_parallel.ts";
import { checkPath, joinPath, pathText } from "./path.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";

/** Options of {@linkcode removeTree}. */
export interface RemoveTreeOptions {
  /** Stops; what is removed by then stays so. */
  signal?: AbortSignal;
}

/** Files of one directory that are removed at once. */
const UNLINKS_AT_ONCE = 64;
/** Directories that are read at once. */
const DIRECTORIES_AT_ONCE = 8;

/**
 * Removes what a path names, with all that is in it when it is a directory. Links are removed and
 * not followed.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example Remove a directory with a file in it
 * ```ts
 * import { removeTree } from "@photon/std/fs";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/one`, "");
 * await removeTree(folder);
 * ```
 */
export async function removeTree(
  path: string | URL,
  options: RemoveTreeOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  const text = pathText(path);
  checkPath(text, `remove '${text}'`);
  const files = admit("write", text);
  if (files === null) return await Deno.remove(path, { recursive: true });
  await removeTreeAt(files, text, options);
}

/** The same for a path that was checked. */
export async function removeTreeAt(
  files: RingFiles,
  path: string,
  { signal }: RemoveTreeOptions,
): Promise<void> {
  const reading = new Semaphore(DIRECTORIES_AT_ONCE);
  async function removeAll(path: string): Promise<void> {
    signal?.throwIfAborted();
    const directories: string[] = [];
    {
      using _reading = await reading.acquire();
      for await (const entries of directoryEntries(files, path, `remove '${path}'`)) {
        signal?.throwIfAborted();
        for (const { name, isDirectory } of entries) {
          if (isDirectory) directories.push(joinPath(path, name));
        }
        const others = entries.filter((entry) => !entry.isDirectory);
        await inParallel(others, UNLINKS_AT_ONCE, ({ name }) => unlinkAt(joinPath(path, name), 0));
      }
    }
    await inParallel(directories, DIRECTORIES_AT_ONCE, removeAll);
    await unlinkAt(path, AtFlag.REMOVEDIR);
  }
  async function unlinkAt(path: string, flags: number): Promise<void> {
    const result = await unlink(files, path, flags);
    // Somebody else may remove at the same time.
    if (result < 0 && result !== -Errno.ENOENT) throw osError(result, `remove '${path}'`);
  }
  const result = await unlink(files, path, 0);
  if (result === -Errno.EISDIR) await removeAll(path);
  else if (result < 0) throw osError(result, `remove '${path}'`);
}

/** Unlinks on the ring; a negative error number on failure. */
export async function unlink(
  { engine }: RingFiles,
  path: string,
  flags: number,
): Promise<number> {
  using memory = await CallMemory.take(engine, [path]);
  const address = memory.paths[0]!;
  return await ringCall(engine, { head: Op.UNLINKAT, fd: CURRENT_DIRECTORY, address, flags });
}
