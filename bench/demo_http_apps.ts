// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The part of the demo that is made of pieces for applications: a WebSocket echo and a reverse
// proxy of this library, beside `Deno.upgradeWebSocket` and a proxy by `Deno.serve` and `fetch`.

import { describe, load, type Round } from "./demo_http.ts";
import type { Subject } from "./demo_subjects.ts";
import { Server } from "./process.ts";
import { denoPeer } from "./programs.ts";

const PROGRAMS: Record<Subject, string> = { ours: "http_apps_ours.ts", Deno: "http_apps_deno.ts" };
const SUBJECTS: readonly Subject[] = ["ours", "Deno"];
const PAYLOAD_BYTES = 64;

/** Runs both and says what came of it, as lines to print. */
export async function demoHttpApps(seconds: number, rounds: number): Promise<string> {
  await using upstream = await Server.start(denoPeer("http_ours.ts"));
  const where = `http://127.0.0.1:${upstream.port}`;
  return [
    `WebSocket echo of ${PAYLOAD_BYTES} bytes, ours beside Deno.upgradeWebSocket`,
    ...await compare(
      ["websocket"],
      "messages/s",
      (server) => load(server, seconds, frame(), shakeHands),
      rounds,
    ),
    "Reverse proxy in front of a server of ours, ours beside Deno.serve and fetch",
    ...await compare(["proxy", where], "requests/s", (server) => load(server, seconds), rounds),
  ].join("\n");
}

async function compare(
  args: string[],
  what: string,
  run: (server: Server) => Promise<Round>,
  rounds: number,
): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const servers: Partial<Record<Subject, Server>> = {};
  const results: Record<Subject, Round[]> = { ours: [], Deno: [] };
  for (const subject of SUBJECTS) {
    servers[subject] = stack.use(await Server.start(denoPeer(PROGRAMS[subject], ...args)));
  }
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
      const result = await run(servers[subject]!);
      if (round > 0) results[subject].push(result);
    }
  }
  return SUBJECTS.map((subject) => describe(subject, results[subject], what));
}

/** A binary frame, masked with 0. */
function frame(): Uint8Array {
  const bytes = new Uint8Array(6 + PAYLOAD_BYTES).fill(7, 6);
  bytes.set([0x82, 0x80 | PAYLOAD_BYTES]);
  return bytes;
}

async function shakeHands(conn: Deno.Conn): Promise<void> {
  const lines = [
    ...["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""],
  ];
  await conn.write(new TextEncoder().encode(lines.join("\r\n")));
  const head = new Uint8Array(4096);
  const count = await conn.read(head);
  const text = new TextDecoder().decode(head.subarray(0, count ?? 0));
  if (!text.startsWith("HTTP/1.1 101")) throw new Error(`The server answered ${text}`);
}
