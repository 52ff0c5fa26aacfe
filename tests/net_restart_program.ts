// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A service that restarts without a pause: it takes the listener of the one before it, if any, and
// hands it to the next. Each connection is answered with the number of this generation.
//
//   net_restart_program.ts PATH GENERATION

import { handOver, listen, takeOver, type TcpConn, type TcpListener } from "../net/mod.ts";

const [path, generation] = Deno.args as [string, string];

const taken = Number(generation) > 1 ? await takeOver(path) : null;
const web = (taken?.listeners.get("web") ?? listen({ hostname: "127.0.0.1", port: 0 })) as //
TcpListener;
const open = new Set<Promise<void>>();
const accepting = acceptAll();
await taken?.ready();
console.log(`${web.addr.port}`);
await handOver({ web }, path);
// What was accepted is still answered; nothing more comes.
await accepting;
await Promise.all(open);
web.close();

async function acceptAll(): Promise<void> {
  for await (const conn of web) {
    const serving = serve(conn).finally(() => open.delete(serving));
    open.add(serving);
  }
}

async function serve(conn: TcpConn): Promise<void> {
  const question = new Uint8Array(4);
  await conn.readFull(question);
  await conn.writeAll(new Uint8Array([Number(generation), ...question]));
  conn.close();
}
