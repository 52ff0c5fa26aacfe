// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What ping-pong needs of a connection; every `Deno.Conn` has it. */
export type PingPongEnd = Pick<Deno.Conn, "read" | "write">;

/** Bytes of a message. */
export const MESSAGE_BYTES = 64;

/**
 * Lets every connection send a message, wait for its echo, and send the next, all at once.
 *
 * @param onTime Called now and then with the seconds that have passed
 * @returns How long each round trip took, in microseconds
 * @throws {Error} When an echo is not what was sent
 */
export async function pingPong(
  conns: readonly PingPongEnd[],
  seconds: number,
  onTime: (seconds: number) => void,
): Promise<number[]> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const timer = setInterval(() => onTime((performance.now() - start) / 1000), PROGRESS_MS);
  const latenciesUs: number[] = [];
  try {
    await Promise.all(conns.map((conn) => playUntil(end, conn, latenciesUs)));
  } finally {
    clearInterval(timer);
  }
  return latenciesUs;
}

const PROGRESS_MS = 100;

async function playUntil(end: number, conn: PingPongEnd, latenciesUs: number[]): Promise<void> {
  const message = crypto.getRandomValues(new Uint8Array(MESSAGE_BYTES));
  const echo = new Uint8Array(MESSAGE_BYTES);
  for (let now = performance.now(); now < end;) {
    // No message is like the one before, so that an echo of an older one shows.
    message[0]++;
    const sent = await conn.write(message);
    if (sent < MESSAGE_BYTES) throw new Error(`Of ${MESSAGE_BYTES} bytes ${sent} were written`);
    await readAll(conn, echo);
    const back = performance.now();
    latenciesUs.push((back - now) * 1000);
    now = back;
    if (!echo.every((byte, index) => byte === message[index])) {
      throw new Error("An echo differs from its message");
    }
  }
}

async function readAll(conn: PingPongEnd, bytes: Uint8Array): Promise<void> {
  for (let received = 0; received < bytes.length;) {
    const length = await conn.read(bytes.subarray(received));
    if (length === null) throw new Error("The service closed the connection");
    received += length;
  }
}
