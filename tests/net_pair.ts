// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import type { ConnectOptions } from "../net/addr.ts";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import { connect } from "../net/connect.ts";
import { listen } from "../net/listen.ts";
import { StreamConn } from "../net/stream_conn.ts";
import { leakTest } from "./leak.ts";
import type { SocketFamily } from "./servers.ts";

/** Whether the tests run on the ring; what Deno's API lacks is tested there only. */
export const onRing: boolean = engineInfo().engine === "uring";

/** Registers a leak test of something that only the ring engine has. */
export function ringTest(name: string, body: () => void | Promise<void>): void {
  leakTest(name, body, { ignore: !onRing });
}

/** Both ends of a connection of this library; disposing closes what the test left open. */
export interface Pair<C extends TcpConn | UnixConn> extends Disposable {
  /** The end that called `connect`. */
  readonly client: C;
  /** The end that `accept` gave. */
  readonly server: C;
}

/** A connection over loopback; the options are the client's. */
export async function tcpPair(options: Partial<ConnectOptions> = {}): Promise<Pair<TcpConn>> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [client, server] = await Promise.all([connect({ ...options, port }), listener.accept()]);
  return pairOf(client, server);
}

/** A connection over a Unix socket that leaves no file. */
export async function unixPair(): Promise<Pair<UnixConn>> {
  const path = freshAbstractName();
  using listener = listen({ transport: "unix", path });
  const connecting = connect({ transport: "unix", path });
  const [client, server] = await Promise.all([connecting, listener.accept()]);
  return pairOf(client, server);
}

/** A connection of either kind. */
export function pairOver(family: SocketFamily): Promise<Pair<TcpConn | UnixConn>> {
  return family === "tcp" ? tcpPair() : unixPair();
}

/**
 * Writes zeros until the connection takes not one byte more, which wants a peer that does not read.
 *
 * @returns How many bytes that were
 */
export async function fillUp(conn: TcpConn | UnixConn): Promise<number> {
  let filled = 0;
  conn.setWriteTimeout(FILL_TIMEOUT_MS);
  // What is too large to be queued may still leave room for less.
  for (const length of [65_536, 1024, 1]) {
    const block = new Uint8Array(length);
    for (let count = 1; count > 0; filled += count) count = await writeSome(conn, block);
  }
  conn.setWriteTimeout(0);
  return filled;
}

/** A name for a Unix socket that is no file and that nobody else has. */
export function freshAbstractName(): string {
  return `\0photon-${crypto.randomUUID()}`;
}

/** The descriptor under a connection on the ring. */
export function descriptorOf(conn: TcpConn | UnixConn): number {
  return StreamConn.socketOf(conn).fd;
}

/** A write that waits for so long waits for its peer. */
const FILL_TIMEOUT_MS = 5;

async function writeSome(conn: TcpConn | UnixConn, block: Uint8Array): Promise<number> {
  try {
    return await conn.write(block);
  } catch (error) {
    if (error instanceof Deno.errors.TimedOut) return 0;
    throw error;
  }
}

function pairOf<C extends TcpConn | UnixConn>(client: C, server: C): Pair<C> {
  const close = () => {
    client[Symbol.dispose]();
    server[Symbol.dispose]();
  };
  return { client, server, [Symbol.dispose]: close };
}
