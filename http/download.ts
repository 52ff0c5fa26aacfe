// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { createHash } from "node:crypto";
import type { FsFile } from "../fs/fs_file.ts";
import { open } from "../fs/open.ts";
import { parentPath, pathText } from "../fs/path.ts";
import { remove, rename } from "../fs/path_operations.ts";
import { stat } from "../fs/stat.ts";
import { syncFolder } from "../fs/write_file_atomic.ts";
import { sleep } from "../thread/sleep.ts";
import type { DownloadOptions, DownloadProgress } from "./download_options.ts";
import { DownloadStateFile } from "./download_state.ts";
import { Downloader } from "./downloader.ts";
import { fetch as ownFetch } from "./fetch.ts";
import { wantedDigests } from "./integrity.ts";

/**
 * Downloads a file: in parts at the same time where the server can, and going on where an earlier
 * call was stopped, by an error, a signal or a power cut.
 *
 * Until the end the bytes are in `PATH.part`, and what is there of them in `PATH.part.json`; then
 * the file takes its place at once. Parts are put together only if a strong `ETag`, or a
 * `Last-Modified` older than its answer, says that they are of one content (RFC 9110 section
 * 15.3.7.3); where it changes everything begins anew. A server that knows no ranges, or tells
 * contents apart by nothing, is asked for the whole.
 *
 * @returns How many bytes, and of these how many were there already
 * @throws {Deno.errors.Busy} when another download is writing the file
 * @throws {Deno.errors.NotFound} when the server has no such file; others for other answers
 * @throws {Deno.errors.InvalidData} when the content is not that of `integrity`: nothing is kept
 * @throws {TypeError} when the server cannot be reached, or not for long enough
 *
 * @example Download, or go on with it
 * ```ts
 * import { closeIdleConnections, download, serve } from "@photon/std/http";
 * import { readTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   () => new Response("Hello!"),
 * );
 * const path = `${await Deno.makeTempDir()}/hello.txt`;
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * assertEquals((await download(url, path)).totalBytes, 6);
 * assertEquals(await readTextFile(path), "Hello!");
 * closeIdleConnections();
 * ```
 */
export async function download(
  url: string | URL,
  path: string | URL,
  options: DownloadOptions = {},
): Promise<DownloadProgress & { readonly totalBytes: number }> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const target = pathText(path);
  await refuseFolder(target);
  const partPath = `${target}.part`;
  const state = new DownloadStateFile(`${partPath}.json`);
  using file = await openAlone(partPath, target);
  const downloader = new Downloader(new URL(url).href, file, state, {
    fetch: (request) => ownFetch(request),
    ...options,
  });
  let done;
  let isUseless = false;
  try {
    done = await downloader.run();
    isUseless = true;
    await checkContent(file, options.integrity ?? "", target);
  } catch (error) {
    if (isUseless || !downloader.resumable) {
      await state.remove();
      await remove(partPath);
    }
    throw error;
  }
  await file.sync();
  await rename(partPath, target);
  await syncFolder(parentPath(target));
  await state.remove();
  return done;
}

// Data: bounds of the options that are numbers.
const LEAST: Record<string, number> = { connections: 1, partBytes: 1, triesMax: 1 };

function checkOptions(options: DownloadOptions): void {
  for (const [name, least] of Object.entries(LEAST)) {
    const value = options[name as "connections"];
    if (value === undefined || Number.isInteger(value) && value >= least) continue;
    throw new RangeError(`Cannot download: ${name} must be at least ${least}, received ${value}`);
  }
}

async function refuseFolder(target: string): Promise<void> {
  const info = await stat(target).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (info?.isDirectory) {
    throw new Deno.errors.IsADirectory(`Cannot download to '${target}': it is a directory`);
  }
}

/** Opens the file that is filled, and locks it; a process that is killed gives the lock back. */
async function openAlone(partPath: string, target: string): Promise<FsFile> {
  const endMs = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    const file = await open(partPath, { read: true, write: true, create: true });
    try {
      if (await file.tryLock(true)) {
        // Another one may have ended, and moved the file away, before the lock was won.
        const found = await stat(partPath).catch(() => null);
        if (found?.ino === (await file.stat()).ino) return file;
      } else if (performance.now() >= endMs) {
        throw new Deno.errors.Busy(`Cannot download to '${target}': another download writes it`);
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    await sleep(LOCK_PAUSE_MS);
  }
}

/** The kernel closes the files of a ring a moment after its process has been killed. */
const LOCK_WAIT_MS = 1_000;
const LOCK_PAUSE_MS = 10;
const PIECE_BYTES = 1_048_576;

async function checkContent(file: FsFile, integrity: string, target: string): Promise<void> {
  const wanted = wantedDigests(integrity);
  if (wanted === undefined) return;
  const hash = createHash(wanted.algorithm);
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0;;) {
    const count = await file.readAt(piece, at);
    if (count === null || count === 0) break;
    hash.update(piece.subarray(0, count));
    at += count;
  }
  const found = hash.digest("base64");
  if (wanted.values.includes(found)) return;
  throw new Deno.errors.InvalidData(
    `Cannot download to '${target}': content is ${wanted.algorithm}-${found}, not as asked`,
  );
}
