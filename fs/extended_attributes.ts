// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { osError } from "../ffi/errno.ts";
import { OpenFlag } from "../ffi/file.ts";
import { listAttributesSoon, removeAttributeSoon } from "../ffi/file_soon.ts";
import { notSupported } from "../io/portable.ts";
import { admit } from "./access.ts";
import { CallMemory } from "./call_memory.ts";
import { checkPath, pathText } from "./path.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";
import { uringOpen } from "./uring_open.ts";

/** Longest value, and longest list of names, that Linux keeps (XATTR_SIZE_MAX is 64 KiB). */
export const ATTRIBUTE_BYTES_MAX = 60_000;

/**
 * Reads an extended attribute of a file or directory, xattr(7): what programs keep beside the
 * contents, as `user.origin`. Ring engine only.
 *
 * @returns The value
 * @throws {Error} when there is no such attribute (`.code` is `"ENODATA"`)
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example Set and get
 * ```ts
 * import { getAttribute, makeTempFile, setAttribute } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const path = await makeTempFile();
 *   await setAttribute(path, "user.origin", new TextEncoder().encode("example"));
 *   const value = await getAttribute(path, "user.origin");
 *   assertEquals(new TextDecoder().decode(value), "example");
 * }
 * ```
 */
export async function getAttribute(
  path: string | URL,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return await withDescriptor(path, "read", "getxattr", async (files, fd, action) => {
    using memory = await CallMemory.take(files.engine, [name], ATTRIBUTE_BYTES_MAX);
    const count = await callOnValue(files, Op.FGETXATTR, fd, memory, ATTRIBUTE_BYTES_MAX);
    if (count < 0) throw osError(count, action);
    return memory.roomView.slice(0, count);
  });
}

/**
 * Sets an extended attribute of a file or directory, in place of what it was. Ring engine only.
 *
 * @throws {RangeError} when the value has more than {@linkcode ATTRIBUTE_BYTES_MAX} bytes
 * @throws {Error} when the file system keeps none (`.code` is `"EOPNOTSUPP"`), or no more of them
 * (`"ENOSPC"`)
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example Where a file came from
 * ```ts
 * import { makeTempFile, setAttribute } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 *
 * if (engineInfo().engine === "uring") {
 *   const origin = new TextEncoder().encode("https://example.com/");
 *   await setAttribute(await makeTempFile(), "user.origin", origin);
 * }
 * ```
 */
export async function setAttribute(
  path: string | URL,
  name: string,
  value: Uint8Array,
): Promise<void> {
  if (value.length > ATTRIBUTE_BYTES_MAX) {
    throw new RangeError(
      `Cannot set the attribute: it has ${value.length} bytes, ${ATTRIBUTE_BYTES_MAX} at most`,
    );
  }
  await withDescriptor(path, "write", "setxattr", async (files, fd, action) => {
    using memory = await CallMemory.take(files.engine, [name], value.length);
    memory.roomView.set(value);
    const result = await callOnValue(files, Op.FSETXATTR, fd, memory, value.length);
    if (result < 0) throw osError(result, action);
  });
}

/**
 * Removes an extended attribute of a file or directory; does nothing when there is none of the
 * name. Ring engine only.
 *
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example Remove one
 * ```ts
 * import { makeTempFile, removeAttribute } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 *
 * if (engineInfo().engine === "uring") await removeAttribute(await makeTempFile(), "user.origin");
 * ```
 */
export async function removeAttribute(path: string | URL, name: string): Promise<void> {
  await withDescriptor(path, "write", "removexattr", async (_files, fd) => {
    await removeAttributeSoon(fd, new TextEncoder().encode(`${name}\0`));
  });
}

/**
 * The names of the extended attributes of a file or directory. Ring engine only.
 *
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example All of them
 * ```ts
 * import { listAttributes, makeTempFile } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   assertEquals(await listAttributes(await makeTempFile()), []);
 * }
 * ```
 */
export async function listAttributes(path: string | URL): Promise<string[]> {
  return await withDescriptor(path, "read", "listxattr", async (_files, fd) => {
    const bytes = new Uint8Array(ATTRIBUTE_BYTES_MAX);
    const count = await listAttributesSoon(fd, bytes);
    const names = new TextDecoder().decode(bytes.subarray(0, Math.max(0, count)));
    return names.split("\0").filter((name) => name !== "");
  });
}

/** The entry has the name where others have memory, and the value where others have an offset. */
async function callOnValue(
  { engine }: RingFiles,
  head: number,
  fd: number,
  memory: CallMemory,
  byteLength: number,
): Promise<number> {
  return await ringCall(engine, {
    head,
    fd,
    address: memory.paths[0]!,
    offset: memory.room,
    offsetHigh: engine.pool.addressHigh,
    length: byteLength,
  });
}

async function withDescriptor<T>(
  path: string | URL,
  access: "read" | "write",
  name: string,
  call: (files: RingFiles, fd: number, action: string) => Promise<T>,
): Promise<T> {
  const text = pathText(path);
  const action = `${name} '${text}'`;
  checkPath(text, action);
  const files = admit(access, text);
  if (files === null) throw notSupported("extendedAttributes");
  const { fd } = await uringOpen(files, text, OpenFlag.RDONLY | OpenFlag.NONBLOCK, 0, action);
  try {
    return await call(files, fd, action);
  } finally {
    files.engine.closeDescriptor(fd);
  }
}
