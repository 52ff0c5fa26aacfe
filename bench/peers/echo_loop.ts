// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What the loop needs of a connection: `Deno.TcpConn` and ours both have it. */
export interface EchoConn {
  /** Next bytes, null at the end of the stream. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes some of `p` and says how many bytes. */
  write(p: Uint8Array): Promise<number>;
  /** Turns Nagle's algorithm off. */
  setNoDelay(): void;
  /** Closes the connection. */
  close(): void;
}

/** Deno's connections with TLS cannot turn Nagle's algorithm off. */
type SomeConn = Omit<EchoConn, "setNoDelay"> & Partial<EchoConn>;

/** Bytes of the one buffer of a connection; every peer reads with as much. */
export const BUFFER_BYTES = 64 * 1024;

/**
 * Echoes every connection that the listener gives, as a Deno user would write it. The `deno` and
 * the `ours` servers both run this function, so that a difference between them is the library's.
 */
export async function echoAll(listener: AsyncIterable<SomeConn>): Promise<void> {
  for await (const conn of listener) echo(conn);
}

async function echo(conn: SomeConn): Promise<void> {
  try {
    conn.setNoDelay?.();
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) break;
      await writeAll(conn, buffer.subarray(0, length));
    }
  } catch (error) {
    // The peer is gone, or the program is at its end: so is the connection.
    const { BadResource, BrokenPipe, ConnectionReset } = Deno.errors;
    if (![BadResource, BrokenPipe, ConnectionReset].some((it) => error instanceof it)) throw error;
  } finally {
    conn.close();
  }
}

async function writeAll(conn: SomeConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(sent === 0 ? bytes : bytes.subarray(sent));
  }
}
