// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Relay on Deno's own connections, by a loop of reads and writes.

import { moveByLoop, relay } from "./relay_loop.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
relay(listener, moveByLoop);
