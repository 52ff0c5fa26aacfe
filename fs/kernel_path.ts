// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KernelPath } from "../ffi/file.ts";

/** What the kernel takes of a path, its NUL included (PATH_MAX). */
const PATH_BYTES_MAX = 4096;

const encoder = new TextEncoder();
const bytes = new Uint8Array(PATH_BYTES_MAX);

/**
 * A path as a call that is made at once takes it, or null when it is too long. The memory is the
 * same for every path.
 */
export function kernelPath(path: string): KernelPath | null {
  const { read, written } = encoder.encodeInto(path, bytes);
  if (read < path.length || written === PATH_BYTES_MAX) return null;
  bytes[written] = 0;
  return bytes;
}
