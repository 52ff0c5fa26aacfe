// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { BULK_BLOCKS } from "../io/bulk_blocks.ts";
import { openEngine } from "../io/engine_info.ts";
import { copy } from "../net/copy.ts";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import { leakTest } from "./leak.ts";
import { pairOver, ringTest, tcpPair } from "./net_pair.ts";
import type { SocketFamily } from "./servers.ts";
import { patternBytes, writeAll } from "./transfer.ts";

const BYTES = 24 * 1024 * 1024;

async function send(conn: TcpConn | UnixConn): Promise<string> {
  const bytes = patternBytes(BYTES);
  await writeAll(conn, bytes);
  await conn.closeWrite();
  return createHash("sha1").update(bytes).digest("hex");
}

async function receive(conn: TcpConn | UnixConn): Promise<string> {
  const hash = createHash("sha1");
  const buffer = new Uint8Array(65_536);
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
    hash.update(buffer.subarray(0, n));
  }
  return hash.digest("hex");
}

for (const family of ["tcp", "unix"] satisfies SocketFamily[]) {
  leakTest(`[${family}] copy() without a copy in the kernel loses no byte`, async () => {
    using front = await pairOver(family);
    using back = await pairOver(family);
    back.client.setZeroCopy(0);
    const sent = send(front.client);
    const copied = copy(front.server, back.client).then((count) => {
      back.client.closeWrite();
      return count;
    });
    assertEquals(await receive(back.server), await sent);
    assertEquals(await copied, BYTES);
  });
}

ringTest("a peer that does not read keeps no more than the bulk blocks", async () => {
  using front = await tcpPair();
  using back = await tcpPair();
  back.client.setZeroCopy(0);
  const sent = send(front.client);
  const copied = copy(front.server, back.client).then(() => back.client.closeWrite());
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  const { leased } = openEngine().pool.bulk;
  assertEquals(leased <= BULK_BLOCKS, true, `${leased} blocks`);
  assertEquals(await receive(back.server), await sent);
  await copied;
});

leakTest("setZeroCopy() throws RangeError below 0", async () => {
  using pair = await tcpPair();
  assertThrows(() => pair.client.setZeroCopy(-1), RangeError);
});
