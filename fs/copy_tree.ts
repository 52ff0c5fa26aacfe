// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { copyFile } from "./copy_file.ts";
import { readLink, symlink } from "./deno_operations.ts";
import { inParallel } from "./in_parallel.ts";
import { joinPath, pathText } from "./path.ts";
import { mkdir } from "./path_operations.ts";
import { readDir } from "./read_dir.ts";
import { lstat, stat } from "./stat.ts";

/** Options of {@linkcode copyTree}. */
export interface CopyTreeOptions {
  /** Stops it: what was copied stays, a file half copied is removed. */
  signal?: AbortSignal;
}

/** Files of one directory that are copied at once. */
const FILES_AT_ONCE = 8;
/** Directories of one directory that are copied at once. */
const DIRECTORIES_AT_ONCE = 4;

/**
 * Copies a directory with all that is in it, or a file. Into a directory that is there the copy is
 * merged: files of the same name are replaced. Links are copied as links, wherever they lead.
 *
 * @throws {Deno.errors.NotFound} when there is nothing to copy
 * @throws {Deno.errors.AlreadyExists} when a file is where a directory should be
 * @throws {TypeError} at a pipe, socket or device, and when the copy would lie within the original
 *
 * @example Copy a folder
 * ```ts
 * import { copyTree, makeTempDir, mkdir, readTextFile, writeTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await makeTempDir();
 * await mkdir(`${folder}/a/b`, { recursive: true });
 * await writeTextFile(`${folder}/a/b/c`, "hello");
 * await copyTree(`${folder}/a`, `${folder}/copy`);
 * assertEquals(await readTextFile(`${folder}/copy/b/c`), "hello");
 * ```
 */
export async function copyTree(
  from: string | URL,
  to: string | URL,
  options: CopyTreeOptions = {},
): Promise<void> {
  const [source, target] = [pathText(from), pathText(to)];
  options.signal?.throwIfAborted();
  const info = await lstat(source);
  if (info.isDirectory) {
    await copyDirectory(source, target, [], options);
  } else await copyEntry(source, target, info, options);
}

/** `copies` are those of the directories around: one that is met again lies in the original. */
async function copyDirectory(
  from: string,
  to: string,
  copies: readonly string[],
  options: CopyTreeOptions,
): Promise<void> {
  const info = await stat(from);
  if (copies.includes(identity(info))) {
    throw new TypeError(`Cannot copy the tree: the copy, '${from}', lies within it`);
  }
  await mkdir(to, { recursive: true, mode: info.mode! & 0o7777 });
  const inner = [...copies, identity(await stat(to))];
  const entries = await Array.fromAsync(readDir(from));
  const directories = entries.filter(({ isDirectory }) => isDirectory);
  const others = entries.filter(({ isDirectory }) => !isDirectory);
  await inParallel(others, FILES_AT_ONCE, async (entry) => {
    options.signal?.throwIfAborted();
    await copyEntry(joinPath(from, entry.name), joinPath(to, entry.name), entry, options);
  });
  await inParallel(directories, DIRECTORIES_AT_ONCE, async ({ name }) => {
    options.signal?.throwIfAborted();
    await copyDirectory(joinPath(from, name), joinPath(to, name), inner, options);
  });
}

async function copyEntry(
  from: string,
  to: string,
  { isFile, isSymlink }: { isFile: boolean; isSymlink: boolean },
  options: CopyTreeOptions,
): Promise<void> {
  if (isFile) return await copyFile(from, to, options);
  if (isSymlink) return await copyLink(from, to);
  throw new TypeError(`Cannot copy the tree: '${from}' is neither file, directory nor link`);
}

async function copyLink(from: string, to: string): Promise<void> {
  const target = await readLink(from);
  try {
    await symlink(target, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (await readLink(to).catch(() => null) !== target) throw error;
  }
}

function identity({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}
