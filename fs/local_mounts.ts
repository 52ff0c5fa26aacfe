// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { hasChanged, OpenFlag, openWaiting, readWaiting } from "../ffi/file.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { parentPath } from "./path.ts";

/**
 * Which files lie on this machine's own file systems. Only there does the kernel keep its promise
 * that what it has in memory takes no wait: a server behind a mount (FUSE, NFS) is asked even for
 * what is known.
 *
 * The table is read again when the kernel says that it has changed, which is asked once a round of
 * the engine.
 */
export class LocalMounts {
  readonly #engine: Engine;
  #descriptor = -1;
  #round = -1;
  #devices: ReadonlySet<string> = new Set();
  #mounts: readonly Mount[] = [];
  #folders: Map<string, boolean> = new Map();
  /** Asked for when a round needs it: for a deep folder the kernel takes 10 us. */
  #cwd: string | null = null;

  /** Reads the table at the first question. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether a device, by its numbers as in `254:0`, holds a local file system. */
  hasDevice(device: string): boolean {
    this.#refresh();
    return this.#devices.has(device);
  }

  /**
   * Whether a path leads to a local file system, unless there is a symbolic link in it.
   *
   * @param path Relative or from the root
   */
  covers(path: string): boolean {
    this.#refresh();
    if (!path.startsWith("/")) path = `${this.#cwd ??= currentDirectory()}/${path}`;
    const end = path.lastIndexOf("/");
    // What ends with a dot or two, or a slash, is rare and not worth a look.
    if (UNCLEAR_END.test(path)) return false;
    const folder = path.slice(0, end);
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    if (this.#folders.size >= FOLDERS_MAX) this.#folders.clear();
    const isLocal = this.#find(folder);
    this.#folders.set(folder, isLocal);
    return isLocal;
  }

  #find(folder: string): boolean {
    // Whether `..` leads back to where the text says only the kernel knows.
    if (UNCLEAR.test(folder)) return false;
    let best: Mount | undefined;
    for (const mount of this.#mounts) {
      const { point } = mount;
      // A name in the folder may be that of a mount.
      if (!mount.isLocal && parentPath(point) === (folder || "/")) return false;
      if (!isWithin(folder, point)) continue;
      // Of two at one point the later one covers the earlier.
      if (best === undefined || point.length >= best.point.length) best = mount;
    }
    return best?.isLocal ?? false;
  }

  #refresh(): void {
    const { round } = this.#engine.direct;
    if (round === this.#round) return;
    this.#round = round;
    this.#cwd = null;
    if (this.#descriptor < 0) this.#descriptor = openWaiting(MOUNTINFO, OpenFlag.RDONLY);
    else if (!hasChanged(this.#descriptor)) return;
    this.#folders.clear();
    this.#mounts = parseMounts(readTable());
    const local = this.#mounts.filter((mount) => mount.isLocal);
    const remote = this.#mounts.filter((mount) => !mount.isLocal);
    this.#devices = new Set(local.map((mount) => mount.device))
      .difference(new Set(remote.map((mount) => mount.device)));
  }
}

/** One row of the table. */
export interface Mount {
  /** Numbers of the device, `254:0`. */
  readonly device: string;
  /** Where it is mounted. */
  readonly point: string;
  /** Whether it lies on this machine. */
  readonly isLocal: boolean;
}

/**
 * Reads the table of mounts (proc_pid_mountinfo(5)):
 *
 * ```
 *   36 35 98:0 /root /mnt/point rw,noatime shared:1 - ext4 /dev/sda1 rw
 *         device     point                          type
 * ```
 */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [head, tail] = line.split(" - ");
    const [, , device, , point] = head!.split(" ");
    if (device === undefined || point === undefined || tail === undefined) continue;
    const [type] = tail.split(" ");
    mounts.push({ device, point: unescape(point), isLocal: LOCAL_TYPES.has(type!) });
  }
  return mounts;
}

// Data: file systems that answer from this machine. Overlays count, as containers live on them:
// their layers are local but for the rarest.
const LOCAL_TYPES: ReadonlySet<string> = new Set([
  ...[
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "f2fs",
    "tmpfs",
    "ramfs",
    "overlay",
    "zfs",
    "bcachefs",
  ],
  ...["vfat", "exfat", "erofs", "squashfs"],
]);

/** Folders whose mounts are remembered; more of them begin anew. */
const FOLDERS_MAX = 1024;

const MOUNTINFO = new TextEncoder().encode("/proc/self/mountinfo\0");
const UNCLEAR = /\/\.\.?(\/|$)|\/\/|^\/dev(\/(?!shm)|$)/;
const UNCLEAR_END = /\/\.{0,2}$/;

/** Where relative paths begin; nowhere in particular for a program that may not know. */
function currentDirectory(): string {
  try {
    return Deno.cwd();
  } catch {
    return "/.";
  }
}

/** The table is read from a descriptor of its own, so that the other only tells of changes. */
function readTable(): string {
  const fd = openWaiting(MOUNTINFO, OpenFlag.RDONLY);
  try {
    const decoder = new TextDecoder();
    const piece = new Uint8Array(65_536);
    let text = "";
    for (let count; (count = readWaiting(fd, piece)) > 0;) {
      text += decoder.decode(piece.subarray(0, count), { stream: true });
    }
    return text;
  } finally {
    closeDescriptor(fd);
  }
}

function isWithin(folder: string, point: string): boolean {
  return point === "/" || folder === point || folder.startsWith(`${point}/`);
}

/** Spaces and the like are written as `\040`. */
function unescape(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}
