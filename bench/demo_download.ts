// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { crc32 } from "node:zlib";
import { open } from "../fs/mod.ts";
import { closeIdleConnections, download, fetch, serve } from "../http/mod.ts";
import { Progress } from "./demo_progress.ts";
import type { Source } from "./demo_source.ts";

const PARTS = 16;
const MIB = 2 ** 20;

/**
 * Downloads a file over loopback in parts, is stopped in the middle, and goes on; the progress is
 * shown meanwhile.
 *
 * @param source What is served
 * @param directory Where the copy goes
 * @returns What happened, as lines to print
 */
export async function demoDownload(source: Source, directory: string): Promise<string> {
  using file = await open(source.path);
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = serve(options, (request) => answer(request, file, source.bytes));
  const url = `http://127.0.0.1:${server.addr.port}/source`;
  const path = `${directory}/downloaded`;
  using progress = new Progress(1);
  progress.begin("download");
  const stopper = new AbortController();
  let asked = 0;
  const run = (signal?: AbortSignal) =>
    download(url, path, {
      partBytes: Math.ceil(source.bytes / PARTS),
      onProgress: ({ receivedBytes }) => progress.advance(receivedBytes / source.bytes),
      fetch(request) {
        if (++asked > PARTS / 2) stopper.abort();
        return fetch(request);
      },
      ...signal ? { signal } : {},
    });
  await run(stopper.signal).catch((error) => {
    if (error !== stopper.signal.reason) throw error;
  });
  const begin = performance.now();
  const { resumedBytes, totalBytes } = await run();
  const rate = (totalBytes - resumedBytes) / MIB / (performance.now() - begin) * 1000;
  using copy = await open(path);
  const isEqual = await checksumOf(copy) === source.checksum && totalBytes === source.bytes;
  if (!isEqual) throw new Error("The downloaded file is not the same");
  closeIdleConnections();
  const there = Math.round(resumedBytes / totalBytes * 100);
  return [
    `Download over loopback, ${Math.round(totalBytes / MIB)} MiB in ${PARTS} parts, 4 at a time`,
    `  stopped on purpose, and gone on with at ${there} %: the file is equal, ${
      rate.toFixed(0)
    } MiB/s`,
  ].join("\n");
}

type File = Awaited<ReturnType<typeof open>>;

/** A range of the file, which is all that is asked for. */
async function answer(request: Request, file: File, size: number): Promise<Response> {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
  const [start, end] = [Number(first ?? 0), Math.min(size, Number(last ?? size - 1) + 1)];
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length;) {
    at += await file.readAt(bytes.subarray(at), start + at) ?? bytes.length;
  }
  const headers = { etag: '"source"', "content-range": `bytes ${start}-${end - 1}/${size}` };
  return new Response(bytes, { status: 206, headers });
}

/** CRC-32 of a file, a piece after the other. */
async function checksumOf(file: File): Promise<number> {
  const piece = new Uint8Array(MIB);
  let checksum = 0;
  for (let at = 0;;) {
    const count = await file.readAt(piece, at);
    if (count === null) return checksum;
    checksum = crc32(piece.subarray(0, count), checksum);
    at += count;
  }
}
