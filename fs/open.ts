// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { FsFile } from "./fs_file.ts";
import { PortableFile } from "./portable_file.ts";

/**
 * Opens a file. Drop-in for {@linkcode Deno.open}.
 *
 * @param path Path or `file:` URL
 * @param options As Deno's: reads unless told otherwise
 * @throws {Deno.errors.NotFound} when there is no such file and `create` is not set
 * @throws {Deno.errors.AlreadyExists} when there is one and `createNew` is set
 * @throws {Deno.errors.NotCapable} without permission for the path
 *
 * @example Read the first bytes
 * ```ts
 * import { open } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * using file = await open(new URL("mod.ts", import.meta.resolve("@photon/std/fs")));
 * const head = new Uint8Array(2);
 * await file.read(head);
 * assertEquals(new TextDecoder().decode(head), "//");
 * ```
 */
export async function open(path: string | URL, options?: Deno.OpenOptions): Promise<FsFile> {
  return new FsFile(new PortableFile(await Deno.open(path, options)));
}

/**
 * Creates a file, or empties one that is there, and opens it for reading and writing. Drop-in for
 * {@linkcode Deno.create}.
 *
 * @example Create a file
 * ```ts
 * import { create, remove } from "@photon/std/fs";
 *
 * const path = `${await Deno.makeTempDir()}/new.txt`;
 * {
 *   using file = await create(path);
 *   await file.write(new TextEncoder().encode("new"));
 * }
 * await remove(path);
 * ```
 */
export function create(path: string | URL): Promise<FsFile> {
  return open(path, { read: true, write: true, create: true, truncate: true });
}
