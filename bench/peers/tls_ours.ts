// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on this library's `listenTls`: tls_ours.ts CERT KEY [--exclusive].

import { engineInfo, openEngine } from "../../io/mod.ts";
import { listenTls } from "../../net/mod.ts";
import { echoAll } from "./echo_loop.ts";

const [cert, key] = Deno.args.slice(0, 2).map((path) => Deno.readTextFileSync(path));
const listener = listenTls({ hostname: "127.0.0.1", port: 0, cert: cert!, key: key! });
const { engine: name, reason } = engineInfo();
console.log(`listening ${listener.addr.port} engine ${name}: ${reason}`);
echoAll(listener);
if (Deno.args.includes("--exclusive")) openEngine().runExclusive();
