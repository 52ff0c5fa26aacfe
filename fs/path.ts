// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { invalidInput } from "./error_action.ts";

/**
 * The text of a path, as Deno's functions take one.
 *
 * @throws {TypeError} when a URL is none of a file
 */
export function pathText(path: string | URL): string {
  if (typeof path === "string") return path;
  if (!(path instanceof URL)) {
    throw new TypeError("Cannot use the path: it must be a string or a URL");
  }
  if (path.protocol !== "file:") throw new TypeError("Must be a file URL");
  if (path.hostname !== "") throw new TypeError("Host must be empty");
  return decodeURIComponent(path.pathname.replace(LONE_PERCENT, "%25"));
}

/**
 * Refuses a text that no path can hold, in Deno's words.
 *
 * @param action What is being done, for the message: `open 'a'`
 * @throws {TypeError} when it holds a NUL
 */
export function checkPath(text: string, action: string): void {
  if (!text.includes("\0")) return;
  throw invalidInput(`file name contained an unexpected NUL byte: ${action}`);
}

/** A part added to the path of a directory. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** The directory that holds what a path names, as text: `.` for a bare name. */
export function parentPath(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : trimmed.slice(0, slash);
}

/** Percent signs that begin no escape stand for themselves. */
const LONE_PERCENT = /%(?![0-9A-Fa-f]{2})/g;
