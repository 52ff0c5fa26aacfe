// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// HTTP server on Deno's own `Deno.serve`.

import { answer } from "./http_answer.ts";

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening ${port}`),
}, answer);
