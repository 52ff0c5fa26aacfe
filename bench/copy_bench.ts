// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno bench -A bench/copy_bench.ts`: 256 MiB from one connection to another, and from a file to a
// connection, by the ways that there are. A C program at each end leaves the time to the middle;
// without `cc` or -A the benches say that they are ignored.

import { closeSync, openSync } from "node:fs";
import { Op } from "../ffi/abi.ts";
import { engineInfo } from "../io/engine_info.ts";
import { copy, listen, StreamConn, type TcpConn } from "../net/mod.ts";
import { copyByBlocks, copyBySplice, sendByBlocks } from "./copy_ways.ts";
import { cPeer } from "./programs.ts";
import { Missing } from "./suite.ts";

const TRANSFER_BYTES = 256 * 1024 * 1024;
const COPY = "256 MiB from a connection to another";
const SEND = "256 MiB from a file to a connection";

// Data: the sizes of a step that are compared.
const STEPS = [["64 KiB", 65_536], ["256 KiB", 262_144], ["1 MiB", 1_048_576]] as const;

const granted = Deno.permissions.querySync({ name: "run" }).state === "granted";
const pump = granted ? await cPeer("pump") : new Missing("there is no permission to run it");

benchCopy("read, write (Deno)", Deno, loop);
benchCopy("read, write", { listen }, loop);
benchCopy("SPLICE of 64 KiB", { listen }, (from, to) => copyBySplice(fdOf(from), fdOf(to), false));
for (const [size, byteLength] of STEPS) {
  const way = (from: Conn, to: Conn) => copyByBlocks(fdOf(from), fdOf(to), byteLength);
  benchCopy(`blocks of ${size}`, { listen }, way);
}
benchCopy("copy()", { listen }, (from, to) => copy(from, to));

benchSend("read, write (Deno)", Deno, sendByLoop);
benchSend("read, write", { listen }, sendByLoop);
benchSend("SPLICE of 64 KiB", { listen }, (path, to) => {
  return withFile(path, (fd) => copyBySplice(fd, fdOf(to), true));
});
for (const [size, byteLength] of STEPS) {
  for (const [name, op] of [["blocks", Op.SEND], ["zero-copy blocks", Op.SEND_ZC]] as const) {
    const way = (path: string, to: Conn) =>
      withFile(path, (fd) => sendByBlocks(op, fd, fdOf(to), byteLength));
    benchSend(`${name} of ${size}`, { listen }, way);
  }
}
benchSend("sendFile()", { listen }, (path, to) => {
  return withFile(path, (fd) => (to as TcpConn).sendFile({ fd }));
});

/** What Deno and this library both offer. */
interface Api {
  listen(options: { hostname: string; port: number }): Listener;
}

interface Listener extends Disposable {
  readonly addr: { port: number };
  accept(): Promise<Conn>;
}

interface Conn extends Disposable {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
}

type CopyWay = (from: Conn, to: Conn) => Promise<unknown>;
type SendWay = (path: string, to: Conn) => Promise<unknown>;

function benchCopy(name: string, api: Api, move: CopyWay): void {
  bench(COPY, name, api, async (b) => {
    await using source = await openEnd(api, "source", `${TRANSFER_BYTES}`);
    await using sink = await openEnd(api, "sink");
    b.start();
    await move(source.conn, sink.conn);
    b.end();
  });
}

function benchSend(name: string, api: Api, move: SendWay): void {
  bench(SEND, name, api, async (b) => {
    const path = await Deno.makeTempFile();
    // Fresh from being written: it is read from the page cache.
    await Deno.writeFile(path, new Uint8Array(TRANSFER_BYTES));
    await using sink = await openEnd(api, "sink");
    b.start();
    await move(path, sink.conn);
    b.end();
    await Deno.remove(path);
  });
}

function bench(
  group: string,
  name: string,
  api: Api,
  fn: (b: Deno.BenchContext) => Promise<void>,
): void {
  const ignore = pump instanceof Missing || (api !== Deno && engineInfo().engine !== "uring");
  Deno.bench({ group, name, baseline: api === Deno, ignore, n: 5, warmup: 1, fn });
}

/** A connection with the C program at the other end; disposing waits for that to exit. */
async function openEnd(
  api: Api,
  ...args: string[]
): Promise<{ conn: Conn } & AsyncDisposable> {
  if (pump instanceof Missing) throw new Error(`Cannot measure: ${pump.reason}`);
  using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
  const [role, ...rest] = args;
  const { program } = pump;
  const child = new Deno.Command(program, { args: [role, `${listener.addr.port}`, ...rest] })
    .spawn();
  const conn = await listener.accept();
  const close = async () => {
    conn[Symbol.dispose]();
    await child.status;
  };
  return { conn, [Symbol.asyncDispose]: close };
}

async function loop(from: Pick<Conn, "read">, to: Conn): Promise<void> {
  const block = new Uint8Array(65_536);
  for (let count = await from.read(block); count !== null; count = await from.read(block)) {
    for (let sent = 0; sent < count;) sent += await to.write(block.subarray(sent, count));
  }
}

async function sendByLoop(path: string, to: Conn): Promise<void> {
  using file = await Deno.open(path);
  await loop(file, to);
}

async function withFile(path: string, use: (fd: number) => Promise<unknown>): Promise<void> {
  const fd = openSync(path, "r");
  try {
    await use(fd);
  } finally {
    closeSync(fd);
  }
}

function fdOf(conn: Conn): number {
  return StreamConn.socketOf(conn as TcpConn).fd;
}
