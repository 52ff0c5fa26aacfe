// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// As many bytes in flight as the calls of the others would have, with nothing around them: what
// the connection itself allows.

import { writeAll } from "../../io/mod.ts";
import { connect } from "../../net/mod.ts";
import { measureCalls } from "./rpc_loop.ts";

await measureCalls(Deno.args, async (port) => {
  const conn = await connect({ hostname: "127.0.0.1", port });
  const waiting: { left: number; resolve: () => void }[] = [];
  void readReplies(conn, waiting);
  const outgoing: Uint8Array[] = [];
  const flush = async () => {
    const all = new Uint8Array(outgoing.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const data of outgoing.splice(0)) {
      all.set(data, at);
      at += data.length;
    }
    await writeAll(conn, all);
  };
  return (data) => {
    if (outgoing.length === 0) queueMicrotask(flush);
    outgoing.push(data);
    return new Promise<void>((resolve) => waiting.push({ left: data.length, resolve }));
  };
});

async function readReplies(
  conn: { read(p: Uint8Array): Promise<number | null> },
  waiting: { left: number; resolve: () => void }[],
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    let count = await conn.read(buffer) ?? 0;
    if (count === 0) return;
    while (count > 0) {
      const [first] = waiting;
      const taken = Math.min(count, first.left);
      first.left -= taken;
      count -= taken;
      if (first.left === 0) waiting.shift()!.resolve();
    }
  }
}
