// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on Deno's own `Deno.listenTls`: tls_deno.ts CERT KEY.

import { echoAll } from "./echo_loop.ts";

const [cert, key] = Deno.args.slice(0, 2).map((path) => Deno.readTextFileSync(path));
const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: cert!, key: key! });
console.log(`listening ${listener.addr.port}`);
echoAll(listener);
