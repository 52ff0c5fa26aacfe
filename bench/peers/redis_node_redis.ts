// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// npm's redis (node-redis) in Deno: path of its folder, then the arguments of redis_loop.ts.

import { createRequire } from "node:module";
import { measureRedis } from "./redis_loop.ts";

if (import.meta.main) {
  const { createClient } = createRequire(import.meta.url)(Deno.args[0]!);
  await measureRedis(Deno.args.slice(1), async (place) => {
    const socket = "path" in place ? { path: place.path } : { port: place.port, host: "127.0.0.1" };
    const client = createClient({ socket, RESP: 3 });
    await client.connect();
    return client;
  });
}
