// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Opens connections that do nothing, and connections whose request drips in:
//
//   node http_idle_clients.mjs PORT IDLE DRIPPING
//
// Prints "open" when all are, and ends with its standard input.

import { connect } from "node:net";

const [port, idle, dripping] = process.argv.slice(2).map(Number);
const REQUEST = `GET /drip HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(2000)}\r\n\r\n`;
const BATCH = 250;

const sockets = [];
for (let opened = 0; opened < idle + dripping; opened += BATCH) {
  const batch = Array.from(
    { length: Math.min(BATCH, idle + dripping - opened) },
    () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket));
        socket.on("error", reject);
        socket.resume();
      }),
  );
  sockets.push(...await Promise.all(batch));
}
for (const socket of sockets) socket.on("error", () => {});
console.log("open");
let at = 0;
// An octet of every dripping request each second, some of them each time.
setInterval(() => {
  for (let i = 0; i < dripping / 20; i++, at++) {
    sockets[at % dripping].write(REQUEST[Math.floor(at / dripping) % REQUEST.length]);
  }
}, 50);
process.stdin.resume().on("end", () => process.exit(0));
