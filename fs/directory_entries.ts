// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { OpenFlag } from "../ffi/file.ts";
import { readEntriesSoon } from "../ffi/file_soon.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import { joinPath } from "./path.ts";
import type { RingFiles } from "./ring_files.ts";
import { uringStat } from "./stat.ts";
import { uringOpen } from "./uring_open.ts";

/**
 * The entries of a directory, a list for each call of the kernel (up to 2000 names). The kernel has
 * no way to read a directory without waiting and none on the ring, so a thread of Deno's pool does.
 *
 * @param action What is being done, for the message
 */
export async function* directoryEntries(
  files: RingFiles,
  path: string,
  action: string,
): AsyncGenerator<Deno.DirEntry[]> {
  for await (const { entries } of openEntries(files, path, action)) yield entries;
}

/** The same, with the descriptor of the directory, which stays open until the next list. */
export async function* openEntries(
  files: RingFiles,
  path: string,
  action: string,
): AsyncGenerator<{ entries: Deno.DirEntry[]; fd: number }> {
  const { fd } = await uringOpen(files, path, OpenFlag.RDONLY | OpenFlag.DIRECTORY, 0, action);
  const bytes = new Uint8Array(LARGE_BLOCK_BYTES);
  try {
    for (;;) {
      const filled = await readEntriesSoon(fd, bytes);
      // The pool keeps the reason to itself; a directory that is gone has no entries.
      if (filled <= 0) return;
      const { entries, unknown } = decodeEntries(bytes.subarray(0, filled));
      for (const entry of unknown) await findType(files, path, entry);
      yield { entries, fd };
    }
  } finally {
    files.engine.closeDescriptor(fd);
  }
}

/** Entries, and those of them whose type the file system does not tell. */
export interface DecodedEntries {
  /** All but `.` and `..`. */
  readonly entries: Deno.DirEntry[];
  /** Those that have no type yet. */
  readonly unknown: Deno.DirEntry[];
}

/**
 * Reads what getdents64(2) wrote:
 *
 * ```
 *   0       8        16             18     19
 *   | inode | offset | record bytes | type | name NUL ... |
 * ```
 */
export function decodeEntries(bytes: Uint8Array): DecodedEntries {
  const entries: Deno.DirEntry[] = [];
  const unknown: Deno.DirEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + (bytes[at + 16]! | bytes[at + 17]! << 8);
    const type = bytes[at + 18]!;
    const name = entryName(bytes, at + 19, end);
    at = end;
    if (name === "." || name === "..") continue;
    const entry = {
      name,
      isFile: type === DT_REG,
      isDirectory: type === DT_DIR,
      isSymlink: type === DT_LNK,
    };
    entries.push(entry);
    if (type === DT_UNKNOWN) unknown.push(entry);
  }
  return { entries, unknown };
}

function entryName(bytes: Uint8Array, start: number, limit: number): string {
  let end = start;
  let isAscii = true;
  for (; end < limit && bytes[end] !== 0; end++) if (bytes[end]! >= 0x80) isAscii = false;
  const name = bytes.subarray(start, end);
  if (!isAscii || name.length > SHORT_NAME) return decoder.decode(name);
  return String.fromCharCode(...name);
}

async function findType(files: RingFiles, path: string, entry: Deno.DirEntry): Promise<void> {
  const { isFile, isDirectory, isSymlink } = await uringStat(
    files,
    joinPath(path, entry.name),
    false,
  );
  Object.assign(entry, { isFile, isDirectory, isSymlink });
}

const decoder = new TextDecoder();

/** Names up to this length are read faster as characters than by the decoder. */
const SHORT_NAME = 24;

const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_REG = 8;
const DT_LNK = 10;
