// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// HTTP server over TLS on this library's `serve`. http_tls_ours.ts CERT KEY [--exclusive]

import { serve } from "../../http/mod.ts";
import { engineInfo, openEngine } from "../../io/mod.ts";
import { answer } from "./http_answer.ts";

const [cert, key] = Deno.args.slice(0, 2).map((path) => Deno.readTextFileSync(path));
serve({
  hostname: "127.0.0.1",
  port: 0,
  cert: cert!,
  key: key!,
  onListen: ({ port }) => console.log(`listening ${port}`),
}, answer);
const exclusive = Deno.args.includes("--exclusive");
if (exclusive && engineInfo().engine === "uring") openEngine().runExclusive();
