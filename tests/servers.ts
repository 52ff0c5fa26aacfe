// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The functions that stand in for each other in tests: Deno's own, or ours. */
export interface NetApi {
  /** Opens a TCP connection. */
  connect(options: Deno.ConnectOptions): Promise<Deno.TcpConn>;
  /** Opens a Unix connection. */
  connect(options: Deno.UnixConnectOptions): Promise<Deno.UnixConn>;
  /** Listens on TCP. */
  listen(options: Deno.TcpListenOptions & { transport?: "tcp" }): Deno.TcpListener;
  /** Listens on a Unix socket. */
  listen(options: Deno.UnixListenOptions & { transport: "unix" }): Deno.UnixListener;
}

/** Which kind of stream socket a test uses. */
export type SocketFamily = "tcp" | "unix";

/** An address that {@linkcode connectTo} can reach. */
export type StreamAddr = Deno.NetAddr | Deno.UnixAddr;

/** A listener of either kind. */
export type StreamListener = Deno.Listener<Deno.Conn<StreamAddr>, StreamAddr>;

/** Two ends of one connection and the listener that accepted it; disposing closes all three. */
export interface ConnectedPair extends Disposable {
  /** The end that called `connect`. */
  client: Deno.Conn<StreamAddr>;
  /** The end that `accept` gave. */
  server: Deno.Conn<StreamAddr>;
  /** Where they met. */
  listener: StreamListener;
}

/** A server that sends back what it receives; disposing stops it and waits for its connections. */
export interface EchoServer extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: StreamAddr;
  /** Connections served so far. */
  readonly accepted: number;
}

/** Listens on loopback with an assigned port, or on a fresh Unix name that leaves no file. */
export function listenOnLoopback(api: NetApi, family: SocketFamily): StreamListener {
  if (family === "tcp") return api.listen({ hostname: "127.0.0.1", port: 0 });
  return api.listen({ transport: "unix", path: freshUnixPath() });
}

/** Connects to a listener's address. */
export function connectTo(api: NetApi, addr: StreamAddr): Promise<Deno.Conn<StreamAddr>> {
  if ("path" in addr) return api.connect({ transport: "unix", path: addr.path });
  return api.connect({ hostname: addr.hostname, port: addr.port });
}

/** Opens both ends of one connection. */
export async function connectedPair(api: NetApi, family: SocketFamily): Promise<ConnectedPair> {
  const listener = listenOnLoopback(api, family);
  const [client, server] = await Promise.all([connectTo(api, listener.addr), listener.accept()]);
  return { client, server, listener, [Symbol.dispose]: closeAll };

  function closeAll() {
    for (const resource of [client, server, listener]) resource[Symbol.dispose]();
  }
}

/** Echoes on every connection that arrives at `listener` until it is disposed. */
export function startEchoServer(listener: StreamListener): EchoServer {
  const open = new Set<Deno.Conn<StreamAddr>>();
  const tasks: Promise<void>[] = [];
  const accepting = acceptAll();

  async function acceptAll() {
    for await (const conn of listener) {
      open.add(conn);
      tasks.push(echo(conn).finally(() => open.delete(conn)));
    }
  }

  return {
    addr: listener.addr,
    get accepted() {
      return tasks.length;
    },
    async [Symbol.asyncDispose]() {
      listener[Symbol.dispose]();
      await accepting;
      for (const conn of open) conn[Symbol.dispose]();
      await Promise.all(tasks);
    },
  };
}

async function echo(conn: Deno.Conn<StreamAddr>) {
  const block = new Uint8Array(64 * 1024);
  try {
    for (let n = await conn.read(block); n !== null; n = await conn.read(block)) {
      for (let sent = 0; sent < n;) sent += await conn.write(block.subarray(sent, n));
    }
  } catch (error) {
    if (!isEndOfConnection(error)) throw error;
  } finally {
    conn[Symbol.dispose]();
  }
}

/** A peer that left, or this server being stopped; either ends one echo and nothing else. */
function isEndOfConnection(error: unknown): boolean {
  const { BadResource, BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;
  return [BadResource, BrokenPipe, ConnectionReset, Interrupted].some((e) => error instanceof e);
}

/** Linux has names outside the file system; elsewhere a file that `close` removes. */
function freshUnixPath(): string {
  const name = `photon-${crypto.randomUUID()}`;
  return Deno.build.os === "linux" ? `\0${name}` : `/tmp/${name}.sock`;
}
