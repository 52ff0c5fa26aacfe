// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ServedEntry } from "../fs/served_folder.ts";

/** Part of a file as the body of a response: whoever can sends it from where it is. */
export interface FileBody {
  /** The descriptor. */
  readonly fd: number;
  /** Where it begins. */
  readonly offset: number;
  /** How many bytes. */
  readonly length: number;
  /** Closes the file. */
  close(): void;
}

/** Bytes of one read. */
const PIECE_BYTES = 65_536;

const bodies = new WeakMap<ReadableStream, FileBody>();

/**
 * A body of part of a file, which is closed at its end or when it is cancelled. `serve` recognises
 * it and does not read it but has the kernel send it; to all others it is a stream like any other.
 *
 * @param onProgress Called with bytes as they leave, where somebody wants to know: such a body is
 *   read here
 */
export function fileBody(
  file: ServedEntry,
  offset: number,
  length: number,
  onProgress?: (byteLength: number) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = offset;
  const end = offset + length;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        if (at < end) {
          const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
          const count = await file.readAt(piece, at);
          if (count === null) throw new Deno.errors.UnexpectedEof("Cannot send file: it was cut");
          at += count;
          onProgress?.(count);
          controller.enqueue(piece.subarray(0, count));
        }
        if (at < end) return;
        file.close();
        controller.close();
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel: () => file.close(),
  }, NOTHING_AHEAD);
  if (file.fd >= 0 && onProgress === undefined) {
    bodies.set(body, { fd: file.fd, offset, length, close: () => file.close() });
  }
  return body;
}

const NOTHING_AHEAD: QueuingStrategy = { highWaterMark: 0 };

/** The part of a file that a body is. */
export function fileBodyOf(body: ReadableStream): FileBody | undefined {
  return bodies.get(body);
}
