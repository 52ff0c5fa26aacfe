// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { checkListenOptions, type TcpListenOptions, type UnixListenOptions } from "../net/addr.ts";
import { denoListenTcp, denoListenUnix } from "../net/deno_listen.ts";
import { listenTls, listenTlsParts, type TlsListenParts } from "../net/listen_tls.ts";
import type { AcceptedSocket, ListenSocket, StreamSocket } from "../net/stream_socket.ts";
import type { TlsConn } from "../net/tls_conn.ts";
import type { ListenTlsOptions } from "../net/tls_options.ts";
import { TlsSession } from "../net/tls_session.ts";
import { uringListenTcp, uringListenUnix } from "../net/uring_listen.ts";
import { UringStreamSocket } from "../net/uring_socket.ts";
import { RingTransport } from "./ring_transport.ts";
import { type ByteSocket, SocketTransport } from "./socket_transport.ts";
import { TlsTransport } from "./tls_transport.ts";
import type { Transport } from "./transport.ts";
import { UpgradedConn } from "./upgraded_conn.ts";

/** One accepted connection. */
export interface Accepted {
  /** The stream. */
  readonly transport: Transport;
  /** The peer's address. */
  readonly remoteAddr: Deno.Addr;
}

/** Where a server's connections come from; HTTP is the same over all of them. */
export interface Acceptor {
  /** The bound address, with the port that was assigned. */
  readonly addr: Deno.Addr;
  /** Whether what is said cannot be read on the way. */
  readonly secure: boolean;
  /** Waits for the next connection; rejects with `BadResource` when closed. */
  accept(): Promise<Accepted>;
  /** Stops listening before it returns. */
  close(): void;
  /** Waiting keeps the process alive. */
  ref(): void;
  /** Waiting does not keep the process alive. */
  unref(): void;
}

/** Listens for plain connections, on the ring where there is one. */
export function listenPlain(options: TcpListenOptions | UnixListenOptions): Acceptor {
  const request = checkListenOptions(options);
  const onRing = engineInfo().engine === "uring";
  const socket: ListenSocket<Deno.Addr> = request.transport === "unix"
    ? onRing ? uringListenUnix(openEngine(), request) : denoListenUnix(request)
    : onRing
    ? uringListenTcp(openEngine(), request)
    : denoListenTcp(request);
  return {
    addr: socket.addr,
    secure: false,
    accept: async () => plain(await socket.accept()),
    close: () => socket.close(),
    ref: () => socket.ref(),
    unref: () => socket.unref(),
  };
}

/**
 * Listens for TLS connections, on the ring where there is one.
 *
 * @throws {Deno.errors.InvalidData} when certificate or key cannot be read
 * @throws {Deno.errors.NotSupported} on the ring, when OpenSSL 3 is not installed
 */
export function listenSecure(options: ListenTlsOptions): Acceptor {
  const request = { ...options, alpnProtocols: ["http/1.1"] };
  if (engineInfo().engine === "uring") return secureOnRing(listenTlsParts(request));
  const listener = listenTls(request);
  return {
    addr: listener.addr,
    secure: true,
    accept: async () => secure(await listener.accept()),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}

function plain(accepted: AcceptedSocket<Deno.Addr>): Accepted {
  const { socket, localAddr, remoteAddr } = accepted;
  if (socket instanceof UringStreamSocket) {
    const both = accepted as AcceptedSocket<Deno.NetAddr | Deno.UnixAddr>;
    return { transport: new RingTransport(both, true), remoteAddr };
  }
  return { transport: overSocket(byteSocket(socket), localAddr, remoteAddr), remoteAddr };
}

/** The handshake is the transport's: it can be given up as a connection can. */
function secureOnRing({ socket, contexts }: TlsListenParts): Acceptor {
  return {
    addr: socket.addr,
    secure: true,
    accept: async () => {
      const accepted = await socket.accept();
      const session = new TlsSession(contexts.start());
      const parts = { session, keepSession: null };
      const inner = new RingTransport(accepted, true);
      const transport = new TlsTransport(inner, parts, contexts.handshakeTimeoutMs);
      return { transport, remoteAddr: accepted.remoteAddr };
    },
    close: () => {
      socket.close();
      contexts[Symbol.dispose]();
    },
    ref: () => socket.ref(),
    unref: () => socket.unref(),
  };
}

function secure(conn: TlsConn): Accepted {
  const { localAddr, remoteAddr } = conn;
  return { transport: overSocket(conn, localAddr, remoteAddr), remoteAddr };
}

function overSocket(socket: ByteSocket, local: Deno.Addr, remote: Deno.Addr): Transport {
  return new SocketTransport(
    socket,
    (rest, late) => new UpgradedConn(socket, { local, remote }, rest, late),
  );
}

function byteSocket(socket: StreamSocket): ByteSocket {
  return {
    read: (p) => socket.read(p),
    write: (p) => socket.write(p),
    closeWrite: () => socket.shutdown("write"),
    close: () => socket.close(),
    ref: () => socket.ref(),
    unref: () => socket.unref(),
  };
}
