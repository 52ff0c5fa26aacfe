// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// What the peers of a native connection do to each other: too much, too little, too late, nonsense.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Duplex, FaultyStream, memoryDuplex } from "../io/mod.ts";
import { defineService, implement, method, RpcChannel, RpcError, serve } from "../rpc/mod.ts";
import { type ServeOptions, stream, string, struct } from "../rpc/mod.ts";
import { yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { nativeFrame, nativeHello, nativePreface, Scripted } from "./rpc_frames.ts";
import { everyHandler, everything, listenerOf, pairOf } from "./rpc_services.ts";

const echoHead = [1, 0, 0, 0, 1, 0, 0, 0];
const hangHead = [1, 0, 0, 0, 7, 0, 0, 0];

/** A short text as a message has it. */
function text(word: string): number[] {
  return [word.length, 0, 0, 0, ...new TextEncoder().encode(word)];
}

function request(tag: number, head = echoHead, message = text("hi")): Uint8Array {
  return nativeFrame({ kind: 1, flags: 3, tag, head, message });
}

/** A server and a client that says what the test says. */
function scriptedClient(options: ServeOptions = {}, handlers = everyHandler) {
  const [near, far] = memoryDuplex();
  const server = serve(listenerOf(far), [implement(everything, handlers)], options);
  return { client: new Scripted(near), server };
}

/** A client and a server that says what the test says. */
function scriptedServer(options = {}) {
  const [near, far] = memoryDuplex();
  return { channel: new RpcChannel(near, options), server: new Scripted(far) };
}

async function* ones(count: number): AsyncGenerator<{ value: number }> {
  for (let sent = 0; sent < count; sent++) yield { value: 1 };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await yieldNow();
}

leakTest("streams of any length and message size keep their credit, both ways", async () => {
  for (const windowBytes of [100, 1000, 262_144, 1_048_576]) {
    const bounds = { windowBytes };
    for (const [serve, channel] of [[bounds, {}], [{}, bounds], [bounds, bounds]]) {
      await using pair = pairOf({ serve, channel });
      assertEquals(await pair.client.sum(ones(6000)), { value: 6000 });
      assertEquals((await Array.fromAsync(pair.client.count({ value: 6000 }))).length, 6000);
    }
  }
});

leakTest("a stream of messages that are all head and little body keeps its credit", async () => {
  // 70 bytes, and 86 with their head: what one end counts must be what the other one gives back.
  const long = "x".repeat(66);
  const [near, far] = memoryDuplex();
  const item = struct({ text: string });
  const talk = defineService({
    id: 2,
    methods: { both: method({ id: 1, request: stream(item), response: stream(item) }) },
  });
  const handlers = { both: (requests: AsyncIterable<{ text: string }>) => requests };
  await using _server = serve(listenerOf(far), [implement(talk, handlers)], { windowBytes: 2000 });
  using channel = new RpcChannel(near, { windowBytes: 2000 });
  async function* requests() {
    for (let i = 0; i < 1000; i++) yield { text: long };
  }
  assertEquals((await Array.fromAsync(channel.client(talk).both(requests()))).length, 1000);
});

leakTest("a slow reader of replies slows the handler down, and memory is bounded", async () => {
  let made = 0;
  await using pair = pairOf({
    channel: { windowBytes: 10_000 },
    handlers: {
      async *count() {
        for (;;) yield { value: made++ };
      },
    },
  });
  const replies = pair.client.count({ value: 0 });
  await replies.next();
  await settle();
  const before = made;
  await settle();
  assertEquals(made, before);
  assert(made <= 10_000 / 64 + 2, `${made} were made`);
  await replies.return!();
});

leakTest("a slow handler slows its caller down, and memory is bounded", async () => {
  let made = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => finish = resolve);
  await using pair = pairOf({
    serve: { windowBytes: 10_000 },
    handlers: { sum: () => finished.then(() => ({ value: 1 })) },
  });
  async function* requests() {
    for (;;) yield { value: made++ };
  }
  const reply = pair.client.sum(requests());
  await settle();
  const before = made;
  await settle();
  assertEquals(made, before);
  assert(made <= 10_000 / 64 + 2, `${made} were made`);
  finish();
  assertEquals(await reply, { value: 1 });
});

leakTest("a client that reads no replies is served no further, until it does", async () => {
  let served = 0;
  const blob = () => (served++, { data: new Uint8Array(100_000) });
  const { client, server } = scriptedClient({}, { ...everyHandler, blob });
  await client.say(nativePreface, nativeHello());
  const head = [1, 0, 0, 0, 2, 0, 0, 0];
  const said = (async () => {
    for (let tag = 1; tag <= 2000; tag++) await client.say(request(tag, head, [...text("a")]));
  })();
  await settle();
  const before = served;
  await settle();
  assertEquals(served, before);
  // One bound's worth is being sent, another one waits.
  assert(served < 40, `${served} were served`);
  let replies = 0;
  while (replies < 2000) if ((await client.hear()).kind === 3) replies++;
  await said;
  client.close();
  await server.finished;
});

leakTest("a server that is gone without a word is found, and calls to it fail", async () => {
  const { channel, server } = scriptedServer({ keepAlive: { idleMs: 5, answerMs: 5 } });
  const error = await assertRejects(() => channel.client(everything).hang({ text: "" }), RpcError);
  assertEquals([error.code, channel.usable], ["UNAVAILABLE", false]);
  server.close();
});

leakTest("a client that is gone without a word is found, and its calls are aborted", async () => {
  const ended: unknown[] = [];
  const { client, server } = scriptedClient({
    keepAlive: { idleMs: 5, answerMs: 5 },
    onConnectionError: (error) => ended.push(error),
  });
  await client.say(nativePreface, nativeHello(), request(1, hangHead));
  await server.finished;
  assertEquals((ended[0] as RpcError).code, "UNAVAILABLE");
  client.close();
});

leakTest("a silent peer that answers pings is left alone, at either end", async () => {
  const keepAlive = { idleMs: 2, answerMs: 1000 };
  await using pair = pairOf({ serve: { keepAlive }, channel: { keepAlive } });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(await pair.client.echo({ text: "there" }), { text: "there" });
});

leakTest("a tag that is in use ends its connection, and no other", async () => {
  await using pair = pairOf();
  const ended: unknown[] = [];
  const { client, server } = scriptedClient({ onConnectionError: (error) => ended.push(error) });
  await client.say(nativePreface, nativeHello(), request(5, hangHead), request(5, hangHead));
  await server.finished;
  assertEquals((ended[0] as RpcError).code, "INTERNAL");
  assertEquals(await pair.client.echo({ text: "other" }), { text: "other" });
  client.close();
});

leakTest("a tag whose call was given up may be used anew at once", async () => {
  const opened: (() => void)[] = [];
  const slow = (request: { text: string }) =>
    new Promise<{ text: string }>((resolve) => opened.push(() => resolve(request)));
  const { client, server } = scriptedClient({}, { ...everyHandler, echo: slow });
  const cancel = nativeFrame({ kind: 4, tag: 5 });
  await client.say(nativePreface, nativeHello());
  await client.say(request(5, echoHead, text("old")), cancel, request(5, echoHead, text("new")));
  while (opened.length < 2) await yieldNow();
  opened[0]();
  await settle();
  opened[1]();
  assertEquals((await client.hear()).kind, 0);
  const reply = await client.hear();
  assertEquals([reply.kind, reply.tag, reply.message], [3, 5, new Uint8Array(text("new"))]);
  client.close();
  await server.finished;
});

leakTest("replies twice, for nobody and backwards disturb no call", async () => {
  const { channel, server } = scriptedServer();
  const client = channel.client(everything);
  const replies = ["a", "b", "c"].map((word) => client.echo({ text: word }));
  await server.say(nativeHello());
  await server.skip(nativePreface.length);
  const tags: number[] = [];
  while (tags.length < 3) {
    const { kind, tag } = await server.hear();
    if (kind === 1) tags.push(tag);
  }
  const reply = (tag: number, word: string) =>
    nativeFrame({ kind: 3, flags: 1, tag, message: text(word) });
  await server.say(reply(tags[2], "c"), reply(tags[2], "again"), reply(0, "x"), reply(999, "y"));
  await server.say(nativeFrame({ kind: 2, flags: 1, tag: 999 }), nativeFrame({ kind: 5, tag: 7 }));
  await server.say(reply(tags[1], "b"), reply(tags[0], "a"));
  assertEquals((await Promise.all(replies)).map(({ text }) => text), ["a", "b", "c"]);
  assert(channel.usable);
  channel.close();
  server.close();
});

// deno-fmt-ignore
const NONSENSE: { name: string; bytes: Uint8Array }[] = [
  { name: "a preface of something else", bytes: new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n") },
  { name: "a request before the HELLO",  bytes: joined(nativePreface, request(1)) },
  { name: "a second HELLO",              bytes: joined(nativePreface, nativeHello(), nativeHello()) },
  { name: "a HELLO that is none",        bytes: joined(nativePreface, nativeFrame({ kind: 0, message: [1, 2] })) },
  { name: "a kind that is none",         bytes: joined(nativePreface, nativeHello(), nativeFrame({ kind: 200 })) },
  { name: "a head longer than its frame", bytes: joined(nativePreface, nativeHello(), new Uint8Array([0, 0, 0, 0, 1, 3, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0])) },
  { name: "a request without a method",  bytes: joined(nativePreface, nativeHello(), nativeFrame({ kind: 1, flags: 3, tag: 1 })) },
  { name: "metadata cut short",          bytes: joined(nativePreface, nativeHello(), request(1, [...echoHead, 9, 0, 0, 0, 65])) },
  { name: "a PING of 4 GiB",             bytes: joined(nativePreface, nativeHello(), new Uint8Array([255, 255, 255, 255, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) },
];

function joined(...pieces: Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

for (const { name, bytes } of NONSENSE) {
  leakTest(`${name} ends the connection, and says so`, async () => {
    const ended: unknown[] = [];
    const { client, server } = scriptedClient({ onConnectionError: (error) => ended.push(error) });
    await client.say(bytes).catch(() => {});
    await server.finished;
    assertEquals([ended.length, server.calls, server.connections], [1, 0, 0]);
    client.close();
  });
}

leakTest("a client's bytes may end anywhere: no call and no connection is left", async () => {
  const all = joined(
    ...[nativePreface, nativeHello(), request(1), request(2, hangHead)],
    nativeFrame({ kind: 1, flags: 0, tag: 3, head: [1, 0, 0, 0, 4, 0, 0, 0] }),
    nativeFrame({ kind: 2, flags: 1, tag: 3, message: [1, 0, 0, 0] }),
    nativeFrame({ kind: 2, flags: 2, tag: 3 }),
  );
  for (let end = 0; end <= all.length; end++) {
    const { client, server } = scriptedClient();
    if (end > 0) await client.say(all.subarray(0, end));
    client.close();
    await server.finished;
    assertEquals([server.calls, server.connections], [0, 0]);
  }
});

leakTest(
  "a server's bytes may end anywhere: every call ends, answered or UNAVAILABLE",
  async () => {
    const reply = nativeFrame({ kind: 3, flags: 1, tag: 1, message: text("hi") });
    const all = joined(nativeHello(), reply);
    for (let end = 0; end <= all.length; end++) {
      const { channel, server } = scriptedServer();
      const call = channel.client(everything).echo({ text: "hi" });
      if (end > 0) await server.say(all.subarray(0, end));
      server.close();
      if (end === all.length) assertEquals(await call, { text: "hi" });
      else assertEquals((await assertRejects(() => call, RpcError)).code, "UNAVAILABLE");
      channel.close();
    }
  },
);

leakTest("a connection that breaks anywhere ends every call, and no other way", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const [near, far] = memoryDuplex();
    const kind = (["reset", "abort", "end"] as const)[seed % 3];
    const fault = { at: seed * 37, kind };
    const plan = seed % 2 ? { seed, readFault: fault } : { seed, writeFault: fault };
    const bad: Duplex = new FaultyStream(near, plan);
    const server = serve(listenerOf(far), [implement(everything, everyHandler)]);
    const channel = new RpcChannel(bad);
    const client = channel.client(everything);
    const calls = Array.from({ length: 40 }, (_, index) => client.echo({ text: `call ${index}` }));
    const streams = Array.from({ length: 5 }, () => Array.fromAsync(client.count({ value: 20 })));
    for (const call of await Promise.allSettled<unknown>([...calls, ...streams])) {
      if (call.status === "rejected") assertEquals(call.reason.code, "UNAVAILABLE");
    }
    channel.close();
    await server.finished;
    assertEquals(server.calls, 0);
  }
});
