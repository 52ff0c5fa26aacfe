// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What the relay needs of a connection: `Deno.TcpConn` and ours both have it. */
export interface RelayConn {
  /** Next bytes, null at the end of the stream. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes some of `p` and says how many bytes. */
  write(p: Uint8Array): Promise<number>;
  /** Ends the writing half. */
  closeWrite(): Promise<void>;
  /** Closes the connection. */
  close(): void;
}

/** Pairs the connections as they come: all that the first brings goes to the second. */
export async function relay<C extends RelayConn>(
  listener: AsyncIterable<C>,
  move: (from: C, to: C) => Promise<unknown>,
): Promise<void> {
  let from: C | null = null;
  for await (const conn of listener) {
    if (from === null) from = conn;
    else {
      moveAll(from, conn, move);
      from = null;
    }
  }
}

/** The way without help: a loop with a buffer of 64 KiB. */
export async function moveByLoop(from: RelayConn, to: RelayConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
    for (let sent = 0; sent < n;) sent += await to.write(buffer.subarray(sent, n));
  }
}

async function moveAll<C extends RelayConn>(
  from: C,
  to: C,
  move: (from: C, to: C) => Promise<unknown>,
): Promise<void> {
  try {
    await move(from, to);
    await to.closeWrite();
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
  } finally {
    from.close();
    to.close();
  }
}
