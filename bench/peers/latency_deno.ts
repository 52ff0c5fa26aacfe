// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Deno's own I/O timed while a `Deno.listen` echo keeps the thread busy.

import { timeDenoUnderLoad } from "./latency_loop.ts";

timeDenoUnderLoad(Deno.listen({ hostname: "127.0.0.1", port: 0 }), Deno.args);
