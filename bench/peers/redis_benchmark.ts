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
  const command = new Deno.Command("redis-benchmark", {
    args: [...args, "-n", String(requests), "--csv"].map(String),
    stderr: "null",
  });
  console.log("measuring");
  const { stdout } = await command.output();
  const row = new TextDecoder().decode(stdout).split("\n").find((line) => line.startsWith('"GET"'));
  const [rate, , , p50, , p99] = row!.split(",").slice(1).map((text) =>
    Number(text.replaceAll('"', ""))
  );
  console.log(JSON.stringify({
    ...{ calls: requests, seconds: requests / rate! },
    ...{ p50Us: p50! * 1000, p99Us: p99! * 1000 },
  }));
}
