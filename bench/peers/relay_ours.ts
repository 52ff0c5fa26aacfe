// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Relay on this library: by `copy`, or with `--loop` by a loop of reads and writes.

import { copy, listen } from "../../net/mod.ts";
import { moveByLoop, relay } from "./relay_loop.ts";

const listener = listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening ${listener.addr.port}`);
relay(listener, Deno.args.includes("--loop") ? moveByLoop : copy);
