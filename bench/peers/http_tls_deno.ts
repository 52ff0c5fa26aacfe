// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// HTTP server over TLS on Deno's own `Deno.serve`. http_tls_deno.ts CERT KEY

import { answer } from "./http_answer.ts";

const [cert, key] = Deno.args.slice(0, 2).map((path) => Deno.readTextFileSync(path));
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  cert: cert!,
  key: key!,
  onListen: ({ port }) => console.log(`listening ${port}`),
}, answer);
