// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { serve } from "../http/mod.ts";
import { get } from "./http_contract_case.ts";
import { compareWithLlhttp, REQUESTS } from "./http_differential.ts";
import { RawClient } from "./http_raw_client.ts";
import { RESPONSES } from "./http_response_differential.ts";

for (const subject of [REQUESTS, RESPONSES]) {
  Deno.test(`1 000 000 mutated ${subject.kind}s are taken and refused as llhttp does`, async () => {
    const seed = 20_261_121;
    const differences = await compareWithLlhttp(1_000_000, seed, subject);
    for (const [key, count] of differences) {
      const [, reason] = subject.justified.find(([pattern]) => pattern.test(key))!;
      console.log(`${count} of "${key}": ${reason}`);
    }
  });
}

Deno.test("beside 5 000 idle and dripping connections a request takes 20 ms at most", async () => {
  const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  using client = await RawClient.open(server.addr);
  for (let i = 0; i < 2000; i++) await client.ask(get("/"));
  const before = usedBytes();
  const program = new URL("http_idle_clients.mjs", import.meta.url).pathname;
  const idle = new Deno.Command("node", {
    args: [program, String(server.addr.port), String(IDLE), String(DRIPPING)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = idle.stdout.getReader();
  assertStringIncludes(new TextDecoder().decode((await output.read()).value), "open");
  while ((server as unknown as { connections: number }).connections < IDLE + DRIPPING + 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await output.cancel();
  const perConnection = (usedBytes() - before) / (IDLE + DRIPPING);
  const times: number[] = [];
  for (const end = performance.now() + 5000; performance.now() < end;) {
    const begin = performance.now();
    assertEquals((await client.ask(get("/"))).body, "ok");
    times.push(performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
  console.log(
    `p99 ${p99.toFixed(2)} ms of ${times.length}, ${perConnection.toFixed(0)} B a connection`,
  );
  await idle.stdin.close();
  await idle.status;
  client[Symbol.dispose]();
  await server.shutdown();
  assertLess(p99, 20);
  assertLess(perConnection, 4096);
});

const IDLE = 4000;
const DRIPPING = 1000;

/** Bytes of objects and buffers that are in use. */
function usedBytes(): number {
  for (let i = 0; i < 3; i++) (globalThis as unknown as { gc(): void }).gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
