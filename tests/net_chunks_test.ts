// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import { connect } from "../net/connect.ts";
import { listen } from "../net/listen.ts";
import { leakTest } from "./leak.ts";
import { type Conn, receiveStream, sendStream } from "./net_chunks.ts";
import { freshAbstractName, pairOver } from "./net_pair.ts";
import { seededRandom } from "./net_random.ts";

const CONNECTIONS = 200;
const STREAM_BYTES = 150_000;

for (const family of ["tcp", "unix"] as const) {
  leakTest(`[${family}] ${CONNECTIONS} connections carry every byte both ways`, async () => {
    const path = freshAbstractName();
    const reach = () => connect({ transport: "unix", path });
    using listener = family === "unix"
      ? listen({ transport: "unix", path })
      : listen({ hostname: "127.0.0.1", port: 0 });
    const dial = "path" in listener.addr ? reach : reachPort(listener.addr.port);
    const talks = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      const [client, server]: Conn[] = await Promise.all([dial(), listener.accept()]);
      talks.push(talk(client, 2 * i), talk(server, 2 * i + 1));
    }
    await Promise.all(talks);
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    leakTest(
      `[${family}] a long talk in random pieces carries every byte, seed ${seed}`,
      async () => {
        using pair = await pairOver(family);
        const ends: (TcpConn | UnixConn)[] = [pair.client, pair.server];
        await Promise.all(ends.map((conn, i) => talk(conn, 2 * seed + i, 20 * STREAM_BYTES)));
      },
    );
  }
}

function reachPort(port: number): () => Promise<TcpConn> {
  return () => connect({ port });
}

/** Sends a stream, checks the peer's, waits for its end, and closes. */
async function talk(conn: Conn, stream: number, length = STREAM_BYTES): Promise<void> {
  await Promise.all([
    sendStream(conn, stream, length, seededRandom(stream)).then(() => conn.closeWrite()),
    receiveStream(conn, stream ^ 1, length, seededRandom(stream + 1_000_000)),
  ]);
  assertEquals(await conn.read(new Uint8Array(1)), null);
  conn.close();
}
