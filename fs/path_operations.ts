// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

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
export function mkdir(path: string | URL, options?: Deno.MkdirOptions): Promise<void> {
  return Deno.mkdir(path, options);
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
export function remove(path: string | URL, options?: Deno.RemoveOptions): Promise<void> {
  return Deno.remove(path, options);
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
export function rename(oldpath: string | URL, newpath: string | URL): Promise<void> {
  return Deno.rename(oldpath, newpath);
}
