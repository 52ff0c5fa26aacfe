// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the TLS requests of http-client go to: `serve` of this library with a certificate, its
// thread given to the engine. http_tls_ours.ts CERT KEY

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
if (engineInfo().engine === "uring") openEngine().runExclusive();
