// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on this library's `listen`. `--exclusive` gives the thread to the engine.

import { engineInfo, openEngine } from "../../io/mod.ts";
import { listen } from "../../net/mod.ts";
import { echoAll } from "./echo_loop.ts";

const listener = listen({ hostname: "127.0.0.1", port: 0 });
const { engine: name, reason } = engineInfo();
console.log(`listening ${listener.addr.port} engine ${name}: ${reason}`);
echoAll(listener);
if (Deno.args.includes("--exclusive")) openEngine().runExclusive();
