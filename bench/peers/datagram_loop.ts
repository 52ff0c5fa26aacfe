// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What the loop needs of a socket: `Deno.DatagramConn` and ours both have it. */
export interface EchoSocket {
  /** Next datagram and its sender. */
  receive(p: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  /** Sends a datagram. */
  send(p: Uint8Array, addr: Deno.Addr): Promise<number>;
}

/** Sends every datagram back, as a Deno user would write it; both servers run this function. */
export async function echoDatagrams(socket: EchoSocket): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const [datagram, from] = await socket.receive(buffer);
    await socket.send(datagram, from);
  }
}
