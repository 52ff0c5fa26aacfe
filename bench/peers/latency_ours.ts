// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Deno's own I/O timed while an echo on this library's `listen` keeps the thread busy.
// `--exclusive`, as the first argument, gives the thread to the engine.

import { openEngine } from "../../io/mod.ts";
import { listen } from "../../net/mod.ts";
import { timeDenoUnderLoad } from "./latency_loop.ts";

const exclusive = Deno.args[0] === "--exclusive";
const listener = listen({ hostname: "127.0.0.1", port: 0 });
timeDenoUnderLoad(listener, exclusive ? Deno.args.slice(1) : Deno.args);
if (exclusive) openEngine().runExclusive();
