// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// WebSocket echo on the npm package `ws` in Node: websocket_ws.mjs FOLDER_OF_WS

const { WebSocketServer } = await import(`${process.argv[2]}/wrapper.mjs`);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => console.log(`listening ${server.address().port}`));
server.on("connection", (socket) => {
  socket._socket.setNoDelay(true);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
