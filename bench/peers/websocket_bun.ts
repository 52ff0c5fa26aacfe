// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// WebSocket echo on Bun.

/** A socket of Bun's, as far as it is used. */
interface BunSocket {
  send(data: unknown): void;
}

/** The part of the global `Bun` that is used; its full types are a package of their own. */
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    fetch: (request: Request, server: BunServer) => Response | undefined;
    websocket: {
      perMessageDeflate: boolean;
      message: (socket: BunSocket, data: unknown) => void;
    };
  }): BunServer;
};

/** A server of Bun's, as far as it is used. */
interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response(null, { status: 400 }),
  websocket: {
    perMessageDeflate: false,
    message: (socket, data) => socket.send(data),
  },
});
console.log(`listening ${server.port}`);
