// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// UDP echo on this library's `listenDatagram`. `--exclusive` gives the thread to the engine.

import { engineInfo, openEngine } from "../../io/mod.ts";
import { listenDatagram } from "../../net/mod.ts";
import { echoDatagrams } from "./datagram_loop.ts";

const socket = listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
const { engine: name, reason } = engineInfo();
console.log(`listening ${socket.addr.port} engine ${name}: ${reason}`);
echoDatagrams(socket);
if (Deno.args.includes("--exclusive")) openEngine().runExclusive();
