// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ServedEntry } from "../fs/served_folder.ts";
import type { ByteRange } from "./range_header.ts";

const PIECE_BYTES = 65_536;
const encoder = new TextEncoder();

/** Several ranges of a file in one response: `multipart/byteranges` (RFC 9110 section 14.6). */
export function multipartRanges(
  entry: ServedEntry,
  ranges: readonly ByteRange[],
  headers: Record<string, string>,
): Response {
  const { size } = entry.info;
  const boundary = crypto.randomUUID().replaceAll("-", "");
  const heads = ranges.map(({ first, last }, index) =>
    encoder.encode(
      `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: ${headers["content-type"]}\r\n` +
        `Content-Range: bytes ${first}-${last}/${size}\r\n\r\n`,
    )
  );
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length = ranges.reduce(
    (total, { first, last }, index) => total + heads[index].length + last - first + 1,
    tail.length,
  );
  const pieces = parts(entry, ranges, heads, tail);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return();
      entry.close();
    },
  }, { highWaterMark: 0 });
  const type = `multipart/byteranges; boundary=${boundary}`;
  return new Response(body, {
    status: 206,
    headers: { ...headers, "content-type": type, "content-length": String(length) },
  });
}

async function* parts(
  entry: ServedEntry,
  ranges: readonly ByteRange[],
  heads: readonly Uint8Array[],
  tail: Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (const [index, { first, last }] of ranges.entries()) {
      yield heads[index];
      for (let at = first; at <= last;) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, last - at + 1));
        const count = await entry.readAt(piece, at);
        if (count === null) throw new Deno.errors.UnexpectedEof("Cannot send file: it was cut");
        at += count;
        yield piece.subarray(0, count);
      }
    }
    yield tail;
  } finally {
    entry.close();
  }
}
