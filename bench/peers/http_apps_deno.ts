// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// http_apps_deno.ts files FOLDER FILE_SERVER_MODULE | proxy URL | websocket: the same on `Deno.serve`, with `serveDir`
// of the standard library, with `fetch`, with `Deno.upgradeWebSocket`.

type Serve = (request: Request) => Response | Promise<Response>;

async function handler([what, where, library]: string[]): Promise<Serve> {
  if (what === "files") {
    const { serveDir } = await import(library!);
    return (request) => serveDir(request, { fsRoot: where, quiet: true });
  }
  if (what === "proxy") {
    return ({ url, method, headers, body }) => {
      const { pathname, search } = new URL(url);
      return fetch(where + pathname + search, { method, headers, body, redirect: "manual" });
    };
  }
  return (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  };
}

const answer = await handler(Deno.args);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening ${port}`),
}, answer);
