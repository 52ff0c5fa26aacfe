// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The one name with a dot in front that is meant to be seen (RFC 8615). */
const WELL_KNOWN = ".well-known";

/**
 * The path below a folder that a URL means, relative and without `..`; `.` is the folder itself.
 *
 * @param url With or without a host, query and fragment
 * @param prefix What of its path stands for the folder: `/assets`
 * @returns null when there is nothing that may be seen: another prefix, a name with a dot in front,
 *   `..`, a NUL or a slash however they are written, or what is no UTF-8
 */
export function staticPath(url: string, prefix: string, dotFiles: boolean): string | null {
  const path = pathOf(url);
  if (!path.startsWith(prefix)) return null;
  const below = path.slice(prefix.length);
  if (below !== "" && !below.startsWith("/")) return null;
  const names: string[] = [];
  for (const part of below.split("/")) {
    if (part === "") continue;
    const name = decode(part);
    if (name === null || name === "." || name === ".." || /[/\0]/.test(name)) return null;
    if (name.startsWith(".") && !dotFiles && name !== WELL_KNOWN) return null;
    names.push(name);
  }
  return names.length === 0 ? "." : names.join("/");
}

/** The path of a URL as it stands there. */
export function pathOf(url: string): string {
  const scheme = url.indexOf("://");
  const start = scheme < 0 ? 0 : url.indexOf("/", scheme + 3);
  if (start < 0) return "/";
  let end = start;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code === QUESTION || code === HASH) break;
  }
  return url.slice(start, end);
}

const QUESTION = 0x3f;
const HASH = 0x23;

function decode(part: string): string | null {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
