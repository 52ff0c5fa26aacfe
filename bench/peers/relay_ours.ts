// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Relay on this library: by `copy`, with `--zero-copy` without a copy in the kernel, or with
// `--loop` by a loop of reads and writes.

import { copy, listen, type TcpConn } from "../../net/mod.ts";
import { moveByLoop, relay } from "./relay_loop.ts";

const listener = listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
relay(listener, Deno.args.includes("--loop") ? moveByLoop : move);

function move(from: TcpConn, to: TcpConn): Promise<number> {
  if (Deno.args.includes("--zero-copy")) to.setZeroCopy(65_536);
  return copy(from, to);
}
