// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { EchoConn } from "./echo_loop.ts";
import { percentile } from "./percentile.ts";

/** Bytes of a message of the load and of the timed round trip. */
const MESSAGE_BYTES = 64;

/** Longest pause between two probes; each is drawn anew. */
const PAUSE_MS_MAX = 2;

/** Rounds of probes before those that count: the first ones load and compile what they need. */
const WARM_UP_ROUNDS = 20;

/** Stands in the load's arguments where the port of the listener belongs. */
const PORT_WORD = "PORT";

/**
 * Times what Deno itself does (a TCP round trip, a `fetch`, a signal, all within this process)
 * while an echo on `listener` keeps the thread busy, and prints the lines of a load.
 *
 * `args` is `BUSY_US PROGRAM ARG...`: how long the handler of each message computes, and the load
 * to start against the listener.
 */
export async function timeDenoUnderLoad(
  listener: AsyncIterable<EchoConn> & { addr: { port: number } },
  [busyUs, program, ...args]: readonly string[],
): Promise<void> {
  echoSlowly(listener, Number(busyUs));
  const probes = [await tcpProbe(), fetchProbe(), signalProbe()];
  const load = new Deno.Command(program!, {
    args: args.map((arg) => arg === PORT_WORD ? String(listener.addr.port) : arg),
    stdout: "piped",
  }).spawn();
  const output = load.stdout.pipeThrough(new TextDecoderStream()).getReader();

  await output.read();
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const probe of probes) await probe();
  }
  console.log("measuring");
  const result = output.read().then(({ value }) => JSON.parse(value!));
  const timesUs = await timeUntil(result, probes);
  const { messages, seconds } = await result;
  console.log(JSON.stringify({
    rate: messages / seconds,
    busyShare: messages * Number(busyUs) / (seconds * 1e6),
    samples: timesUs[0]!.length,
    ...summary("tcp", timesUs[0]!),
    ...summary("fetch", timesUs[1]!),
    ...summary("signal", timesUs[2]!),
  }));
  await load.status;
  Deno.exit(0);
}

/** Something of Deno's that can be done once. */
type Probe = () => Promise<unknown>;

async function echoSlowly(listener: AsyncIterable<EchoConn>, busyUs: number): Promise<void> {
  for await (const conn of listener) {
    echo(conn, busyUs).catch((error) => console.error(error)).finally(() => conn.close());
  }
}

async function echo(conn: EchoConn, busyUs: number): Promise<void> {
  conn.setNoDelay();
  const buffer = new Uint8Array(MESSAGE_BYTES);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) return;
    const end = performance.now() + busyUs / 1000;
    while (performance.now() < end);
    await conn.write(buffer.subarray(0, length));
  }
}

/** One message to a `Deno.listen` echo of this process and back. */
async function tcpProbe(): Promise<Probe> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  echoSlowly(listener, 0);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  conn.setNoDelay();
  const message = new Uint8Array(MESSAGE_BYTES);
  return async () => {
    await conn.write(message);
    await conn.read(message);
  };
}

/** One `fetch` from a `Deno.serve` of this process. */
function fetchProbe(): Probe {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const { addr } = Deno.serve(options, () => new Response("pong"));
  const url = `http://127.0.0.1:${addr.port}/`;
  return async () => await (await fetch(url)).text();
}

/** One signal to this process; on SIGUSR1 Deno opens its inspector. */
function signalProbe(): Probe {
  let arrived = () => {};
  Deno.addSignalListener("SIGUSR2", () => arrived());
  return () =>
    new Promise<void>((resolve) => {
      arrived = resolve;
      Deno.kill(Deno.pid, "SIGUSR2");
    });
}

/**
 * Does one after the other, with pauses, until `end`; the microseconds that each of them took.
 * Without the pauses most of them would fall into the moments in which the echo waits for its load.
 */
async function timeUntil(end: Promise<unknown>, probes: readonly Probe[]): Promise<number[][]> {
  let ended = false;
  end.finally(() => ended = true);
  const timesUs = probes.map((): number[] => []);
  while (!ended) {
    for (const [index, probe] of probes.entries()) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS_MAX * Math.random()));
      const start = performance.now();
      await probe();
      timesUs[index]!.push((performance.now() - start) * 1000);
    }
  }
  return timesUs;
}

function summary(name: string, timesUs: readonly number[]): Record<string, number> {
  const sorted = Float64Array.from(timesUs).sort();
  return { [`${name}P50Us`]: percentile(sorted, 0.5), [`${name}P99Us`]: percentile(sorted, 0.99) };
}
