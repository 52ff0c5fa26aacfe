// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isQuietNow } from "../ffi/socket.ts";
import { StreamConn } from "./stream_conn.ts";
import { UringStreamSocket } from "./uring_socket.ts";

/** Longest wait for Deno to say that a connection has something to read. */
const PEEK_MS = 1;

/**
 * Whether a connection that nobody used for a while can be used again: it is open at both ends, and
 * nothing has come that nobody asked for. On the ring that is one system call.
 */
export function isReusable(conn: unknown): boolean | Promise<boolean> {
  if (!(conn instanceof StreamConn)) return true;
  let socket;
  try {
    socket = StreamConn.socketOf(conn);
  } catch {
    // It was closed by its user.
    return false;
  }
  if (!(socket instanceof UringStreamSocket)) return staysQuiet(conn);
  const { receiver } = socket.stream;
  return !receiver.keeps && isQuietNow(socket.fd);
}

/** Peeks, and gives that up when nothing comes at once. */
async function staysQuiet(conn: StreamConn<Deno.Addr>): Promise<boolean> {
  try {
    await conn.peek(new Uint8Array(1), { signal: AbortSignal.timeout(PEEK_MS) });
    return false;
  } catch (error) {
    return error instanceof DOMException && error.name === "TimeoutError";
  }
}
