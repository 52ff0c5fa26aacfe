// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { fetch, serve, upgradeWebSocket, WebSocket as PhotonWebSocket } from "../http/mod.ts";
import * as fs from "../fs/mod.ts";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { connect, listen, Listener, TcpConn, UnixConn } from "../net/mod.ts";
import { type DatagramConn, listenDatagram } from "../net/mod.ts";
import { connectTls, listenTls, startTls, TlsConn, TlsListener } from "../net/mod.ts";
import type { NetApi } from "./servers.ts";

// Most of this file is proved by the type checker: it compiles when a program that was written for
// Deno's types can use ours in their place. `Deno.connect` and `Deno.listen` have a form for vsock
// too, which this library leaves to Deno; all the other forms are listed here.

/** The forms of `Deno.connect` for TCP and Unix sockets, with our classes as results. */
interface Connect {
  (options: Deno.ConnectOptions): Promise<TcpConn>;
  (options: Deno.UnixConnectOptions): Promise<UnixConn>;
}

/** The forms of `Deno.listen` for TCP and Unix sockets. */
interface Listen {
  (options: Deno.TcpListenOptions & { transport?: "tcp" }): Deno.TcpListener;
  (options: Deno.UnixListenOptions & { transport: "unix" }): Deno.UnixListener;
}

/** What of the global `fetch` both have; the client among its options is each one's own. */
type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** The forms of `Deno.serve` for TCP, TLS and Unix sockets. */
interface Serve {
  (handler: Deno.ServeHandler<Deno.NetAddr>): Deno.HttpServer<Deno.NetAddr>;
  (
    options: Deno.ServeUnixOptions,
    handler: Deno.ServeHandler<Deno.UnixAddr>,
  ): Deno.HttpServer<Deno.UnixAddr>;
  (
    options: Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem),
    handler: Deno.ServeHandler<Deno.NetAddr>,
  ): Deno.HttpServer<Deno.NetAddr>;
  (
    options: Deno.ServeUnixOptions & Deno.ServeInit<Deno.UnixAddr>,
  ): Deno.HttpServer<Deno.UnixAddr>;
  (
    options:
      & (Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem))
      & Deno.ServeInit<Deno.NetAddr>,
  ): Deno.HttpServer<Deno.NetAddr>;
}

/** Fails to compile unless values of type `Ours` can be used where Deno's type is asked. */
type Fits<Ours extends Theirs, Theirs> = [Ours, Theirs];

/** One row for each of our classes and the type of Deno that it stands for. */
export type Classes = [
  Fits<TcpConn, Deno.TcpConn>,
  Fits<TcpConn, Deno.Conn<Deno.NetAddr>>,
  Fits<TcpConn, Deno.Conn>,
  Fits<UnixConn, Deno.UnixConn>,
  Fits<UnixConn, Deno.Conn<Deno.UnixAddr>>,
  Fits<UnixConn, Deno.Conn>,
  Fits<InstanceType<typeof Listener>, Deno.Listener>,
  Fits<fs.FsFile, Deno.FsFile>,
  Fits<DatagramConn<Deno.NetAddr>, Deno.DatagramConn>,
  Fits<DatagramConn<Deno.UnixAddr>, Deno.DatagramConn>,
  Fits<TlsConn, Deno.TlsConn>,
  Fits<TlsListener, Deno.TlsListener>,
];

/** The forms of Deno's functions for TLS, with our classes as arguments and results. */
interface Tls {
  /** `Deno.connectTls` */
  connectTls(
    options: Deno.ConnectTlsOptions | (Deno.ConnectTlsOptions & Deno.TlsCertifiedKeyPem),
  ): Promise<TlsConn>;
  /** `Deno.listenTls` */
  listenTls(options: Deno.ListenTlsOptions & Deno.TlsCertifiedKeyPem): TlsListener;
  /** `Deno.startTls` */
  startTls(conn: TcpConn, options?: Deno.StartTlsOptions): Promise<TlsConn>;
}

Deno.test("connectTls(), listenTls() and startTls() have the types of Deno's", () => {
  ({ connectTls, listenTls, startTls }) satisfies Tls;
  assertEquals([TlsConn, TlsListener].map(({ name }) => name), ["TlsConn", "TlsListener"]);
});

/** The forms of `Deno.listenDatagram`. */
interface ListenDatagram {
  (options: Deno.UdpListenOptions & { transport: "udp" }): Deno.DatagramConn;
  (options: Deno.UnixListenDatagramOptions & { transport: "unixpacket" }): Deno.DatagramConn;
}

Deno.test("listenDatagram() has the type of Deno's", () => {
  listenDatagram satisfies ListenDatagram;
});

Deno.test("connect() and listen() have the types of Deno's", () => {
  connect satisfies Connect;
  listen satisfies Listen;
  ({ connect, listen }) satisfies NetApi;
  Deno satisfies NetApi;
});

Deno.test("fetch() has the types of Deno's", () => {
  fetch satisfies Fetch;
  globalThis.fetch satisfies Fetch;
});

Deno.test("serve() has the types of Deno's", () => {
  serve satisfies Serve;
  Deno.serve satisfies Serve;
  upgradeWebSocket satisfies typeof Deno.upgradeWebSocket;
  PhotonWebSocket satisfies typeof WebSocket;
});

Deno.test("connect() and accept() give a TcpConn", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  listener satisfies Deno.TcpListener;
  using conn = await connect({ hostname: "127.0.0.1", port: listener.addr.port });
  conn satisfies TcpConn;
  using accepted = await listener.accept();
  accepted satisfies TcpConn;
  assertInstanceOf(listener, Listener);
  assertInstanceOf(conn, TcpConn);
  assertInstanceOf(accepted, TcpConn);
});

Deno.test("connect() and accept() give a UnixConn", async () => {
  const path = `\0photon-${crypto.randomUUID()}`;
  using listener = listen({ transport: "unix", path });
  listener satisfies Deno.UnixListener;
  using conn = await connect({ transport: "unix", path });
  conn satisfies UnixConn;
  using accepted = await listener.accept();
  accepted satisfies UnixConn;
  assertInstanceOf(listener, Listener);
  assertInstanceOf(conn, UnixConn);
  assertInstanceOf(accepted, UnixConn);
});

Deno.test("the file functions have the types of Deno's", () => {
  fs.open satisfies typeof Deno.open;
  fs.create satisfies typeof Deno.create;
  fs.readFile satisfies typeof Deno.readFile;
  fs.readTextFile satisfies typeof Deno.readTextFile;
  fs.writeFile satisfies typeof Deno.writeFile;
  fs.writeTextFile satisfies typeof Deno.writeTextFile;
  fs.stat satisfies typeof Deno.stat;
  fs.lstat satisfies typeof Deno.lstat;
  fs.mkdir satisfies typeof Deno.mkdir;
  fs.remove satisfies typeof Deno.remove;
  fs.rename satisfies typeof Deno.rename;
  fs.copyFile satisfies typeof Deno.copyFile;
  fs.readDir satisfies typeof Deno.readDir;
  fs.link satisfies typeof Deno.link;
  fs.symlink satisfies typeof Deno.symlink;
  fs.readLink satisfies typeof Deno.readLink;
  fs.realPath satisfies typeof Deno.realPath;
  fs.truncate satisfies typeof Deno.truncate;
  fs.chmod satisfies typeof Deno.chmod;
  fs.chown satisfies typeof Deno.chown;
  fs.utime satisfies typeof Deno.utime;
  fs.makeTempFile satisfies typeof Deno.makeTempFile;
  fs.makeTempDir satisfies typeof Deno.makeTempDir;
  fs.watch satisfies typeof Deno.watchFs;
});
