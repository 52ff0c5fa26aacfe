// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { admit } from "./access.ts";
import { directoryEntries } from "./directory_entries.ts";
import { checkPath, pathText } from "./path.ts";

/**
 * The entries of a directory, in no particular order. Drop-in for {@linkcode Deno.readDir}.
 *
 * They come as the kernel gives them: of a large directory the first are there before the last are
 * known.
 *
 * @throws {Deno.errors.NotFound} when there is none
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
  const text = pathText(path);
  return { [Symbol.asyncIterator]: () => entriesOf(text) };
}

async function* entriesOf(path: string): AsyncGenerator<Deno.DirEntry> {
  const action = `readdir '${path}'`;
  checkPath(path, action);
  const files = admit("read", path);
  if (files === null) return yield* Deno.readDir(path);
  for await (const entries of directoryEntries(files, path, action)) yield* entries;
}
