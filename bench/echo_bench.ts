// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno bench -A bench/echo_bench.ts`: one connection inside one process, beside Deno's own.
// Without -A nothing may be connected to, and the benches say that they are ignored.

import { connect, listen } from "../net/mod.ts";
import { echoAll, type EchoConn } from "./peers/echo_loop.ts";

/** What Deno and this library both offer. */
interface Api {
  listen(options: { hostname: string; port: number }): EchoListener;
  connect(options: { hostname: string; port: number }): Promise<EchoConn>;
}

interface EchoListener extends AsyncIterable<EchoConn> {
  readonly addr: { port: number };
  accept(): Promise<EchoConn>;
  close(): void;
}

const MESSAGE_BYTES = 64;
const HOSTNAME = "127.0.0.1";
const ignore = Deno.permissions.querySync({ name: "net" }).state !== "granted";

/** What the benches have opened, closed when the process unloads. */
const opened: { close(): void }[] = [];
addEventListener("unload", () => opened.forEach((it) => it.close()));

for (const [name, api] of Object.entries({ Deno, ours: { connect, listen } })) {
  benchRoundTrip(name, api);
  benchConnect(name, api);
}

function benchRoundTrip(name: string, api: Api): void {
  const message = new Uint8Array(MESSAGE_BYTES);
  let conn: EchoConn | undefined;
  const options = { name, group: "round trip of 64 B", ignore, baseline: name === "Deno" };
  Deno.bench(options, async () => {
    // Opened by the first call, which belongs to the warm-up.
    conn ??= await openEcho(api);
    await conn.write(message);
    await conn.read(message);
  });
}

function benchConnect(name: string, api: Api): void {
  let listener: EchoListener | undefined;
  const options = { name, group: "connect, accept, close", ignore, baseline: name === "Deno" };
  Deno.bench(options, async () => {
    listener ??= openListener(api);
    const accepting = listener.accept();
    const conn = await api.connect({ hostname: HOSTNAME, port: listener.addr.port });
    conn.close();
    (await accepting).close();
  });
}

async function openEcho(api: Api): Promise<EchoConn> {
  const listener = openListener(api);
  echoAll(listener);
  const conn = await api.connect({ hostname: HOSTNAME, port: listener.addr.port });
  conn.setNoDelay();
  opened.push(conn);
  return conn;
}

function openListener(api: Api): EchoListener {
  const listener = api.listen({ hostname: HOSTNAME, port: 0 });
  opened.push(listener);
  return listener;
}
