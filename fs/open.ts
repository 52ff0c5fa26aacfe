// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { OpenFlag } from "../ffi/file.ts";
import { admit, withoutLinks } from "./access.ts";
import { invalidInput } from "./error_action.ts";
import { FsFile } from "./fs_file.ts";
import { checkPath, pathText } from "./path.ts";
import { PortableFile } from "./portable_file.ts";
import { UringFile } from "./uring_file.ts";
import { uringOpen } from "./uring_open.ts";

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
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello");
 * using file = await open(path);
 * const head = new Uint8Array(2);
 * await file.read(head);
 * assertEquals(new TextDecoder().decode(head), "he");
 * ```
 */
export async function open(path: string | URL, options?: Deno.OpenOptions): Promise<FsFile> {
  return await openWith(path, options, `open '${pathText(path)}'`);
}

/**
 * Opens as {@linkcode open} does.
 *
 * @param action What is being done, for the message: `open '/tmp/a'`
 */
export async function openWith(
  path: string | URL,
  options: Deno.OpenOptions | undefined,
  action: string,
): Promise<FsFile> {
  const text = pathText(path);
  const flags = openFlags(options);
  checkPath(text, action);
  if ((flags & EMPTIES_AND_APPENDS) === EMPTIES_AND_APPENDS && !(flags & OpenFlag.EXCL)) {
    throw invalidInput(`creating or truncating a file requires write or append access: ${action}`);
  }
  const files = admit(accessOf(flags), text);
  const openDeno = async () => new FsFile(new PortableFile(await Deno.open(path, options)));
  if (files === null) return await openDeno();
  return await withoutLinks(async () => {
    const { fd, isLocal } = await uringOpen(files, text, flags, options?.mode ?? 0o666, action);
    return new FsFile(new UringFile(files, fd, isLocal));
  }, openDeno);
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

/**
 * The flags of open(2) for Deno's options.
 *
 * @throws {Error} when the options contradict each other, in Deno's words
 */
export function openFlags(options?: Deno.OpenOptions | null): number {
  const {
    read = false,
    write = false,
    append = false,
    truncate = false,
    create = false,
    createNew = false,
  } = options ?? { read: true };
  if (!read && !write && !append && !truncate && !create && !createNew) {
    throw new Error("'options' requires at least one option to be true");
  }
  if (truncate && !write) throw new Error("'truncate' option requires 'write' to be true");
  if ((create || createNew) && !(write || append)) {
    throw new Error("'create' or 'createNew' options require 'write' or 'append' to be true");
  }
  let flags: number = write || append ? read ? OpenFlag.RDWR : OpenFlag.WRONLY : OpenFlag.RDONLY;
  if (append) flags |= OpenFlag.APPEND;
  if (truncate) flags |= OpenFlag.TRUNC;
  if (create) flags |= OpenFlag.CREAT;
  if (createNew) flags |= OpenFlag.CREAT | OpenFlag.EXCL;
  return flags;
}

/** What contradicts itself in a file that may be there. */
const EMPTIES_AND_APPENDS = OpenFlag.TRUNC | OpenFlag.APPEND;

function accessOf(flags: number): "read" | "write" | "both" {
  if (flags & OpenFlag.RDWR) return "both";
  return flags & OpenFlag.WRONLY ? "write" : "read";
}
