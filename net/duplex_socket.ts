// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { DenoStreamSocket } from "./deno_socket.ts";
import { StreamConn } from "./stream_conn.ts";
import type { AcceptedSocket } from "./stream_socket.ts";

/**
 * The socket under a connection, which is closed to its owner from then on, or one that is made of
 * any two-way stream. A stream that has no addresses gets empty ones.
 *
 * @throws {Deno.errors.BadResource} when the connection is closed
 * @throws {Deno.errors.Busy} when somebody reads from it
 */
export function takeOver(stream: StreamConn<Deno.Addr> | Duplex): AcceptedSocket<Deno.NetAddr> {
  const { localAddr = NOWHERE, remoteAddr = NOWHERE } = stream as Partial<Deno.Conn<Deno.NetAddr>>;
  const socket = stream instanceof StreamConn
    ? StreamConn.detach(stream)
    : new DenoStreamSocket(connOf(stream));
  return { socket, localAddr, remoteAddr };
}

const NOWHERE: Deno.NetAddr = { transport: "tcp", hostname: "", port: 0 };

/** What the socket asks of a connection of Deno's; a stream holds no process by itself. */
function connOf(stream: Duplex): Deno.Conn {
  const conn: Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close" | "ref" | "unref"> = {
    read: (p) => stream.read(p),
    write: (p) => stream.write(p),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
    ref: () => {},
    unref: () => {},
  };
  return conn as Deno.Conn;
}
