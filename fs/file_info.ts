// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readFileStatus } from "../ffi/layout.ts";

/** What `Deno.stat` tells, from what the kernel tells in a `struct statx`. */
export function fileInfo(words: Uint32Array<ArrayBuffer>): Deno.FileInfo {
  const status = readFileStatus(words, 0);
  const type = status.mode & TYPE_BITS;
  return {
    isFile: type === FileType.regular,
    isDirectory: type === FileType.directory,
    isSymlink: type === FileType.link,
    size: status.sizeBytes,
    mtime: new Date(Math.floor(status.modificationTimeMs)),
    atime: new Date(Math.floor(status.accessTimeMs)),
    birthtime: status.mask & STATX_BTIME ? new Date(Math.floor(status.birthTimeMs)) : null,
    // Deno gives the second only.
    ctime: new Date(Math.floor(status.changeTimeMs / 1000) * 1000),
    dev: status.device,
    mode: status.mode,
    ino: status.inode,
    nlink: status.linkCount,
    uid: status.uid,
    gid: status.gid,
    rdev: status.specialDevice,
    blksize: status.blockBytes,
    blocks: status.blockCount,
    isBlockDevice: type === FileType.blockDevice,
    isCharDevice: type === FileType.characterDevice,
    isFifo: type === FileType.fifo,
    isSocket: type === FileType.socket,
  };
}

/** Whether a `struct statx` is about a regular file. */
export function isRegular(words: Uint32Array<ArrayBuffer>): boolean {
  return (words[MODE_WORD]! & TYPE_BITS) === FileType.regular;
}

/** The device that holds the file of a `struct statx`, as `/proc/self/mountinfo` names it. */
export function deviceOf(words: Uint32Array<ArrayBuffer>): string {
  return `${words[DEVICE_WORD]}:${words[DEVICE_WORD + 1]}`;
}

// Data: the type bits of a mode (inode(7)).
// deno-fmt-ignore
const FileType = {
  fifo:            0o010000,
  characterDevice: 0o020000,
  directory:       0o040000,
  blockDevice:     0o060000,
  regular:         0o100000,
  link:            0o120000,
  socket:          0o140000,
} as const;

const TYPE_BITS = 0o170000;
const STATX_BTIME = 0x800;
const MODE_WORD = 7;
const DEVICE_WORD = 34;
