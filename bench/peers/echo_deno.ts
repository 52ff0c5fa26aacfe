// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on Deno's own `Deno.listen`.

import { echoAll } from "./echo_loop.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
echoAll(listener);
