// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * What a file is: type, size, times. Follows links. Drop-in for {@linkcode Deno.stat}.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example The size of a file
 * ```ts
 * import { stat } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * assert((await stat(Deno.execPath())).size > 0);
 * ```
 */
export function stat(path: string | URL): Promise<Deno.FileInfo> {
  return Deno.stat(path);
}

/**
 * As {@linkcode stat}, of the link itself where the path names one. Drop-in for
 * {@linkcode Deno.lstat}.
 *
 * @example A link is a link
 * ```ts
 * import { lstat } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.symlink("nowhere", `${folder}/link`);
 * assert((await lstat(`${folder}/link`)).isSymlink);
 * ```
 */
export function lstat(path: string | URL): Promise<Deno.FileInfo> {
  return Deno.lstat(path);
}
