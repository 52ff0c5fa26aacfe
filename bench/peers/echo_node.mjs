// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on Node's `net`.

import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (bytes) => {
    if (socket.write(bytes)) return;
    socket.pause();
    socket.once("drain", () => socket.resume());
  });
  // A peer that is gone closes the socket, which is all there is to do.
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", 1024, () => {
  console.log(`listening ${server.address().port} Node ${process.version}`);
});
