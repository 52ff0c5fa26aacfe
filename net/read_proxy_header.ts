// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CopySource } from "./copy.ts";
import { parseProxyHeader, PROXY_V2_BYTES_MAX, type ProxyHeader } from "./proxy_protocol.ts";
import type { TransferOptions } from "./stream_conn.ts";

/**
 * Reads the header of the PROXY protocol that a connection begins with, and not one byte more. Set
 * a limit to it, by a signal or the connection's read timeout: a peer may send nothing at all.
 *
 * Only proxies that are trusted may say who the client is: without one in front, anybody can send
 * such a header.
 *
 * @throws {Deno.errors.InvalidData} when the connection begins with something else
 * @throws {Deno.errors.UnexpectedEof} when it ends before
 *
 * @example Who is the client?
 * ```ts
 * import { connect, encodeProxyV2, listen, readProxyHeader } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using proxy = await connect({ port: listener.addr.port });
 * const source = { transport: "tcp", hostname: "10.0.0.1", port: 5000 } as const;
 * const destination = { transport: "tcp", hostname: "10.0.0.2", port: 80 } as const;
 * await proxy.writeAll(
 *   encodeProxyV2({ command: "proxy", source, destination, fields: [] }),
 * );
 * using conn = await listener.accept();
 * const header = await readProxyHeader(conn, { signal: AbortSignal.timeout(1000) });
 * assertEquals(header.source, source);
 * ```
 */
export async function readProxyHeader(
  conn: CopySource,
  options: TransferOptions = {},
): Promise<ProxyHeader> {
  let bytes = new Uint8Array(FIRST_BYTES);
  let length = 0;
  for (;;) {
    // Errors show with the first byte that is wrong, and a whole header ends the loop.
    const wanted = length === 0 ? FIRST_BYTES : missing(bytes, length);
    if (length + wanted > bytes.length) bytes = grown(bytes, length + wanted);
    for (const end = length + wanted; length < end;) {
      const count = await conn.read(bytes.subarray(length, end), options);
      if (count === null) {
        throw new Deno.errors.UnexpectedEof("Cannot read a PROXY header: the connection ended");
      }
      length += count;
      const parsed = parseProxyHeader(bytes.subarray(0, length));
      if (parsed) return parsed.header;
    }
  }
}

/** The shortest header: `PROXY UNKNOWN` with its line end; version 2 has one byte more. */
const FIRST_BYTES = 15;
const V2_HEAD_BYTES = 16;
const LENGTH_HIGH = 14;
const CARRIAGE_RETURN = 13;

/** Bytes that a header lacks for certain. */
function missing(bytes: Uint8Array, length: number): number {
  const isText = bytes[0] !== CARRIAGE_RETURN;
  if (isText) return bytes[length - 1] === CARRIAGE_RETURN ? 1 : 2;
  if (length < V2_HEAD_BYTES) return V2_HEAD_BYTES - length;
  const total = V2_HEAD_BYTES + (bytes[LENGTH_HIGH]! << 8 | bytes[LENGTH_HIGH + 1]!);
  return Math.min(total, PROXY_V2_BYTES_MAX) - length;
}

function grown(bytes: Uint8Array, byteLength: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(byteLength, 2 * bytes.length));
  larger.set(bytes);
  return larger;
}
