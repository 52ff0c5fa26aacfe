// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The HTTP client's part of the demo: `fetch` of this library and Deno's own, in turns, in this
// very process, at the same server.

import process from "node:process";
import { HttpClient } from "../http/mod.ts";
import type { Subject } from "./demo_subjects.ts";
import { Server } from "./process.ts";
import { denoPeer } from "./programs.ts";
import { median } from "./rounds.ts";

const IN_FLIGHT = 64;

/** What one round gave. */
interface Round {
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
}

/** Runs both clients and says what came of it, as lines to print. */
export async function demoHttpClient(seconds: number, rounds: number): Promise<string> {
  await using server = await Server.start(denoPeer("http_ours.ts"));
  using client = new HttpClient();
  using denoClient = Deno.createHttpClient({});
  const fetches: Record<Subject, (url: string) => Promise<Response>> = {
    ours: (url) => client.fetch(url),
    Deno: (url) => fetch(url, { client: denoClient }),
  };
  const subjects: readonly Subject[] = ["ours", "Deno"];
  const results: Record<Subject, Round[]> = { ours: [], Deno: [] };
  const url = `http://127.0.0.1:${server.port}/`;
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const result = await load(fetches[subject], url, seconds);
      if (round > 0) results[subject].push(result);
    }
  }
  return [
    `HTTP client: fetch, ${IN_FLIGHT} in flight, of ours beside Deno's`,
    ...subjects.map((subject) => describe(subject, results[subject])),
  ].join("\n");
}

/** Keeps requests in flight for a while. */
async function load(
  fetch: (url: string) => Promise<Response>,
  url: string,
  seconds: number,
): Promise<Round> {
  const before = process.cpuUsage();
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let requests = 0;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (performance.now() < end) {
      await (await fetch(url)).text();
      requests++;
    }
  }));
  const { user, system } = process.cpuUsage(before);
  return {
    requestsPerSecond: requests * 1000 / (performance.now() - begin),
    cpuUs: (user + system) / requests,
  };
}

function describe(subject: Subject, rounds: readonly Round[]): string {
  const rate = Math.round(median(rounds.map(({ requestsPerSecond }) => requestsPerSecond)));
  const cpu = median(rounds.map(({ cpuUs }) => cpuUs));
  return `  ${`${subject}:`.padEnd(5)} ${String(rate).padStart(7)} requests/s, ` +
    `${cpu.toFixed(1)} us of CPU each`;
}
