// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { engineInfo, engineStatistics } from "../io/engine_info.ts";
import { CLOSE_FLUSH_MS } from "../io/fd_stream.ts";
import { leakTest } from "./leak.ts";
import { fillUp, onRing, tcpPair } from "./net_pair.ts";
import { startSoak } from "./net_soak_load.ts";
import { REPOSITORY } from "./subprocess.ts";

const SECONDS = Number(Deno.env.get("PHOTON_SOAK_SECONDS") ?? 60);
const CONNECTIONS = 1000;
/** The runs on other engines, which this file starts, are short. */
const OTHER_SECONDS = Math.min(10, SECONDS);

/** Set in the runs that this file starts. */
const ENGINE_RUN = "PHOTON_SOAK_RUN";

/**
 * Growth from the second third of the run to the last. Collected heaps still differ by several
 * percent from sample to sample; a block or a few hundred bytes lost with each connection would
 * show as tens of megabytes. In the first half minute V8 is still finding the size of its heap.
 */
const GROWTH_MAX = SECONDS >= 30 ? 1.15 : 1.5;

const { ConnectionReset } = Deno.errors;

leakTest(`${CONNECTIONS} connections with random disconnects for ${SECONDS} s`, async () => {
  const soak = startSoak({ connections: CONNECTIONS, seconds: SECONDS });
  const samples: number[] = [];
  const sampling = setInterval(() => {
    collectGarbage();
    samples.push(Deno.memoryUsage().rss);
  }, SECONDS * 1000 / 60);
  const counts = await soak.finally(() => clearInterval(sampling));
  const third = Math.floor(samples.length / 3);
  const [before, after] = [samples.slice(third, 2 * third), samples.slice(-third)].map(median);
  console.log(`${JSON.stringify(counts)}, ${mebibytes(before)}, then ${mebibytes(after)}`);
  for (const [name, count] of Object.entries(counts)) assert(count > 0, `${name} never happened`);
  assertEquals(engineStatistics().stale, 0);
  assert(
    after <= before * GROWTH_MAX,
    `Memory grew from ${mebibytes(before)} to ${mebibytes(after)}`,
  );
});

leakTest("a closed connection gives a peer up that does not read, by a reset", async () => {
  using pair = await tcpPair();
  await fillUp(pair.client);
  const start = performance.now();
  pair.client.close();
  while (engineStatistics().leased > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(performance.now() - start < CLOSE_FLUSH_MS + 1000, "The queue is still held");
  }
  assert(performance.now() - start > CLOSE_FLUSH_MS - 100, "The queue was given up early");
  const block = new Uint8Array(65_536);
  await assertRejects(async () => {
    while (await pair.server.read(block) !== null);
  }, ConnectionReset);
}, { ignore: !onRing || Deno.env.has(ENGINE_RUN) });

if (!Deno.env.has(ENGINE_RUN)) {
  Deno.test({
    name: `the soak holds with PHOTON_TASK_RUN=cooperative for ${OTHER_SECONDS} s`,
    ignore: !onRing,
    fn: () => runSoak({ PHOTON_TASK_RUN: "cooperative" }),
  });
  Deno.test({
    name: `the soak holds with PHOTON_ENGINE=deno for ${OTHER_SECONDS} s`,
    fn: () => runSoak({ PHOTON_ENGINE: "deno" }),
  });
} else {
  Deno.test("the soak runs on the engine that was asked for", () => {
    const { engine, taskRun } = engineInfo();
    assertEquals(engine, Deno.env.get("PHOTON_ENGINE") ?? "uring");
    assertEquals(taskRun, Deno.env.get("PHOTON_TASK_RUN") ?? (onRing ? "deferred" : null));
  });
}

/** The engine is chosen once per isolate, so another one needs a process of its own. */
async function runSoak(engine: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--v8-flags=--expose-gc"],
      ...["--preload=tests/warm_up.ts", "tests/net_soak.ts"],
    ],
    cwd: REPOSITORY,
    env: { ...engine, [ENGINE_RUN]: "1", PHOTON_SOAK_SECONDS: `${OTHER_SECONDS}`, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), (OTHER_SECONDS + 60) * 1000);
  try {
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
  } finally {
    clearTimeout(limit);
  }
}

/** With `--v8-flags=--expose-gc`, as the task runs it; else the samples are only rougher. */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
