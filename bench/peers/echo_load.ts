// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Load for a TCP echo server where no C compiler is: arguments and output of `echo_load.c`.

import { BUFFER_BYTES } from "./echo_loop.ts";
import { percentile } from "./percentile.ts";

/** How long the last echoes may take after the measurement. */
const DRAIN_MS = 1000;

interface Load {
  readonly size: number;
  /** Milliseconds between two messages of one connection; null for a closed loop. */
  readonly paceMs: number | null;
  readonly latenciesUs: number[];
  recording: boolean;
  sending: boolean;
}

if (import.meta.main) main(Deno.args);

async function main(args: string[]): Promise<void> {
  const [hostname, port, connections, size, seconds, warmupSeconds = "0", rate] = args;
  const count = Number(connections);
  const load: Load = {
    size: Number(size),
    paceMs: rate === undefined ? null : 1000 * count / Number(rate),
    latenciesUs: [],
    recording: false,
    sending: true,
  };
  const opened = Array.from(
    { length: count },
    () => Deno.connect({ hostname: hostname!, port: Number(port) }),
  );
  const conns = await Promise.all(opened);
  const clients = load.paceMs === Infinity ? [] : conns.map((conn, i) => pingPong(load, conn, i));

  await delay(Number(warmupSeconds) * 1000);
  load.recording = true;
  const start = performance.now();
  console.log("measuring");
  await delay(Number(seconds) * 1000);
  load.recording = load.sending = false;
  console.log(JSON.stringify(summary(load.latenciesUs, (performance.now() - start) / 1000)));

  await Promise.race([Promise.all(clients), delay(DRAIN_MS)]);
  Deno.exit(0);
}

async function pingPong(load: Load, conn: Deno.TcpConn, number: number): Promise<void> {
  conn.setNoDelay();
  const message = crypto.getRandomValues(new Uint8Array(Math.min(load.size, BUFFER_BYTES)));
  const sent = new Uint8Array(load.size).map((_, i) => message[i % message.length]);
  const buffer = new Uint8Array(BUFFER_BYTES);
  // Paced connections start one after the other, so that the messages are spread evenly.
  if (load.paceMs !== null) await delay(load.paceMs * Math.random());
  for (let sequence = 0; load.sending; sequence++) {
    sent[0] = sequence;
    const start = performance.now();
    await Promise.all([writeAll(conn, sent), readEcho(conn, sent, buffer, number)]);
    const tookMs = performance.now() - start;
    if (load.recording) load.latenciesUs.push(tookMs * 1000);
    // The warm-up is a closed loop, so that compilers are done with what runs seldom later.
    if (load.paceMs !== null && load.recording) await delay(load.paceMs - tookMs);
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

async function readEcho(
  conn: Deno.TcpConn,
  sent: Uint8Array,
  buffer: Uint8Array,
  number: number,
): Promise<void> {
  for (let received = 0; received < sent.length;) {
    const length = await conn.read(buffer);
    if (length === null) throw new Error(`Connection ${number} was closed by the server`);
    for (let i = 0; i < length; i++) {
      if (buffer[i] === sent[received + i]) continue;
      throw new Error(`Connection ${number}: the echo differs from what was sent`);
    }
    received += length;
  }
}

function summary(latenciesUs: number[], seconds: number): Record<string, number> {
  const sorted = Float64Array.from(latenciesUs).sort();
  return {
    messages: sorted.length,
    seconds,
    p50Us: percentile(sorted, 0.5),
    p90Us: percentile(sorted, 0.9),
    p99Us: percentile(sorted, 0.99),
    maxUs: percentile(sorted, 1),
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
