// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { AtFlag, CURRENT_DIRECTORY, OpenFlag } from "../ffi/file.ts";
import { admit, withoutLinks } from "./access.ts";
import { fileLength } from "./arguments.ts";
import { CallMemory } from "./call_memory.ts";
import { withAction } from "./error_action.ts";
import { checkPath, parentPath, pathText } from "./path.ts";
import { removeTreeAt, unlink } from "./remove_tree.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";
import { uringStat } from "./stat.ts";
import { UringFile } from "./uring_file.ts";
import { uringOpen } from "./uring_open.ts";

/**
 * Makes a directory, with those above it if `recursive`. Drop-in for {@linkcode Deno.mkdir}.
 *
 * @throws {Deno.errors.AlreadyExists} when there is something of that name
 *
 * @example A directory in a directory
 * ```ts
 * import { mkdir, stat } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await mkdir(`${folder}/a/b`, { recursive: true });
 * assert((await stat(`${folder}/a/b`)).isDirectory);
 * ```
 */
export async function mkdir(path: string | URL, options?: Deno.MkdirOptions): Promise<void> {
  const text = pathText(path);
  const action = `mkdir '${text}'`;
  checkPath(text, action);
  const files = admit("write", text);
  if (files === null) return await Deno.mkdir(path, options);
  const { mode = 0o777, recursive = false } = options ?? {};
  const result = recursive
    ? await makeWithParents(files, text, mode & 0o777)
    : await makeDirectory(files, text, mode & 0o777);
  if (result < 0) throw osError(result, action);
}

/**
 * Removes a file, a link or an empty directory, and with `recursive` all that is in it. Drop-in
 * for {@linkcode Deno.remove}.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example Remove a file
 * ```ts
 * import { remove } from "@photon/std/fs";
 *
 * await remove(await Deno.makeTempFile());
 * ```
 */
export async function remove(path: string | URL, options?: Deno.RemoveOptions): Promise<void> {
  const text = pathText(path);
  const action = `remove '${text}'`;
  checkPath(text, action);
  const files = admit("write", text);
  if (files === null) return await Deno.remove(path, options);
  let result = await unlink(files, text, 0);
  if (result === -Errno.EISDIR) {
    if (options?.recursive) return await removeTreeAt(files, text, {});
    result = await unlink(files, text, AtFlag.REMOVEDIR);
  }
  if (result < 0) throw osError(result, action);
}

/**
 * Gives a file or directory another path, in place of what is there. Drop-in for
 * {@linkcode Deno.rename}.
 *
 * @example Rename a file
 * ```ts
 * import { remove, rename } from "@photon/std/fs";
 *
 * const path = await Deno.makeTempFile();
 * await rename(path, `${path}.new`);
 * await remove(`${path}.new`);
 * ```
 */
export async function rename(oldpath: string | URL, newpath: string | URL): Promise<void> {
  const texts = [pathText(oldpath), pathText(newpath)] as const;
  const action = checkPair("rename", texts);
  // What is moved away is read as well.
  const files = admit("read", texts[0]) && admit("write", ...texts);
  if (files === null) return await Deno.rename(oldpath, newpath);
  await callOnPair(files, Op.RENAMEAT, texts, action);
}

/**
 * Gives a file a second name. Drop-in for {@linkcode Deno.link}.
 *
 * @throws {Deno.errors.AlreadyExists} when there is something of that name
 *
 * @example Two names, one file
 * ```ts
 * import { link, stat } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await link(path, `${path}.2`);
 * assertEquals((await stat(path)).nlink, 2);
 * ```
 */
export async function link(oldpath: string, newpath: string): Promise<void> {
  const texts = [pathText(oldpath), pathText(newpath)] as const;
  const action = checkPair("link", texts);
  const files = admit("both", ...texts);
  if (files === null) return await Deno.link(oldpath, newpath);
  await callOnPair(files, Op.LINKAT, texts, action);
}

/**
 * Cuts a file, or extends it with zeros. Drop-in for {@linkcode Deno.truncate}.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example Cut a file
 * ```ts
 * import { stat, truncate } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await truncate(path, 100);
 * assertEquals((await stat(path)).size, 100);
 * ```
 */
export async function truncate(name: string, len = 0): Promise<void> {
  const text = pathText(name);
  const action = `truncate '${text}'`;
  checkPath(text, action);
  const length = fileLength(len, action);
  const files = admit("write", text);
  const truncateDeno = () => Deno.truncate(name, len);
  if (files === null) return await truncateDeno();
  await withoutLinks(async () => {
    const { fd, isLocal } = await uringOpen(files, text, OpenFlag.WRONLY, 0, action);
    const file = new UringFile(files, fd, isLocal);
    try {
      await file.truncate(length);
    } catch (error) {
      throw withAction(error, action);
    } finally {
      file.close();
    }
  }, truncateDeno);
}

/** Makes one directory on the ring; a negative error number on failure. */
export async function makeDirectory(
  { engine }: RingFiles,
  path: string,
  mode: number,
): Promise<number> {
  using memory = await CallMemory.take(engine, [path]);
  const address = memory.paths[0]!;
  const fd = CURRENT_DIRECTORY;
  return await ringCall(engine, { head: Op.MKDIRAT, fd, address, length: mode });
}

async function makeWithParents(files: RingFiles, path: string, mode: number): Promise<number> {
  if (path === "") return 0;
  const result = await makeDirectory(files, path, mode);
  if (result !== -Errno.ENOENT) return await unlessThere(files, path, result);
  const parent = parentPath(path);
  if (parent === path) return result;
  const above = await makeWithParents(files, parent, mode);
  if (above < 0) return above;
  // Somebody else may have made it meanwhile.
  return await unlessThere(files, path, await makeDirectory(files, path, mode));
}

/** A refusal to make a directory is none when there is one. */
async function unlessThere(files: RingFiles, path: string, result: number): Promise<number> {
  if (result >= 0) return result;
  const there = await Promise.resolve(uringStat(files, path, true)).catch(() => null);
  return there?.isDirectory ? 0 : result;
}

async function callOnPair(
  { engine }: RingFiles,
  head: number,
  paths: readonly string[],
  action: string,
): Promise<void> {
  using memory = await CallMemory.take(engine, paths);
  const result = await ringCall(engine, {
    head,
    fd: CURRENT_DIRECTORY,
    address: memory.paths[0]!,
    offset: memory.paths[1]!,
    offsetHigh: engine.pool.addressHigh,
    // The second directory stands where others have a length.
    length: CURRENT_DIRECTORY,
  });
  if (result < 0) throw osError(result, action);
}

function checkPair(name: string, [first, second]: readonly [string, string]): string {
  const action = `${name} '${first}' -> '${second}'`;
  checkPath(first, action);
  checkPath(second, action);
  return action;
}
