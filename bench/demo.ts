// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno task demo`: an echo service on TCP and on a Unix socket, on this library and on Deno's own
// `listen` and `connect` in turn, with the same code and the same load. The service is
// `demo_echo.ts`, the load is `demo_stream.ts` and `demo_ping_pong.ts`.

import { parseArgs } from "node:util";
import { demoDownload } from "./demo_download.ts";
import { demoHttp } from "./demo_http.ts";
import { demoHttpClient } from "./demo_http_client.ts";
import { demoHttpApps } from "./demo_http_apps.ts";
import { demoRedis } from "./demo_redis.ts";
import { demoFiles } from "./demo_files.ts";
import { demoInfer } from "./demo_infer.ts";
import { Progress } from "./demo_progress.ts";
import { EchoService, type Transport } from "./demo_service.ts";
import { makeSource } from "./demo_source.ts";
import { type Result, table } from "./demo_table.ts";
import { measure, pingPongs, type Sample, streaming, type Workload } from "./demo_workload.ts";
import { killAll } from "./process.ts";

const USAGE = `Usage: deno task demo [options]

  --mib N       size of the file that is streamed, 256 by default
  --seconds N   how long each ping-pong takes, 1 by default
  --rounds N    rounds that are measured, 3 by default; one before them warms up`;

interface Options {
  readonly mib: number;
  readonly seconds: number;
  readonly rounds: number;
}

const MIB = 1024 * 1024;
const TRANSPORTS: readonly Transport[] = ["TCP", "Unix"];

if (import.meta.main) main(Deno.args);

async function main(args: string[]): Promise<never> {
  const options = readOptions(args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${USAGE}`);
    Deno.exit(2);
  }
  const directory = Deno.makeTempDirSync({ prefix: "photon-demo-" });
  // However the demo ends, by itself, by a failure or by Ctrl-C, it leaves nothing behind.
  addEventListener("unload", () => {
    killAll();
    Deno.removeSync(directory, { recursive: true });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => Deno.exit(130));
  }
  try {
    await demo(options, directory);
  } catch (error) {
    console.error(`demo: failed: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
  console.log("demo: ok");
  Deno.exit(0);
}

async function demo({ mib, seconds, rounds }: Options, directory: string): Promise<void> {
  await using ours = await EchoService.start("ours", directory);
  await using deno = await EchoService.start("Deno", directory);
  console.log("Echo over loopback, ours beside Deno's own listen and connect");
  console.log(`  engine: ${ours.description}`);
  console.log(`  beside: ${deno.description}, ${navigator.hardwareConcurrency} cores\n`);

  const source = await makeSource(`${directory}/source`, mib * MIB);
  const workloads = [streaming(source), pingPongs(seconds)];
  const results = await measureAll(workloads, [ours, deno], rounds);
  console.log(`${table(results)}\n\n${legend(rounds)}`);
  console.log(`\n${await demoFiles(source, directory, rounds)}`);
  console.log(`\n${await demoHttp(seconds, rounds)}`);
  console.log(`\n${await demoHttpClient(seconds, rounds)}`);
  console.log(`\n${await demoHttpApps(seconds, rounds)}`);
  console.log(`\n${await demoDownload(source, directory)}`);
  console.log(`\n${await demoRedis(seconds)}\n`);
  console.log(await demoInfer((text) => Deno.stdout.writeSync(new TextEncoder().encode(text))));
}

/**
 * Runs every workload on every transport on both services, once in each round, in an order that
 * turns around with the rounds. The first round warms up and is not counted.
 */
async function measureAll(
  workloads: readonly Workload[],
  services: readonly EchoService[],
  rounds: number,
): Promise<Result[]> {
  const cases = workloads.flatMap((workload) =>
    TRANSPORTS.flatMap((transport) =>
      services.map((service) => ({ workload, transport, service, samples: [] as Sample[] }))
    )
  );
  using progress = new Progress((rounds + 1) * cases.length);
  for (let round = 0; round <= rounds; round++) {
    const name = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
    const order = round % 2 === 0 ? cases : cases.toReversed();
    for (const { workload, transport, service, samples } of order) {
      progress.begin(`${name}: ${workload.name}, ${transport}, ${service.subject}`);
      const sample = await measure(workload, service, transport, (share) => {
        progress.advance(share);
      });
      if (round > 0) samples.push(sample);
    }
  }
  return cases.map(({ service, ...one }) => ({ ...one, subject: service.subject }));
}

/** What the numbers are. */
function legend(rounds: number): string {
  return `Rates and round trips are medians of the rounds (${rounds}), ours and Deno in turn.
Both ends read and write 64 KiB at a time in plain loops. CPU is that of the service's process.`;
}

/** Reads the command line; a text says what is wrong with it. */
function readOptions(args: string[]): Options | string {
  const text = { type: "string" } as const;
  let values;
  try {
    ({ values } = parseArgs({ args, options: { mib: text, seconds: text, rounds: text } }));
  } catch (error) {
    return (error as Error).message;
  }
  const mib = Number(values.mib ?? 256);
  const seconds = Number(values.seconds ?? 1);
  const rounds = Number(values.rounds ?? 3);
  if (!(mib > 0 && Number.isInteger(mib))) return `--mib must be a whole number above 0`;
  if (!(seconds > 0 && seconds <= 30)) return `--seconds must be above 0 and at most 30`;
  if (!(rounds > 0 && Number.isInteger(rounds))) return `--rounds must be a whole number above 0`;
  return { mib, seconds, rounds };
}
