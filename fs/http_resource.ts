// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import { crc64Ecma } from "./crc64.ts";
import { newFile, nodeInfo } from "./tree.ts";

/** Makes a request for a path. */
export type HttpRequester = (path: string, init: RequestInit) => Promise<Response>;

/** What a server says about a file. */
export interface HttpState {
  /** Bytes. */
  readonly size: number;
  /** The entity tag; null when there is none. */
  readonly tag: string | null;
  /** The date of modification, as it was sent; null when there is none. */
  readonly date: string | null;
}

/**
 * Asks a server about a file: with HEAD, or for one byte where that tells no length.
 *
 * @throws {Deno.errors.NotFound} when there is none
 * @throws {Deno.errors.PermissionDenied} when it may not be read
 * @throws {Deno.errors.NotSupported} when the server does not tell how long it is
 */
export async function httpState(
  request: HttpRequester,
  path: string,
  operation: string,
): Promise<HttpState> {
  const head = await request(path, { method: "HEAD" });
  await head.body?.cancel();
  const isRefused = head.status === 405 || head.status === 501;
  if (!isRefused) checkStatus(head, `${operation} '${path}'`);
  const length = head.headers.get("content-length");
  if (!isRefused && length !== null && /^\d+$/.test(length)) {
    return stateOf(head, Number(length));
  }
  const response = await request(path, { headers: { range: "bytes=0-0" } });
  await response.body?.cancel();
  const size = rangeOf(response)?.size;
  if (size !== undefined) return stateOf(response, size);
  checkStatus(response, `${operation} '${path}'`);
  throw new Deno.errors.NotSupported(
    `Cannot ${operation} '${path}': the server does not say how long it is`,
  );
}

/** What a range answer (206, or 416 behind the end) says. */
export interface HttpRange {
  /** Where it begins; undefined for no byte at all. */
  readonly start: number | undefined;
  /** Bytes of the whole; undefined when it is not known. */
  readonly size: number | undefined;
}

/** The `Content-Range` of an answer (RFC 9110, section 14.4). */
export function rangeOf(response: Response): HttpRange | undefined {
  if (response.status !== 206 && response.status !== 416) return undefined;
  const text = response.headers.get("content-range") ?? "";
  const match = /^bytes (?:(\d+)-\d+|\*)\/(?:(\d+)|\*)$/.exec(text);
  if (match === null) return undefined;
  const number = (text: string | undefined) => text === undefined ? undefined : Number(text);
  return { start: number(match[1]), size: number(match[2]) };
}

/** What an answer says about the file that it is of. */
export function stateOf(response: Response, size: number): HttpState {
  const { headers } = response;
  return { size, tag: headers.get("etag"), date: headers.get("last-modified") };
}

/** Whether two answers may be of the same state of a file. */
export function isSameState(a: HttpState, b: HttpState): boolean {
  return a.size === b.size && a.tag === b.tag && a.date === b.date;
}

/** A file of a server as `stat` gives it; its number tells one entity tag from another. */
export function resourceInfo({ size, tag, date }: HttpState): Deno.FileInfo {
  const info = nodeInfo(newFile(0o444, null), size, Math.ceil(size / 512));
  const mtime = date === null ? new Date(NaN) : new Date(date);
  return {
    ...info,
    mtime: Number.isNaN(mtime.getTime()) ? null : mtime,
    ino: tag === null ? null : Number(crc64Ecma(new TextEncoder().encode(tag)) >> 11n),
  };
}

/**
 * Turns an answer that is no success into an error.
 *
 * @throws {Error} that fits the status
 */
export function checkStatus(response: Response, action: string): void {
  if (response.ok) return;
  if (response.status === 404 || response.status === 410) throw osError(Errno.ENOENT, action);
  if (response.status === 401 || response.status === 403) throw osError(Errno.EACCES, action);
  throw new Deno.errors.Http(
    `Cannot ${action}: the server answered ${response.status} ${response.statusText}`,
  );
}
