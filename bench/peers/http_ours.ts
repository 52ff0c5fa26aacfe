// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// HTTP server on this library's `serve`. `--exclusive` gives the thread to the engine.

import { serve } from "../../http/mod.ts";
import { engineInfo, openEngine } from "../../io/mod.ts";
import { answer } from "./http_answer.ts";

serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen({ port }) {
    const { engine: name, reason } = engineInfo();
    console.log(`listening ${port} engine ${name}: ${reason}`);
  },
}, answer);
if (Deno.args.includes("--exclusive")) openEngine().runExclusive();
