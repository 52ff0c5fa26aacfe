// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on Bun's `Bun.listen`.

/** One connection of Bun's, as far as an echo needs it. */
interface BunSocket {
  data: { unsent: Uint8Array | null };
  write(bytes: Uint8Array): number;
  setNoDelay(noDelay: boolean): void;
  pause(): void;
  resume(): void;
}

/** The part of the global `Bun` that is used; its full types are a package of their own. */
declare const Bun: {
  readonly version: string;
  listen(options: {
    hostname: string;
    port: number;
    socket: {
      open(socket: BunSocket): void;
      data(socket: BunSocket, bytes: Uint8Array): void;
      drain(socket: BunSocket): void;
      error(): void;
    };
  }): { port: number };
};

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { unsent: null };
      socket.setNoDelay(true);
    },
    data(socket, bytes) {
      const sent = socket.write(bytes);
      if (sent === bytes.length) return;
      // The bytes are Bun's again after this callback, hence the copy.
      socket.data.unsent = bytes.slice(Math.max(sent, 0));
      socket.pause();
    },
    drain(socket) {
      const { unsent } = socket.data;
      if (unsent === null) return;
      const sent = Math.max(socket.write(unsent), 0);
      socket.data.unsent = sent === unsent.length ? null : unsent.subarray(sent);
      if (socket.data.unsent === null) socket.resume();
    },
    error() {},
  },
});
console.log(`listening ${server.port} Bun ${Bun.version}`);
