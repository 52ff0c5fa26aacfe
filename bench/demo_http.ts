// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The HTTP part of the demo: one handler on `serve` of this library and on `Deno.serve`, asked by
// curl and by a closed loop of connections.

import { cpuBetween, cpuTimes } from "./cpu.ts";
import type { Subject } from "./demo_subjects.ts";
import { Server } from "./process.ts";
import { denoPeer } from "./programs.ts";
import { median } from "./rounds.ts";

/** Connections of a closed loop. */
export const CONNECTIONS = 64;
const PROGRAMS: Record<Subject, string> = { ours: "http_ours.ts", Deno: "http_deno.ts" };
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** What one round gave. */
export interface Round {
  /** Answers a second. */
  readonly requestsPerSecond: number;
  /** CPU of the server for each. */
  readonly cpuUs: number | null;
}

/** Runs both servers and says what came of it, as lines to print. */
export async function demoHttp(seconds: number, rounds: number): Promise<string> {
  const subjects: readonly Subject[] = ["ours", "Deno"];
  await using stack = new AsyncDisposableStack();
  const servers: Partial<Record<Subject, Server>> = {};
  const results: Record<Subject, Round[]> = { ours: [], Deno: [] };
  for (const subject of subjects) {
    servers[subject] = stack.use(await Server.start(denoPeer(PROGRAMS[subject])));
  }
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const result = await load(servers[subject]!, seconds);
      if (round > 0) results[subject].push(result);
    }
  }
  const { port } = servers.ours!;
  return [
    "HTTP over loopback, one handler on serve() of ours beside Deno.serve",
    await curl(`http://127.0.0.1:${port}/`),
    ...subjects.map((subject) => describe(subject, results[subject])),
  ].join("\n");
}

/** What curl shows of a server. */
async function curl(url: string): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command("curl", { args: ["-si", url] }).output();
    if (!success) throw new Error("curl failed");
    const text = new TextDecoder().decode(stdout).trimEnd().replaceAll("\r", "");
    return [`  $ curl -i ${url}`, ...text.split("\n").map((line) => `  ${line}`.trimEnd())].join(
      "\n",
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "  curl is not installed";
    throw error;
  }
}

/**
 * Keeps connections busy for a while, each with one request at a time.
 *
 * @param request What is sent; its answer is shorter than what one read takes
 * @param prepare Done with each connection before
 */
export async function load(
  server: Server,
  seconds: number,
  request: Uint8Array = REQUEST,
  prepare: (conn: Deno.Conn) => Promise<void> = async () => {},
): Promise<Round> {
  const conns = await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () => Deno.connect({ hostname: "127.0.0.1", port: server.port }),
    ),
  );
  await Promise.all(conns.map(prepare));
  const before = cpuTimes(server.pid);
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const counts = await Promise.all(conns.map(async (conn) => {
    const buffer = new Uint8Array(4096);
    let count = 0;
    while (performance.now() < end) {
      await conn.write(request);
      if (await conn.read(buffer) === null) throw new Error("The server closed a connection");
      count++;
    }
    return count;
  }));
  const requests = counts.reduce((sum, count) => sum + count, 0);
  const cpu = cpuBetween(before, cpuTimes(server.pid));
  for (const conn of conns) conn.close();
  return {
    requestsPerSecond: requests * 1000 / (performance.now() - begin),
    cpuUs: cpu === null ? null : cpu.totalUs / requests,
  };
}

/** A line about what the rounds of a subject gave. */
export function describe(
  subject: Subject,
  rounds: readonly Round[],
  what: string = "requests/s",
): string {
  const rate = Math.round(median(rounds.map(({ requestsPerSecond }) => requestsPerSecond)));
  const cpu = median(rounds.map(({ cpuUs }) => cpuUs ?? NaN));
  const spent = Number.isNaN(cpu) ? "" : `, ${cpu.toFixed(1)} us of CPU each`;
  return `  ${`${subject}:`.padEnd(5)} ${String(rate).padStart(7)} ${what}${spent}, ` +
    `${CONNECTIONS} connections`;
}
