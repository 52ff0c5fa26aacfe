// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { OpenFile } from "../fs/open_file.ts";
import { PortableFile } from "../fs/portable_file.ts";
import { PORTABLE_GAPS, type PortableGap } from "../io/portable.ts";
import { checkConnectOptions, checkListenOptions } from "../net/addr.ts";
import { UnixConn } from "../net/conn.ts";
import { denoConnectTls, denoStartTls } from "../net/deno_tls.ts";
import { checkTlsClient } from "../net/tls_options.ts";
import type { TcpConnectRequest, TcpListenRequest, UnixListenRequest } from "../net/addr.ts";
import type { ConnectOptions, TcpListenOptions } from "../net/addr.ts";
import { denoConnectTcp, denoConnectUnix } from "../net/deno_connect.ts";
import { DenoReceiver } from "../net/deno_receiver.ts";
import { denoListenTcp, denoListenUnix } from "../net/deno_listen.ts";
import type { DenoListenSocket } from "../net/deno_listener.ts";
import type { StreamSocket } from "../net/stream_socket.ts";
import { PHOTON_NET, runProgram } from "./subprocess.ts";

const { BadResource, BrokenPipe, Interrupted, NotSupported } = Deno.errors;

function connectTcp(options: ConnectOptions) {
  return denoConnectTcp(checkConnectOptions(options) as TcpConnectRequest);
}

function listenTcp(options: TcpListenOptions = {}): DenoListenSocket<Deno.NetAddr> {
  const request = checkListenOptions({ hostname: "127.0.0.1", ...options });
  return denoListenTcp(request as TcpListenRequest);
}

function listenUnix(): DenoListenSocket<Deno.UnixAddr> {
  const path = `\0photon-${crypto.randomUUID()}`;
  return denoListenUnix(checkListenOptions({ transport: "unix", path }) as UnixListenRequest);
}

/** More than both kernel buffers of a connection hold, so that a writer has to wait. */
const STALLED_BYTES = 32 * 1024 * 1024;

interface Pair extends Disposable {
  client: StreamSocket;
  server: StreamSocket;
}

async function tcpPair(): Promise<Pair> {
  const listener = listenTcp();
  const [client, server] = await Promise.all([
    connectTcp({ port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  return pairOf(client.socket, server.socket);
}

async function unixPair(): Promise<Pair> {
  const listener = listenUnix();
  const { path } = listener.addr;
  const [client, server] = await Promise.all([
    denoConnectUnix({ transport: "unix", path, signal: undefined, socketOptions: {} }),
    listener.accept(),
  ]);
  listener.close();
  return pairOf(client.socket, server.socket);
}

function pairOf(client: StreamSocket, server: StreamSocket): Pair {
  function close(): void {
    for (const socket of [client, server]) {
      try {
        socket.close();
      } catch (error) {
        // The test closed it.
        if (!(error instanceof BadResource)) throw error;
      }
    }
  }
  return { client, server, [Symbol.dispose]: close };
}

async function readOnce(socket: StreamSocket, bytesMax = 64): Promise<number[] | null> {
  const p = new Uint8Array(bytesMax);
  const count = await socket.read(p);
  return count === null ? null : [...p.subarray(0, count)];
}

async function peekOnce(socket: StreamSocket, bytesMax = 64): Promise<number[] | null> {
  const p = new Uint8Array(bytesMax);
  const count = await socket.peek(p);
  return count === null ? null : [...p.subarray(0, count)];
}

Deno.test("an aborted read leaves its bytes to the next read", async () => {
  using pair = await tcpPair();
  const abort = new AbortController();
  const buffer = new Uint8Array(8);
  const reading = pair.server.read(buffer, abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  await pair.client.write(new Uint8Array([1, 2, 3]));
  assertEquals(await readOnce(pair.server), [1, 2, 3]);
  assertEquals(buffer, new Uint8Array(8));
});

Deno.test("an aborted read leaves the reads around it in order", async () => {
  using pair = await tcpPair();
  const abort = new AbortController();
  const first = readOnce(pair.server, 1);
  const second = pair.server.read(new Uint8Array(8), abort.signal);
  const third = readOnce(pair.server, 1);
  abort.abort();
  await assertRejects(() => second, DOMException);
  await pair.client.write(new Uint8Array([1, 2]));
  assertEquals([await first, await third], [[1], [2]]);
});

Deno.test("a read with a signal that is aborted already reads nothing", async () => {
  using pair = await tcpPair();
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => pair.server.read(new Uint8Array(1), signal), Error, "before");
});

Deno.test("an error that an aborted read would have had goes to the next read", async () => {
  const results = [Promise.reject(new Deno.errors.ConnectionReset("reset")), Promise.resolve(null)];
  const conn = { read: () => results.shift(), ref() {}, unref() {} };
  const receiver = new DenoReceiver(conn as unknown as Deno.Conn);
  const abort = new AbortController();
  const reading = receiver.read(new Uint8Array(1), abort.signal);
  abort.abort();
  await assertRejects(() => reading, DOMException);
  await assertRejects(() => receiver.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  assertEquals(await receiver.read(new Uint8Array(1)), null);
});

Deno.test("peek() leaves the bytes for the next read", async () => {
  using pair = await tcpPair();
  await pair.client.write(new Uint8Array([1, 2, 3]));
  assertEquals(await peekOnce(pair.server), [1, 2, 3]);
  assertEquals(await peekOnce(pair.server, 2), [1, 2]);
  assertEquals(await readOnce(pair.server, 2), [1, 2]);
  assertEquals(await readOnce(pair.server), [3]);
});

Deno.test("peek() shows more once more has come", async () => {
  using pair = await tcpPair();
  await pair.client.write(new Uint8Array([1, 2]));
  assertEquals(await peekOnce(pair.server), [1, 2]);
  await pair.client.write(new Uint8Array([3]));
  let seen = await peekOnce(pair.server);
  while (seen?.length === 2) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    seen = await peekOnce(pair.server);
  }
  assertEquals(seen, [1, 2, 3]);
  assertEquals(await readOnce(pair.server), [1, 2, 3]);
});

Deno.test("peek() gives null at the end of the stream and the bytes before it", async () => {
  using pair = await tcpPair();
  await pair.client.write(new Uint8Array([1]));
  await pair.client.shutdown("write");
  assertEquals(await peekOnce(pair.server), [1]);
  assertEquals(await readOnce(pair.server), [1]);
  assertEquals(await peekOnce(pair.server), null);
  assertEquals(await readOnce(pair.server), null);
});

Deno.test("a buffer that is given away under a read loses no byte", async () => {
  using pair = await tcpPair();
  const buffer = new Uint8Array(8);
  const reading = pair.server.read(buffer);
  structuredClone(buffer, { transfer: [buffer.buffer] });
  await pair.client.write(new Uint8Array([1, 2]));
  assertEquals(await reading, 0);
  assertEquals(await readOnce(pair.server), [1, 2]);
});

Deno.test("shutdown() of reading ends a pending read and lets writing go on", async () => {
  using pair = await tcpPair();
  const reading = readOnce(pair.server);
  await pair.server.shutdown("read");
  assertEquals(await reading, null);
  assertEquals(await readOnce(pair.server), null);
  await pair.server.write(new Uint8Array([5]));
  assertEquals(await readOnce(pair.client), [5]);
});

Deno.test("shutdown() of both ends both directions", async () => {
  using pair = await tcpPair();
  await pair.server.shutdown("both");
  assertEquals(await readOnce(pair.server), null);
  assertEquals(await readOnce(pair.client), null);
  await assertRejects(() => pair.server.write(new Uint8Array(1)), BrokenPipe);
});

Deno.test("writev() keeps its buffers together between other writes", async () => {
  using pair = await tcpPair();
  const buffers = [new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3])];
  const counts = await Promise.all([
    pair.client.writev(buffers),
    pair.client.write(new Uint8Array([4])),
    pair.client.writev([new Uint8Array([5]), new Uint8Array([6])]),
  ]);
  await pair.client.shutdown("write");
  assertEquals(counts, [3, 1, 2]);
  const received: number[] = [];
  for (let bytes = await readOnce(pair.server); bytes; bytes = await readOnce(pair.server)) {
    received.push(...bytes);
  }
  assertEquals(received, [1, 2, 3, 4, 5, 6]);
});

Deno.test("writev() writes buffers that are too large to be joined", async () => {
  using pair = await tcpPair();
  const writing = pair.client.writev([new Uint8Array(300_000).fill(1), new Uint8Array([2])]);
  let received = 0;
  for (let last = 1; last !== 2;) {
    const bytes = await readOnce(pair.server, 65_536);
    received += bytes!.length;
    last = bytes!.at(-1)!;
  }
  assertEquals([await writing, received], [300_001, 300_001]);
});

Deno.test("an aborted write rejects at once, and a waiting one is not sent", async () => {
  using pair = await tcpPair();
  const abort = new AbortController();
  const filling = pair.client.writev([new Uint8Array(STALLED_BYTES)]);
  const waiting = pair.client.write(new Uint8Array([255]), abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  pair.client.close();
  await assertRejects(() => filling, Interrupted);
});

Deno.test("close() rejects every waiting call with Interrupted", async () => {
  using pair = await tcpPair();
  const { client } = pair;
  const calls = [
    client.read(new Uint8Array(1)),
    client.peek(new Uint8Array(1)),
    client.writev([new Uint8Array(STALLED_BYTES)]),
    client.write(new Uint8Array(1)),
  ];
  const rejections = calls.map((call) => assertRejects(() => call, Interrupted));
  client.close();
  await Promise.all(rejections);
});

Deno.test("an aborted accept keeps its connection for the next accept", async () => {
  const listener = listenTcp();
  const abort = new AbortController();
  const accepting = listener.accept(abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => accepting, Error, "enough");
  const client = await connectTcp({ port: listener.addr.port });
  const { socket, remoteAddr } = await listener.accept();
  assertEquals(remoteAddr, client.localAddr);
  socket.close();
  client.socket.close();
  listener.close();
});

Deno.test("close() of a listener closes a connection that nobody accepted", async () => {
  const listener = listenTcp();
  const abort = new AbortController();
  const accepting = listener.accept(abort.signal);
  abort.abort();
  await assertRejects(() => accepting, DOMException);
  const { socket } = await connectTcp({ port: listener.addr.port });
  listener.close();
  const end = await socket.read(new Uint8Array(1)).catch((error: unknown) => error);
  assert(end === null || end instanceof Deno.errors.ConnectionReset);
  socket.close();
});

Deno.test("close() of a listener rejects its accept with BadResource", async () => {
  const listener = listenTcp();
  const rejection = assertRejects(() => listener.accept(), BadResource, "has been closed");
  listener.close();
  await rejection;
});

Deno.test("what outlives an aborted read or accept does not keep the process alive", async () => {
  const program = `${PHOTON_NET}
    Deno.env.set("PHOTON_ENGINE", "deno");
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    const conn = await connect({ port: listener.addr.port });
    await listener.accept();
    const abort = new AbortController();
    const { signal } = abort;
    conn.read(new Uint8Array(8), { signal }).catch(() => console.log("read"));
    listener.accept({ signal }).catch(() => console.log("accept"));
    setTimeout(() => abort.abort());`;
  const { code, stdout, stderr } = await runProgram(program, ["-A"]);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "read\naccept\n", stderr: "" });
});

Deno.test("connections have the options that Deno can set", async () => {
  const listener = listenTcp({ keepAlive: true, noDelay: false });
  const { port } = listener.addr;
  const client = await connectTcp({ port, keepAlive: {}, noDelay: true, lingerSeconds: null });
  const { socket } = await listener.accept();
  socket.setKeepAlive(false);
  socket.setLinger(undefined);
  socket.setBufferSizes({});
  socket.close();
  client.socket.close();
  listener.close();
});

/** How each gap shows. */
// deno-fmt-ignore
const GAPS: Record<PortableGap, (tcp: Pair, unix: Pair) => unknown> = {
  peerCredentials:  (_, unix) => unix.client.peerCredentials(),
  keepAliveTimings: (tcp) => tcp.client.setKeepAlive({ idleSeconds: 5 }),
  bufferSizes:      (tcp) => tcp.client.setBufferSizes({ sendBytes: 4096 }),
  linger:           (tcp) => tcp.client.setLinger(0),
  tcpFastOpen:      () => listenTcp({ tcpFastOpen: true }),
  noReuseAddress:   () => listenTcp({ reuseAddress: false }),
  reusePort:        () => listenTcp({ reusePort: true }),
  tcpOptions:       (_, unix) => unix.client.setNoDelay(true),
  listenDatagram:   () => inPortableProgram("net", `listenDatagram({ transport: "udp" })`),
  datagramReusePort: () => inPortableProgram("net", `listenDatagram({ transport: "udp", reusePort: true })`),
  handOver:         () => inPortableProgram("net", `handOver({}, "/nowhere")`),
  listenShared:     () => inPortableProgram("net", "shareListen({}, 2)"),
  sendFile:         (tcp) => tcp.client.sendFile({ ...WHOLE, file: { fd: 1_000_000 } }),
  pipe:             () => inPortableProgram("io", "openPipe()"),
  allocate:         () => PORTABLE_FILE.allocate("extend", 0, 1),
  advise:           () => PORTABLE_FILE.advise("random", 0, 1),
  syncRange:        () => PORTABLE_FILE.syncRange(0, 1),
  extendedAttributes: () => inPortableProgram("fs", "listAttributes('.')"),
  alignedFile:      () => inPortableProgram("fs", "AlignedFile.open('.')"),
  subFs:            () => inPortableProgram("fs", "SubFs.open('.')"),
  tlsOptions:       () => inPortableProgram("net", `listenTls({ cert: "", key: "", minVersion: "TLSv1.3" })`),
  tlsReload:        () => inPortableProgram("net", "TlsListener && new net.TlsListener({}, null, null).reload({})"),
  tlsAccept:        () => inPortableProgram("net", `acceptTls({}, { cert: "", key: "" })`),
  tlsStream:        (_, { client: socket }) => denoStartTls(new UnixConn({ ...UNIX_ADDRS, socket }), TLS_CLIENT),
};

const UNIX_ADDR: Deno.UnixAddr = { transport: "unix", path: "" };

// Nothing is asked of the file itself.
const PORTABLE_FILE: OpenFile = new PortableFile({} as Deno.FsFile);
const UNIX_ADDRS = { localAddr: UNIX_ADDR, remoteAddr: UNIX_ADDR };
const TLS_CLIENT = checkTlsClient("startTls", {});

const WHOLE = { offset: 0, length: 1, signal: undefined, timeoutMs: 0 };

/** Runs an expression on the portable engine, where a test on the ring cannot get to it. */
async function inPortableProgram(module: string, expression: string): Promise<void> {
  const source = `import * as ${module} from "${new URL(`../${module}/mod.ts`, import.meta.url)}";
    try {
      await ${module}.${expression};
    } catch (error) {
      console.log(JSON.stringify([error.name, error.message]));
    }`;
  const { stdout } = await runProgram(source, []);
  const [name, message] = JSON.parse(stdout);
  assertEquals(name, "NotSupported");
  throw new NotSupported(message);
}

for (const gap of Object.keys(PORTABLE_GAPS) as PortableGap[]) {
  const [action, reason] = PORTABLE_GAPS[gap];
  Deno.test(`the portable engine cannot ${action}`, async () => {
    using tcp = await tcpPair();
    using unix = await unixPair();
    const message = `Cannot ${action} on the portable engine: ${reason}`;
    await assertRejects(async () => void await GAPS[gap](tcp, unix), NotSupported, message);
  });
}

Deno.test("an option that Deno does not have costs no connection", async () => {
  const options = [{ tcpFastOpen: true }, { lingerSeconds: 0 }, { receiveBufferBytes: 4096 }];
  for (const option of options) {
    await assertRejects(() => connectTcp({ port: 1, ...option }), NotSupported);
  }
});

Deno.test("denoConnectTls() that is given up closes the connection that comes late", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const stop = new AbortController();
  const options = { hostname: "127.0.0.1", port, signal: stop.signal };
  const request = checkConnectOptions(options) as TcpConnectRequest;
  const connecting = denoConnectTls(request, checkTlsClient("connectTls", options));
  stop.abort(new Error("on purpose"));
  await assertRejects(() => connecting, Error, "on purpose");
  using _conn = await listener.accept();
});
