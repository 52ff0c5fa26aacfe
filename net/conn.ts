// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KeepAlive, PeerCredentials } from "../ffi/socket_option.ts";
import { StreamConn } from "./stream_conn.ts";

/**
 * A TCP connection. Drop-in for {@linkcode Deno.TcpConn}; it adds `readFull`, `writeAll`, `readv`,
 * `writev`, `peek`, timeouts, `shutdown` and socket options.
 *
 * @example Talk to an echo service
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const accepting = listener.accept();
 * using conn = await connect({ port: listener.addr.port });
 * using peer = await accepting;
 * await conn.writeAll(new TextEncoder().encode("hello"));
 * const greeting = new Uint8Array(5);
 * await peer.readFull(greeting);
 * assertEquals(new TextDecoder().decode(greeting), "hello");
 * ```
 */
export class TcpConn extends StreamConn<Deno.NetAddr> implements Deno.TcpConn {
  /** Sends small writes at once (true, the default of new connections) or gathers them. */
  setNoDelay(noDelay = true): void {
    StreamConn.socketOf(this).setNoDelay(noDelay);
  }

  /** Lets the kernel probe an idle peer, at the times given or the system's. */
  setKeepAlive(keepAlive: boolean | KeepAlive = true): void {
    StreamConn.socketOf(this).setKeepAlive(keepAlive);
  }
}

/**
 * A connection over a Unix socket. Drop-in for {@linkcode Deno.UnixConn}, with the additions of
 * {@linkcode TcpConn} and the peer's credentials.
 *
 * @example Ask who is there
 * ```ts
 * import { socketPair } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const [left, right] = socketPair();
 *   assertEquals(left.peerCredentials().pid, Deno.pid);
 *   left.close();
 *   right.close();
 * }
 * ```
 */
export class UnixConn extends StreamConn<Deno.UnixAddr> implements Deno.UnixConn {
  /** Process, user and group at the other end, as they were when it connected. */
  peerCredentials(): PeerCredentials {
    return StreamConn.socketOf(this).peerCredentials();
  }
}
