// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The closed loop of http-client, in JavaScript that Deno, Bun and Node run as it is.

import process from "node:process";

const WARMUP_MS = 800;
/** One request in so many is timed. */
const TIMED_SHARE = 16;

/**
 * Keeps requests in flight. Arguments: port, `http` or `https`, path, in flight, seconds. With 0
 * seconds it fetches once, and reads the body as a stream. Prints `measuring` when it is warm and
 * one JSON object at the end.
 *
 * @param {string[]} args
 * @param {(url: string) => Promise<Response>} fetch
 */
// deno-lint-ignore explicit-module-boundary-types -- Node runs it as it is
export async function measureHttp(args, fetch) {
  const [port, scheme, path, inFlight, seconds] = args;
  const host = scheme === "https" ? "localhost" : "127.0.0.1";
  const url = `${scheme}://${host}:${port}${path}`;
  const run = seconds === "0"
    ? () => download(fetch, url)
    : (durationMs, times) => loop(fetch, url, Number(inFlight), durationMs, times);
  await (seconds === "0" ? download(fetch, url.replace(/\d+$/, "67108864")) : run(WARMUP_MS, null));
  console.log("measuring");
  const cpu = process.cpuUsage();
  const start = performance.now();
  const timesUs = [];
  const { requests, bytes } = await run(Number(seconds) * 1000, timesUs);
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  timesUs.sort((left, right) => left - right);
  const at = (share) =>
    timesUs[Math.min(timesUs.length - 1, Math.floor(timesUs.length * share))] ?? 0;
  const report = { requests, bytes, seconds: took, userUs: user, systemUs: system };
  console.log(JSON.stringify({ ...report, p50Us: at(0.5), p99Us: at(0.99) }));
  process.exit(0);
}

async function loop(fetch, url, inFlight, durationMs, timesUs) {
  let [requests, bytes, running] = [0, 0, true];
  const timer = setTimeout(() => running = false, durationMs);
  await Promise.all(Array.from({ length: inFlight }, async (_, lane) => {
    for (let index = lane; running; index++) {
      const isTimed = timesUs !== null && index % TIMED_SHARE === 0;
      const start = isTimed ? performance.now() : 0;
      const response = await fetch(url);
      bytes += (await response.text()).length;
      requests++;
      if (isTimed) timesUs.push((performance.now() - start) * 1000);
    }
  }));
  clearTimeout(timer);
  return { requests, bytes };
}

async function download(fetch, url) {
  const response = await fetch(url);
  let bytes = 0;
  for await (const chunk of response.body) bytes += chunk.length;
  if (bytes !== Number(response.headers.get("content-length"))) {
    throw new Error("Body is too short");
  }
  return { requests: 1, bytes };
}
