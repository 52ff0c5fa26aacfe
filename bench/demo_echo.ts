// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The echo service of the demo, a process of its own: `demo_echo.ts ours|Deno UNIX_PATH`.

import { APIS, describeSubject, type Subject } from "./demo_subjects.ts";

/** Bytes of the one buffer of a connection. */
const BUFFER_BYTES = 64 * 1024;

if (import.meta.main) serve(Deno.args[0] as Subject, Deno.args[1]!);

function serve(subject: Subject, path: string): void {
  const { listen } = APIS[subject];
  const tcp = listen({ hostname: "127.0.0.1", port: 0 });
  const unix = listen({ transport: "unix", path });
  // Ctrl-C reaches every process of the terminal. The demo takes it, and ends this one.
  Deno.addSignalListener("SIGINT", () => {});
  console.log(`listening ${tcp.addr.port} ${describeSubject(subject)}`);
  echoAll(tcp);
  echoAll(unix);
}

async function echoAll(listener: AsyncIterable<Deno.Conn>): Promise<void> {
  for await (const conn of listener) {
    echo(conn).catch((error) => console.error("Cannot echo:", error));
  }
}

async function echo(conn: Deno.Conn): Promise<void> {
  using _closed = conn;
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) return;
    for (let sent = 0; sent < length;) sent += await conn.write(buffer.subarray(sent, length));
  }
}
