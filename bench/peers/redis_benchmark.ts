// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The C program redis-benchmark, with the arguments of redis_loop.ts and then its pipeline.

import { redisSocketPath } from "./redis_loop.ts";

/** Rates far beyond what one server gives, so that the window has no gap. */
const REQUESTS_A_SECOND = 1_000_000;

if (import.meta.main) main();

async function main(): Promise<void> {
  const [port, transport, pipeline, valueBytes, seconds, connections] = Deno.args;
  const target = transport === "unix" ? ["-s", redisSocketPath(Number(port))] : ["-p", port];
  const count = Number(seconds) * REQUESTS_A_SECOND * (Number(valueBytes) > 1024 ? 0.05 : 1);
  const requests = Number(pipeline) > 1 ? count : count / 20;
  const args = [...target, "-P", pipeline, "-c", connections, "-d", valueBytes, "-t", "set,get"];
  // The shell tells what its child took: `times` prints "0m1.2s 0m3.4s" for itself, then for that.
  const script = 'redis-benchmark "$@"; times';
  const command = new Deno.Command("sh", {
    args: ["-c", script, "sh", ...[...args, "-n", String(requests), "--csv"].map(String)],
    stderr: "null",
  });
  console.log("measuring");
  const { stdout } = await command.output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const row = lines.find((line) => line.startsWith('"GET"'));
  const times = lines.at(-1)!.matchAll(/(\d+)m([\d.]+)s/g);
  // Half of it went to as many SETs.
  const [userUs, systemUs] = Array.from(
    times,
    ([, minutes, seconds]) => (Number(minutes) * 60 + Number(seconds)) * 1e6 / 2,
  );
  const [rate, , , p50, , p99] = row!.split(",").slice(1).map((text) =>
    Number(text.replaceAll('"', ""))
  );
  console.log(JSON.stringify({
    ...{ calls: requests, seconds: requests / rate! },
    ...{ p50Us: p50! * 1000, p99Us: p99! * 1000, userUs, systemUs },
  }));
}
