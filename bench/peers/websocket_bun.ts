// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// WebSocket echo on Bun.

// deno-lint-ignore no-explicit-any -- Bun's types are not there
const bun = (globalThis as any).Bun;
const server = bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request: Request, server: { upgrade(request: Request): boolean }) =>
    server.upgrade(request) ? undefined : new Response(null, { status: 400 }),
  websocket: {
    perMessageDeflate: false,
    message: (socket: { send(data: unknown): void }, data: unknown) => socket.send(data),
  },
});
console.log(`listening ${server.port}`);
