// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { sslObjects } from "../ffi/ssl.ts";
import { engineStatistics } from "../io/engine_info.ts";
import { connectTls, type TlsConn } from "../net/mod.ts";
import { echoEach, listening, tlsTest } from "./tls_pair.ts";
import { type RandomInteger, seededRandom } from "./net_random.ts";
import { patternBytes } from "./transfer.ts";

const SECONDS = Number(Deno.env.get("PHOTON_SOAK_SECONDS") ?? 60);
const CONNECTIONS = 500;
/** Growth from the second third of the run to the last, as in `net_soak.ts`. */
const GROWTH_MAX = SECONDS >= 30 ? 1.15 : 1.5;
const MESSAGE_BYTES_MAX = 40_000;
/** How many connections send at a time; the others are open and idle. */
const SENDERS = 32;

tlsTest(`${CONNECTIONS} TLS connections with random disconnects for ${SECONDS} s`, async (pki) => {
  using listener = listening(pki.localhost);
  const serving = echoEach(listener);
  const { port } = listener.addr;
  const counts = { connects: 0, resumed: 0, echoes: 0, closes: 0, resets: 0, reloads: 0 };
  const conns: (TlsConn | null)[] = Array(CONNECTIONS).fill(null);
  const open = async (index: number) => {
    const conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
    conns[index] = conn;
    if ((await conn.handshake()).resumed) counts.resumed++;
    counts.connects++;
  };
  for (let index = 0; index < CONNECTIONS; index++) await open(index);

  const samples: number[] = [];
  const sampling = setInterval(() => {
    (globalThis as { gc?: () => void }).gc?.();
    samples.push(Deno.memoryUsage().rss);
    listener.reload(counts.reloads++ % 2 === 0 ? pki.renewed : pki.localhost);
  }, SECONDS * 1000 / 60);
  const endMs = performance.now() + SECONDS * 1000;
  const sender = async (first: number) => {
    const random = seededRandom(first);
    while (performance.now() < endMs) {
      const index = first + SENDERS * random(Math.ceil((CONNECTIONS - first) / SENDERS));
      const conn = conns[index]!;
      const fate = random(20);
      if (fate < 17) {
        await echo(conn, random);
        counts.echoes++;
      } else {
        if (fate === 17) conn.setLinger(0);
        counts[fate === 17 ? "resets" : "closes"]++;
        // Some are closed with bytes under way.
        if (fate === 19) void conn.write(patternBytes(random(10_000) + 1)).catch(() => {});
        conn.close();
        await open(index);
      }
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, first) => sender(first)));
  clearInterval(sampling);

  for (const conn of conns) conn!.close();
  listener.close();
  await serving;
  const third = Math.floor(samples.length / 3);
  const [before, after] = [samples.slice(third, 2 * third), samples.slice(-third)].map(median);
  console.log(`${JSON.stringify(counts)}, ${mebibytes(before!)}, then ${mebibytes(after!)}`);
  for (const [name, count] of Object.entries(counts)) assert(count > 0, `${name} never happened`);
  assertEquals(engineStatistics().stale, 0);
  assert(sslObjects.sessions <= 16, `${sslObjects.sessions} sessions are kept`);
  assert(after! <= before! * GROWTH_MAX, `Memory grew from ${before} to ${after} bytes`);
});

/** Sends a message and takes its echo in, at the same time: it may be more than is buffered. */
async function echo(conn: TlsConn, random: RandomInteger): Promise<void> {
  const sent = patternBytes(1 + random(MESSAGE_BYTES_MAX), random(1000));
  const received = new Uint8Array(sent.length);
  await Promise.all([conn.writeAll(sent), conn.readFull(received)]);
  assertEquals(received, sent);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
