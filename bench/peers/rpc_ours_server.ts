// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { listen } from "../../net/mod.ts";
import { implement, serve } from "../../rpc/mod.ts";
import { echo } from "./rpc_echo.ts";

const listener = listen({ hostname: "127.0.0.1", port: 0 });
serve(listener, [implement(echo, { echo: (request) => request })]);
console.log(`listening ${listener.addr.port}`);
