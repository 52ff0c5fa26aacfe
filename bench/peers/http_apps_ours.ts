// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// http_apps_ours.ts (files FOLDER | proxy URL | websocket) [--exclusive]: pieces for applications on
// `serve`.

import { reverseProxy, serve, staticFiles, upgradeWebSocket } from "../../http/mod.ts";
import { engineInfo, openEngine } from "../../io/mod.ts";

async function handler([what, where]: string[]): Promise<Deno.ServeHandler> {
  if (what === "files") return await staticFiles(where!);
  if (what === "proxy") return reverseProxy({ upstreams: [where!] });
  return (request) => {
    const { socket, response } = upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  };
}

const answer = await handler(Deno.args);
serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening ${port} ${engineInfo().engine}`),
}, answer);
if (Deno.args.includes("--exclusive")) openEngine().runExclusive();
