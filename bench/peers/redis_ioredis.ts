// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// npm's ioredis in Deno: path of its folder, then the arguments of redis_loop.ts.

import { createRequire } from "node:module";
import { measureRedis } from "./redis_loop.ts";

if (import.meta.main) {
  const { Redis } = createRequire(import.meta.url)(Deno.args[0]!);
  await measureRedis(Deno.args.slice(1), (place) => {
    const client = new Redis("path" in place ? place.path : place.port, {
      enableAutoPipelining: false,
    });
    return Promise.resolve({
      get: (key) => client.get(key),
      set: (key, value) => client.set(key, value),
      close: () => client.disconnect(),
    });
  });
}
