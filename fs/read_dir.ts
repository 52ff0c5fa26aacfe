// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The entries of a directory, in no particular order. Drop-in for {@linkcode Deno.readDir}.
 *
 * @example The names in a folder
 * ```ts
 * import { readDir } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/one`, "");
 * const names = await Array.fromAsync(readDir(folder), (entry) => entry.name);
 * assertEquals(names, ["one"]);
 * ```
 */
export function readDir(path: string | URL): AsyncIterable<Deno.DirEntry> {
  return Deno.readDir(path);
}
