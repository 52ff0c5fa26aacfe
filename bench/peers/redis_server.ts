// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A private redis-server on TCP and, at a path that follows from the port, on a Unix socket.

import { startServer } from "../../redis/embedded.ts";
import { redisSocketPath } from "./redis_loop.ts";

if (import.meta.main) main();

async function main(): Promise<void> {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const path = redisSocketPath(port);
  await using _server = await startServer({ port, config: { unixsocket: path } });
  const stopped = new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  console.log(`listening ${port}`);
  await stopped;
  Deno.removeSync(path);
}
