// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { memoryDuplex } from "../io/mod.ts";
import {
  currentTrace,
  formatTraceparent,
  Health,
  healthService,
  implement,
  interceptCalls,
  parseTraceparent,
  reflection,
  reflectionService,
  RpcChannel,
  RpcError,
  RpcMetrics,
  runInTrace,
  serve,
  traceClientInterceptor,
  traceInterceptor,
} from "../rpc/mod.ts";
import { LatencyHistogram } from "../rpc/latency_histogram.ts";
import { clientOf } from "../rpc/client.ts";
import { leakTest } from "./leak.ts";
import { everyHandler, everything, listenerOf, pairOf } from "./rpc_services.ts";

const TRACE = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  sampled: true,
};

leakTest("Health tells of the server and of its services", async () => {
  const [near, far] = memoryDuplex();
  const health = new Health();
  await using _server = serve(listenerOf(far), [health.implementation]);
  using channel = new RpcChannel(near);
  const { check } = channel.client(healthService);
  assertEquals(await check({ service: "" }), { status: "SERVING" });
  assertEquals(await check({ service: "store" }), { status: "UNKNOWN" });
  health.set("store", "NOT_SERVING");
  assertEquals(await check({ service: "store" }), { status: "NOT_SERVING" });
});

leakTest("reflection() tells services, methods and schemas", async () => {
  const [near, far] = memoryDuplex();
  const services = [implement(everything, everyHandler)];
  await using _server = serve(listenerOf(far), [...services, reflection(services)]);
  using channel = new RpcChannel(near);
  const { services: [told] } = await channel.client(reflectionService).list({});
  assertEquals([told.id, told.name, told.methods.length], [1, "everything", 7]);
  const count = told.methods.find(({ name }) => name === "count")!;
  assertEquals([count.request.stream, count.response.stream], [false, true]);
  assertEquals(
    JSON.parse(count.request.schema),
    everything.methods.count.request.schema,
  );
});

leakTest("RpcMetrics counts calls, errors and times on both sides", async () => {
  const served = new RpcMetrics();
  const called = new RpcMetrics();
  await using pair = pairOf({ serve: { interceptors: [served.interceptor] } });
  const client = clientOf(everything, interceptCalls(pair.channel, called.clientInterceptor));
  for (let i = 0; i < 3; i++) await client.echo({ text: "a" });
  await assertRejects(() => client.fail({ text: "no" }), RpcError);
  const counted = await Array.fromAsync(client.count({ value: 5 }));
  assertEquals(counted.length, 5);
  for (const { methods } of [served, called]) {
    assertEquals(methods.get("everything/echo")?.calls, 3);
    assertEquals(methods.get("everything/echo")?.latency.count, 3);
    assertEquals([...methods.get("everything/fail")!.errors], [["NOT_FOUND", 1]]);
    const count = methods.get("everything/count");
    assertEquals([count?.calls, count?.inFlight], [1, 0]);
  }
});

Deno.test("LatencyHistogram.quantileUs() is right within a bucket", () => {
  const histogram = new LatencyHistogram();
  for (let us = 1; us <= 10_000; us++) histogram.add(us);
  for (const share of [0.5, 0.9, 0.99, 0.999, 1]) {
    assertAlmostEquals(histogram.quantileUs(share) / (10_000 * share), 1, 0.1);
  }
  assertEquals(new LatencyHistogram().quantileUs(0.5), 0);
  assertEquals(histogram.maxUs, 10_000);
});

// Data: texts of a traceparent, and whether the standard takes them (section 3.2).
// deno-fmt-ignore
const TRACEPARENTS: [string, boolean][] = [
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",       true],
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",       true],
  ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", true],
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", false],
  ["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",       false],
  ["00-00000000000000000000000000000000-00f067aa0ba902b7-01",       false],
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",       false],
  ["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",       false],
  ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",          false],
  ["",                                                              false],
];

for (const [text, valid] of TRACEPARENTS) {
  Deno.test(`parseTraceparent() ${valid ? "reads" : "ignores"} "${text}"`, () => {
    assertEquals(parseTraceparent(text) !== undefined, valid);
  });
}

Deno.test("formatTraceparent() writes what parseTraceparent() reads", () => {
  assertEquals(parseTraceparent(formatTraceparent(TRACE)), TRACE);
});

leakTest("a trace goes from caller to handler, in a span of its own", async () => {
  let seen = currentTrace();
  await using pair = pairOf({
    serve: { interceptors: [traceInterceptor] },
    handlers: { echo: (request) => (seen = currentTrace(), request) },
  });
  const client = clientOf(everything, interceptCalls(pair.channel, traceClientInterceptor));
  await runInTrace(TRACE, () => client.echo({ text: "a" }));
  assertEquals([seen?.traceId, seen?.sampled], [TRACE.traceId, true]);
  assert(seen?.spanId !== TRACE.spanId);
  assertEquals(currentTrace(), undefined);
});

leakTest("messages are compressed where both sides agree, and only then", async () => {
  const data = new Uint8Array(200_000).fill(65);
  for (const [ours, theirs] of [[{}, {}], [undefined, {}], [{}, undefined]]) {
    const [near, far] = memoryDuplex();
    let bytesOut = 0;
    const write = near.write.bind(near);
    near.write = async (p, options) => {
      const count = await write(p, options);
      bytesOut += count;
      return count;
    };
    const options = theirs === undefined ? {} : { compression: theirs };
    await using _server = serve(listenerOf(far), [implement(everything, everyHandler)], options);
    using channel = new RpcChannel(near, ours === undefined ? {} : { compression: ours });
    await channel.ping();
    const reply = await channel.client(everything).blob({ data });
    assertEquals(reply.data, data);
    assertEquals(bytesOut < 10_000, ours !== undefined && theirs !== undefined);
  }
});

leakTest("the limit is on messages as they were before they were compressed", async () => {
  await using pair = pairOf({
    serve: { compression: {} },
    channel: { compression: {}, messageBytesMax: 100_000 },
    handlers: { blob: () => ({ data: new Uint8Array(10_000_000) }) },
  });
  await pair.channel.ping();
  const error = await assertRejects(() => pair.client.blob({ data: new Uint8Array(1) }), RpcError);
  assertEquals(error.code, "RESOURCE_EXHAUSTED");
});
