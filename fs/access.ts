// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkRead, checkWrite, isEverythingGranted } from "../ffi/permission.ts";
import { type RingFiles, ringFiles } from "./ring_files.ts";

/** What a call is going to do with a path. */
export type Access = "read" | "write" | "both";

/**
 * Checks the permission for paths, and says where the call on them goes on: on the ring, or with
 * Deno's own function, which checks once more.
 *
 * Below `/proc`, `/sys` and `/dev` lies what can turn a permission into all others. There Deno has
 * rules of its own, so the call is Deno's unless everything is granted.
 *
 * @returns null when the call is Deno's
 * @throws {Deno.errors.NotCapable} without permission
 */
export function admit(access: Access, ...paths: string[]): RingFiles | null {
  const files = ringFiles();
  if (files === null) return null;
  if (!isEverythingGranted() && paths.some(isGuarded)) return null;
  for (const path of paths) {
    if (access !== "write") checkRead(path);
    if (access !== "read") checkWrite(path);
  }
  return files;
}

/**
 * A symbolic link was met in a path that a program with some permissions only wants to open. Where
 * it leads is Deno's to judge: the call goes on with Deno's own function.
 */
export class LinkMetError extends Deno.errors.NotSupported {}

/**
 * Calls, and calls the second when the first has met a link that Deno has to judge.
 *
 * @param call On the ring
 * @param denoCall Deno's own
 */
export async function withoutLinks<T>(
  call: () => Promise<T>,
  denoCall: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof LinkMetError) return await denoCall();
    throw error;
  }
}

/** Whether a path may lead to where Deno has rules of its own, from where the program is. */
function isGuarded(path: string): boolean {
  if (path.includes("..")) return true;
  if (path.startsWith("/")) return GATES.test(path);
  try {
    return GATES.test(`${Deno.cwd()}/${path}`);
  } catch {
    // The directory is gone.
    return true;
  }
}

const GATES = /^\/+(\.\/+)*(proc|sys|dev)(\/|$)/;
