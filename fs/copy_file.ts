// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { noteClosed } from "../ffi/descriptor_table.ts";
import { osError } from "../ffi/errno.ts";
import { newFileStatus, OpenFlag, setModeWaiting, statCached } from "../ffi/file.ts";
import { cloneFileSoon, copyRangeSoon } from "../ffi/file_soon.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { BULK_BLOCK_BYTES } from "../io/bulk_blocks.ts";
import { admit, withoutLinks } from "./access.ts";
import { invalidInput, withAction } from "./error_action.ts";
import { fileInfo } from "./file_info.ts";
import { checkPath, pathText } from "./path.ts";
import { unlink } from "./remove_tree.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";
import { UringFile } from "./uring_file.ts";
import { isLocal, openSoon, uringOpen } from "./uring_open.ts";

/** Options of {@linkcode copyFile}. */
export interface CopyFileOptions {
  /** Stops the copy; a file that it made is removed again. */
  signal?: AbortSignal;
}

/**
 * Copies contents and permission bits of a file, in place of what is there. Drop-in for
 * {@linkcode Deno.copyFile}.
 *
 * Where the file system can, both files share their blocks from then on (a reflink); else the
 * kernel copies; else blocks are read and written.
 *
 * @param options A signal that stops it
 * @throws {Deno.errors.NotFound} when there is no such file
 * @throws {TypeError} when it is no file
 *
 * @example Copy a file
 * ```ts
 * import { copyFile, makeTempFile, readTextFile, writeTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeTextFile(path, "hello");
 * await copyFile(path, `${path}.copy`);
 * assertEquals(await readTextFile(`${path}.copy`), "hello");
 * ```
 */
export async function copyFile(
  fromPath: string | URL,
  toPath: string | URL,
  options: CopyFileOptions = {},
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const [from, to] = [pathText(fromPath), pathText(toPath)];
  const action = `copy '${from}' -> '${to}'`;
  checkPath(from, action);
  checkPath(to, action);
  const files = admit("read", from) && admit("write", to);
  const copyDeno = () => Deno.copyFile(fromPath, toPath);
  if (files === null) return await copyDeno();
  await withoutLinks(() => uringCopyFile(files, from, to, action, signal), copyDeno);
}

/** The same for paths that were checked. */
export async function uringCopyFile(
  files: RingFiles,
  from: string,
  to: string,
  action: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { fd, isLocal } = await uringOpen(files, from, OpenFlag.RDONLY, 0, action);
  const source = new UringFile(files, fd, isLocal);
  try {
    const info = await source.stat();
    if (!info.isFile) throw invalidInput(`${NOT_REGULAR}: ${action}`);
    const target = await openTarget(files, to, info, action);
    try {
      await copyContents(files, source.fd, target.fd, signal);
      if (target.isFile) setModeWaiting(target.fd, info.mode! & 0o7777);
    } catch (error) {
      if (target.isNew) await unlink(files, to, 0);
      throw withAction(error, action);
    } finally {
      await closeSoon(files, target.fd);
    }
  } finally {
    source.close();
  }
}

/** Bytes that the kernel copies in one call, between which a signal is looked at: 30 ms or so. */
const RANGE_BYTES = 64 * 1024 * 1024;
/** The same where there is no signal: what the kernel moves at most (MAX_RW_COUNT). */
const RANGE_BYTES_MAX = 2 ** 31 - 4096;

interface CopyTarget {
  fd: number;
  isNew: boolean;
  /** Devices and pipes have neither contents to empty nor permission bits to set. */
  isFile: boolean;
}

/** A file to write into; a new one is told from one that was there, which is emptied. */
async function openTarget(
  files: RingFiles,
  path: string,
  source: Deno.FileInfo,
  action: string,
): Promise<CopyTarget> {
  const mode = source.mode! & 0o7777;
  const anew = OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.EXCL;
  try {
    const fd = await openSoon(files, path, anew, mode, action);
    return { fd, isNew: true, isFile: true };
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const flags = OpenFlag.WRONLY | OpenFlag.CREAT;
  const fd = await openSoon(files, path, flags, mode, action);
  try {
    const status = newFileStatus();
    const { dev, ino, isFile } = statCached(fd, status) === 0 ? fileInfo(status) : UNKNOWN;
    // A file that is copied onto itself would be lost.
    if (dev === source.dev && ino === source.ino) throw invalidInput(SAME_FILE);
    const result = isFile ? await ringCall(files.engine, { head: Op.FTRUNCATE, fd }) : 0;
    if (result < 0) throw osError(result);
    return { fd, isNew: false, isFile };
  } catch (error) {
    await closeSoon(files, fd);
    throw withAction(error, action);
  }
}

/** Of what the kernel tells nothing about. */
const UNKNOWN = { dev: -1, ino: -1, isFile: true };

/** Whoever waited for the copy may run it, or unmount its disk, in the next line. */
async function closeSoon(files: RingFiles, fd: number): Promise<void> {
  if (isLocal(files, fd)) return closeDescriptor(fd);
  noteClosed(fd);
  await ringCall(files.engine, { head: Op.CLOSE, fd });
}

async function copyContents(
  files: RingFiles,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (await cloneFileSoon(from, to)) return;
  const rangeBytes = signal === undefined ? RANGE_BYTES_MAX : RANGE_BYTES;
  for (let copied = 0;;) {
    signal?.throwIfAborted();
    const count = await copyRangeSoon(from, to, rangeBytes);
    // Files of the kernel claim to be empty, and some file systems do not copy.
    if (count < 0 || (count === 0 && copied === 0)) break;
    if (count === 0) return;
    copied += count;
  }
  await copyBlocks(files, from, to, signal);
}

/** From the cursors on; the reason of a refusal shows here. */
async function copyBlocks(
  { engine }: RingFiles,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  using block = await engine.pool.bulk.takeSoon(signal);
  const { addressLow, addressHigh } = block;
  const move = async (head: number, fd: number, start: number, length: number) => {
    const address = addressLow + start;
    const count = await ringCall(engine, { head, fd, offset: -1, address, addressHigh, length });
    if (count < 0) throw osError(count);
    return count;
  };
  for (;;) {
    signal?.throwIfAborted();
    const count = await move(Op.READ, from, 0, BULK_BLOCK_BYTES);
    if (count === 0) return;
    for (let written = 0; written < count;) {
      written += await move(Op.WRITE, to, written, count - written);
    }
  }
}

const NOT_REGULAR = "the source path is neither a regular file nor a symlink to a regular file";
const SAME_FILE = "Source and destination paths refer to the same file";
