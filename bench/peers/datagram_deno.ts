// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// UDP echo on Deno's own `Deno.listenDatagram`, which wants --unstable-net.

import { echoDatagrams } from "./datagram_loop.ts";

const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
console.log(`listening ${(socket.addr as Deno.NetAddr).port}`);
echoDatagrams(socket);
