// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WorkMainContext } from "../io/mod.ts";
import { type ListenShare, listenShared, type TcpConn } from "../net/mod.ts";

/** An echo service for each worker of a pool, on one port. */
export async function main(context: WorkMainContext, share: ListenShare): Promise<void> {
  using listener = listenShared(share, context.index);
  const open = new Set<TcpConn>();
  context.signal.addEventListener("abort", () => {
    listener.close();
    for (const conn of open) conn.close();
  });
  context.ready();
  for await (const conn of listener) {
    open.add(conn);
    echo(conn).finally(() => open.delete(conn));
  }
}

async function echo(conn: TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      await conn.writeAll(buffer.subarray(0, n));
    }
  } catch {
    // The peer is gone, or the service stops.
  } finally {
    conn[Symbol.dispose]();
  }
}
