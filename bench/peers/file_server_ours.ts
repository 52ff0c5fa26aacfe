// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Answers every request on a connection with the file given, as the least of a web server does.

import { listen, type TcpConn } from "../../net/mod.ts";

const path = Deno.args[0]!;
const { size } = Deno.statSync(path);
const head = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\n\r\n`,
);
const { openSync } = await import("node:fs");
const file = { fd: openSync(path, "r") };

const listener = listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
for await (const conn of listener) serve(conn);

async function serve(conn: TcpConn): Promise<void> {
  try {
    const buffer = new Uint8Array(4096);
    // The load sends a request as one piece and waits for all of the answer.
    while (await conn.read(buffer) !== null) {
      await conn.writeAll(head);
      await conn.sendFile(file);
    }
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
  } finally {
    conn.close();
  }
}
