// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// What the ring has no operation for, and what needs all of Deno's own rules, is Deno's on every
// engine: it runs on Deno's blocking pool. Here so that a program needs one import only.

/**
 * Makes a symbolic link. Is {@linkcode Deno.symlink}.
 *
 * @example A link
 * ```ts
 * import { readLink, symlink } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/link`;
 * await symlink("elsewhere", path);
 * assertEquals(await readLink(path), "elsewhere");
 * ```
 */
export function symlink(
  oldpath: string | URL,
  newpath: string | URL,
  options?: Deno.SymlinkOptions,
): Promise<void> {
  return Deno.symlink(oldpath, newpath, options);
}

/**
 * Where a symbolic link leads. Is {@linkcode Deno.readLink}.
 *
 * @throws {TypeError} when it is no link
 *
 * @example Read a link
 * ```ts
 * import { readLink, symlink } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/link`;
 * await symlink("elsewhere", path);
 * assertEquals(await readLink(path), "elsewhere");
 * ```
 */
export function readLink(path: string | URL): Promise<string> {
  return Deno.readLink(path);
}

/**
 * The path from the root, without links. Is {@linkcode Deno.realPath}.
 *
 * @example Without dots
 * ```ts
 * import { realPath } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await realPath(await Deno.makeTempDir());
 * assertEquals(await realPath(`${folder}/../${folder.split("/").at(-1)}`), folder);
 * ```
 */
export function realPath(path: string | URL): Promise<string> {
  return Deno.realPath(path);
}

/**
 * Sets the permission bits. Is {@linkcode Deno.chmod}.
 *
 * @example For the owner alone
 * ```ts
 * import { chmod, stat } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await chmod(path, 0o600);
 * assertEquals((await stat(path)).mode! & 0o777, 0o600);
 * ```
 */
export function chmod(path: string | URL, mode: number): Promise<void> {
  return Deno.chmod(path, mode);
}

/**
 * Sets the owner; null leaves one as it is. Is {@linkcode Deno.chown}.
 *
 * @example To oneself
 * ```ts
 * import { chown } from "@photon/std/fs";
 *
 * await chown(await Deno.makeTempFile(), Deno.uid(), Deno.gid());
 * ```
 */
export function chown(
  path: string | URL,
  uid: number | null,
  gid: number | null,
): Promise<void> {
  return Deno.chown(path, uid, gid);
}

/**
 * Sets the times of access and modification; numbers are seconds since 1970. Is
 * {@linkcode Deno.utime}.
 *
 * @example Long ago
 * ```ts
 * import { stat, utime } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await utime(path, 10, 20);
 * assertEquals((await stat(path)).mtime, new Date(20_000));
 * ```
 */
export function utime(
  path: string | URL,
  atime: number | Date,
  mtime: number | Date,
): Promise<void> {
  return Deno.utime(path, atime, mtime);
}

/**
 * Makes a file with a name of its own. Is {@linkcode Deno.makeTempFile}.
 *
 * @returns Its path
 *
 * @example A file for a moment
 * ```ts
 * import { makeTempFile, remove } from "@photon/std/fs";
 *
 * await remove(await makeTempFile({ prefix: "moment-" }));
 * ```
 */
export function makeTempFile(options?: Deno.MakeTempOptions): Promise<string> {
  return Deno.makeTempFile(options);
}

/**
 * Makes a directory with a name of its own. Is {@linkcode Deno.makeTempDir}.
 *
 * @returns Its path
 *
 * @example A directory for a moment
 * ```ts
 * import { makeTempDir, remove } from "@photon/std/fs";
 *
 * await remove(await makeTempDir({ prefix: "moment-" }));
 * ```
 */
export function makeTempDir(options?: Deno.MakeTempOptions): Promise<string> {
  return Deno.makeTempDir(options);
}

/**
 * Tells of changes below paths. Is {@linkcode Deno.watchFs}.
 *
 * @param paths What to watch
 * @param options Whether to watch what lies below as well, which is the default
 *
 * @example The first change
 * ```ts
 * import { watch, writeTextFile } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * using watcher = watch(folder);
 * await writeTextFile(`${folder}/new`, "new");
 * for await (const event of watcher) {
 *   assert(event.paths[0].endsWith("/new"));
 *   break;
 * }
 * ```
 */
export function watch(
  paths: string | string[],
  options?: { recursive?: boolean; ignore?: string | string[] },
): Deno.FsWatcher {
  return Deno.watchFs(paths, options);
}
