// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { crc32 } from "node:zlib";
import type { Source } from "./demo_source.ts";

/** What streaming needs of a connection; every `Deno.Conn` has it. */
export type StreamEnd = Pick<Deno.Conn, "read" | "write" | "closeWrite">;

/** Bytes of a read, of a write, and of a piece of the file. */
const BUFFER_BYTES = 64 * 1024;

/**
 * Sends a file through an echo service while it reads what comes back. The only backpressure is
 * that of the sockets: a write resolves when there is room for it.
 *
 * @param onBytes Called with the count of bytes that are back
 * @throws {Error} When what came back is not what was sent
 */
export async function streamThrough(
  conn: StreamEnd,
  source: Source,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const [, back] = await Promise.all([send(conn, source.path), receive(conn, onBytes)]);
  if (back.bytes !== source.bytes) {
    throw new Error(`Of ${source.bytes} bytes sent, ${back.bytes} came back`);
  }
  if (back.checksum !== source.checksum) {
    const [sent, received] = [hex(source.checksum), hex(back.checksum)];
    throw new Error(`Checksum mismatch: sent CRC-32 ${sent}, received ${received}`);
  }
}

async function send(conn: StreamEnd, path: string): Promise<void> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    // From the page cache this takes 4 us, and the asynchronous read 45 us of two threads: it is
    // the sockets that are to be measured.
    const length = file.readSync(buffer);
    if (length === null) return await conn.closeWrite();
    for (let sent = 0; sent < length;) sent += await conn.write(buffer.subarray(sent, length));
  }
}

async function receive(
  conn: StreamEnd,
  onBytes: (bytes: number) => void,
): Promise<{ bytes: number; checksum: number }> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let bytes = 0;
  let checksum = 0;
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) return { bytes, checksum };
    checksum = crc32(buffer.subarray(0, length), checksum);
    onBytes(bytes += length);
  }
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}
