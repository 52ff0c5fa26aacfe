// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Calls over one connection. The first six are named as the tests of C++ PhotonLibOS
// (rpc/test/test.cpp).
import { assert, assertEquals, assertRejects } from "@std/assert";
import { defineService, method, RpcError, stream, string, struct, u32 } from "../rpc/mod.ts";
import { yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { rejectsWith } from "./rpc_network.ts";
import { everyHandler, everything, pairOf } from "./rpc_services.ts";

/** Ends by itself when the other side is silent. */
const QUICK_MS = 20;

async function* numbers(count: number): AsyncGenerator<{ value: number }> {
  for (let value = 0; value < count; value++) yield { value };
}

/** A promise and what settles it, by hand. */
function gate(): { opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

leakTest("rpc.call: a request finds its handler, its reply the caller", async () => {
  await using pair = pairOf();
  assertEquals(await pair.client.echo({ text: "hi" }), { text: "hi" });
  const data = crypto.getRandomValues(new Uint8Array(10_000));
  assertEquals(await pair.client.blob({ data }), { data });
});

leakTest("rpc.concurrent: a thousand calls share a connection", async () => {
  await using pair = pairOf();
  const texts = Array.from({ length: 1000 }, (_, index) => `call ${index}`);
  const replies = await Promise.all(texts.map((text) => pair.client.echo({ text })));
  assertEquals(replies.map(({ text }) => text), texts);
});

leakTest("rpc.timeout: a call that takes too long fails, the next one does not", async () => {
  await using pair = pairOf();
  await rejectsWith("DEADLINE_EXCEEDED", () => pair.client.hang({ text: "" }, { timeoutMs: 5 }));
  assertEquals(await pair.client.echo({ text: "next" }), { text: "next" });
});

leakTest("rpc.timeout_with_hb: timeouts between calls that are answered disturb none", async () => {
  await using pair = pairOf();
  const late = Array.from(
    { length: 20 },
    () => rejectsWith("DEADLINE_EXCEEDED", () => pair.client.hang({ text: "" }, { timeoutMs: 10 })),
  );
  let over = false;
  const all = Promise.all(late).finally(() => over = true);
  for (let beat = 0; !over; beat++) {
    assertEquals(await pair.client.echo({ text: `${beat}` }), { text: `${beat}` });
    await yieldNow();
  }
  await all;
});

leakTest("rpc.shutdown: the server answers what it has before it goes", async () => {
  const { opened, open } = gate();
  await using pair = pairOf({
    handlers: { echo: (request) => opened.then(() => request) },
  });
  const reply = pair.client.echo({ text: "last" });
  await pair.channel.ping();
  const gone = pair.server.shutdown();
  open();
  assertEquals(await reply, { text: "last" });
  await gone;
  assert(!pair.channel.usable);
  const error = await rejectsWith("UNAVAILABLE", () => pair.client.echo({ text: "" }));
  assert(error.unserved);
});

leakTest("rpc.passive_shutdown: calls in flight fail when the server is gone", async () => {
  await using pair = pairOf();
  const replies = Array.from({ length: 10 }, () => pair.client.hang({ text: "" }));
  await pair.channel.ping();
  pair.server.close();
  for (const reply of replies) {
    assert(!(await rejectsWith("UNAVAILABLE", () => reply)).unserved);
  }
});

leakTest("all four kinds of calls", async () => {
  await using pair = pairOf();
  assertEquals(await pair.client.echo({ text: "one" }), { text: "one" });
  assertEquals((await Array.fromAsync(pair.client.count({ value: 500 }))).length, 500);
  assertEquals(await pair.client.sum(numbers(500)), { value: 124_750 });
  const doubled = await Array.fromAsync(pair.client.double(numbers(500)));
  assertEquals(doubled, await Array.fromAsync(numbers(500), ({ value }) => ({ value: value * 2 })));
  assertEquals(await Array.fromAsync(pair.client.count({ value: 0 })), []);
  assertEquals(await pair.client.sum(numbers(0)), { value: 0 });
  assertEquals(await pair.client.sum([{ value: 1 }, { value: 2 }]), { value: 3 });
});

leakTest("all four kinds of calls, at whatever places the stream is cut", async () => {
  for (const chunkBytesMax of [1, 2, 3, 7, 15, 16, 17]) {
    await using pair = pairOf({ duplex: { chunkBytesMax } });
    assertEquals(await pair.client.echo({ text: "cut" }), { text: "cut" });
    const data = new Uint8Array(5000).fill(chunkBytesMax);
    assertEquals(await pair.client.blob({ data }), { data });
    assertEquals(await pair.client.sum(numbers(10)), { value: 45 });
    assertEquals((await Array.fromAsync(pair.client.double(numbers(10)))).length, 10);
  }
  for (let place = 1; place < 120; place++) {
    await using pair = pairOf({ duplex: { splitAt: [place] } });
    assertEquals(await pair.client.echo({ text: "cut" }), { text: "cut" });
    assertEquals(await pair.client.sum(numbers(2)), { value: 1 });
  }
});

leakTest("unknown services and methods are UNIMPLEMENTED, and the connection lives", async () => {
  await using pair = pairOf();
  const text = struct({ text: string });
  const unary = { request: text, response: text };
  const other = defineService({ id: 99, methods: { any: method({ id: 1, ...unary }) } });
  const newer = defineService({
    id: everything.id,
    methods: {
      unary: method({ id: 77, ...unary }),
      replies: method({ id: 78, request: text, response: stream(text) }),
      requests: method({ id: 79, request: stream(text), response: text }),
    },
  });
  await rejectsWith("UNIMPLEMENTED", () => pair.channel.client(other).any({ text: "" }));
  const client = pair.channel.client(newer);
  assert((await rejectsWith("UNIMPLEMENTED", () => client.unary({ text: "" }))).unserved);
  await rejectsWith("UNIMPLEMENTED", () => Array.fromAsync(client.replies({ text: "" })));
  await rejectsWith("UNIMPLEMENTED", () => client.requests([{ text: "" }, { text: "" }]));
  assertEquals(await pair.client.echo({ text: "still" }), { text: "still" });
});

leakTest("oversized messages are RESOURCE_EXHAUSTED, and the connection lives", async () => {
  await using pair = pairOf({
    serve: { messageBytesMax: 1000 },
    channel: { messageBytesMax: 100_000 },
    handlers: { blob: ({ data }) => ({ data: new Uint8Array(data.length * 300) }) },
  });
  const neighbour = pair.client.echo({ text: "neighbour" });
  // The server has not said yet how much it takes: it refuses.
  const data = new Uint8Array(1_000_000);
  assert((await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.blob({ data }))).unserved);
  assertEquals(await neighbour, { text: "neighbour" });
  // Now it has: it is not even sent.
  await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.blob({ data }));
  // The reply is longer than the client takes.
  await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.blob({ data: new Uint8Array(900) }));
  // As long as may be: a length of four bytes, and these.
  assertEquals((await pair.client.blob({ data: new Uint8Array(300) })).data.length, 90_000);
  const long = { text: "a".repeat(996) };
  assertEquals(await pair.client.echo(long), long);
  await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.echo({ text: "a".repeat(997) }));
});

leakTest("malformed requests are INVALID_ARGUMENT, and the connection lives", async () => {
  await using pair = pairOf();
  const liar = defineService({
    id: everything.id,
    methods: {
      echo: method({ id: 1, request: struct({ length: u32 }), response: struct({ text: string }) }),
      sum: method({ id: 4, request: stream(struct({})), response: struct({ value: u32 }) }),
    },
  });
  const client = pair.channel.client(liar);
  await rejectsWith("INVALID_ARGUMENT", () => client.echo({ length: 0xffff_ffff }));
  await rejectsWith("INVALID_ARGUMENT", () => client.sum([{}, {}]));
  assertEquals(await pair.client.echo({ text: "still" }), { text: "still" });
});

leakTest("replies of another type are INTERNAL, and the connection lives", async () => {
  await using pair = pairOf();
  const odd = struct({ first: u32, second: u32 });
  const liar = defineService({
    id: everything.id,
    methods: {
      echo: method({ id: 1, request: struct({ text: string }), response: odd }),
      count: method({ id: 3, request: struct({ value: u32 }), response: stream(odd) }),
    },
  });
  const client = pair.channel.client(liar);
  await rejectsWith("INTERNAL", () => client.echo({ text: "" }));
  await rejectsWith("INTERNAL", () => Array.fromAsync(client.count({ value: 9 })));
  assertEquals(await pair.client.echo({ text: "still" }), { text: "still" });
});

leakTest("a handler's RpcError reaches the caller, its other errors as UNKNOWN", async () => {
  const secret = new Error("the password is 1234");
  const nested = new RpcError("UNAVAILABLE", "Cannot reach the database", { unserved: true });
  await using pair = pairOf({
    handlers: {
      echo: () => Promise.reject(secret),
      blob: () => {
        throw secret;
      },
      hang: () => Promise.reject(nested),
      async *count() {
        yield { value: 1 };
        throw secret;
      },
    },
  });
  const error = await rejectsWith("NOT_FOUND", () => pair.client.fail({ text: "no such user" }));
  assertEquals(error.message, "no such user");
  assertEquals(error.details, new Uint8Array([1, 2, 3]));
  for (
    const call of [
      () => pair.client.echo({ text: "" }),
      () => pair.client.blob({ data: new Uint8Array(0) }),
      () => Array.fromAsync(pair.client.count({ value: 0 })),
    ]
  ) assert(!(await rejectsWith("UNKNOWN", call)).message.includes("1234"));
  // What failed further on was seen by this handler: to call it again may not be safe.
  assert(!(await rejectsWith("UNAVAILABLE", () => pair.client.hang({ text: "" }))).unserved);
});

leakTest("a caller whose stream of requests fails is told why", async () => {
  await using pair = pairOf();
  const mine = new Error("mine");
  async function* requests() {
    yield { value: 1 };
    throw mine;
  }
  const error = await rejectsWith("CANCELLED", () => pair.client.sum(requests()));
  assertEquals([error.message, error.cause], ["Cannot call: its requests failed", mine]);
  const doubles = () => Array.fromAsync(pair.client.double(requests()));
  assertEquals((await rejectsWith("CANCELLED", doubles)).cause, mine);
  assertEquals(await pair.client.echo({ text: "next" }), { text: "next" });
});

leakTest("values that are not of the type are a TypeError with the path", async () => {
  await using pair = pairOf();
  // As a program without types would call.
  const client = pair.client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  await assertRejects(() => client.echo({ text: 5 }), TypeError, "text must be a string");
  await assertRejects(() => client.echo({ text: "" }, { metadata: { a: 1 } }), TypeError, "a");
  await assertRejects(() => client.sum([{ value: -1 }]), TypeError, "value must be an integer");
  const metadata = { long: "a".repeat(70_000) };
  await assertRejects(() => pair.client.echo({ text: "" }, { metadata }), RangeError, "metadata");
  assertEquals(await pair.client.echo({ text: "still" }), { text: "still" });
});

leakTest("metadata travels both ways, beside messages and streams", async () => {
  await using pair = pairOf({
    handlers: {
      echo(request, context) {
        context.replyMetadata = { seen: context.metadata.token ?? "" };
        return request;
      },
      async *count({ value }, context) {
        yield { value };
        context.replyMetadata = { seen: context.metadata.token ?? "" };
      },
      async sum(requests, context) {
        context.replyMetadata = { seen: context.metadata.token ?? "" };
        return await everyHandler.sum(requests, context);
      },
    },
  });
  const seen: string[] = [];
  const options = {
    metadata: { token: "grüße", __proto__: "plain" },
    onReplyMetadata: (metadata: Readonly<Record<string, string>>) => void seen.push(metadata.seen),
  };
  await pair.client.echo({ text: "" }, options);
  await Array.fromAsync(pair.client.count({ value: 1 }, options));
  await pair.client.sum(numbers(3), options);
  assertEquals(seen, ["grüße", "grüße", "grüße"]);
});

leakTest("a handler's own calls have no more time than their caller", async () => {
  await using inner = pairOf();
  const hang = () => inner.client.hang({ text: "" });
  await using outer = pairOf({
    handlers: {
      hang: async () => (await yieldNow(), await hang()),
      async *count() {
        yield { value: 1 };
        await hang();
      },
    },
  });
  await rejectsWith("DEADLINE_EXCEEDED", () => outer.client.hang({ text: "" }, { timeoutMs: 10 }));
  const replies = outer.client.count({ value: 1 }, { timeoutMs: 10 });
  await rejectsWith("DEADLINE_EXCEEDED", () => Array.fromAsync(replies));
  // Else they would hang until the test's end, and be found in flight.
  while (inner.server.calls > 0) await yieldNow();
});

for (const kind of ["a timeout", "a signal", "a reader that leaves", "a connection's end"]) {
  leakTest(`${kind} reaches the signal of the handler`, async () => {
    const told = Promise.withResolvers<unknown>();
    const started = gate();
    await using pair = pairOf({
      handlers: {
        async *count(_request, { signal }) {
          signal.addEventListener("abort", () => told.resolve(signal.reason));
          started.open();
          yield { value: 1 };
          await told.promise;
        },
      },
    });
    const aborter = new AbortController();
    const options = kind === "a timeout" ? { timeoutMs: QUICK_MS } : { signal: aborter.signal };
    const replies = pair.client.count({ value: 1 }, options);
    assertEquals(await replies.next(), { done: false, value: { value: 1 } });
    await started.opened;
    const reason = new Error("enough");
    if (kind === "a reader that leaves") await replies.return!();
    else {
      if (kind === "a signal") aborter.abort(reason);
      if (kind === "a connection's end") pair.channel.close();
      const error = await assertRejects(() => replies.next(), Error);
      if (kind === "a signal") assertEquals(error, reason);
    }
    assert(await told.promise instanceof RpcError);
  });
}

/** Gives one value, and nothing more until it is told to end. */
function silentSource(): { source: AsyncIterable<{ value: number }>; left: Promise<void> } {
  const left = Promise.withResolvers<void>();
  let asked = 0;
  const iterator: AsyncIterator<{ value: number }> = {
    next: () =>
      asked++ === 0 ? Promise.resolve({ done: false, value: { value: 1 } }) : new Promise(() => {}),
    return() {
      left.resolve();
      return Promise.reject(new Error("nobody's matter"));
    },
  };
  return { source: { [Symbol.asyncIterator]: () => iterator }, left: left.promise };
}

for (const kind of ["a timeout", "a signal", "an early reply", "a connection's end"]) {
  leakTest(`${kind} ends requests that do not go on`, async () => {
    const started = gate();
    await using pair = pairOf({
      handlers: {
        async sum(requests) {
          for await (const request of requests) {
            started.open();
            if (kind === "an early reply") return request;
          }
          return { value: 0 };
        },
      },
    });
    const { source, left } = silentSource();
    const aborter = new AbortController();
    const options = kind === "a timeout" ? { timeoutMs: QUICK_MS } : { signal: aborter.signal };
    const reply = pair.client.sum(source, options);
    await started.opened;
    if (kind === "a signal") aborter.abort(new Error("enough"));
    if (kind === "a connection's end") pair.channel.close();
    if (kind === "an early reply") assertEquals(await reply, { value: 1 });
    else await assertRejects(() => reply, Error);
    await left;
  });
}

leakTest("a caller that gives up ends replies that do not go on", async () => {
  const { source, left } = silentSource();
  await using pair = pairOf({ handlers: { count: () => source } });
  const replies = pair.client.count({ value: 1 });
  assertEquals(await replies.next(), { done: false, value: { value: 1 } });
  await replies.return!();
  await left;
});

leakTest("a late reply is nobody's, and a tag used anew has its own", async () => {
  const opened: (() => void)[] = [];
  await using pair = pairOf({
    handlers: {
      async echo(request) {
        await new Promise<void>((resolve) => opened.push(resolve));
        return request;
      },
    },
  });
  const aborter = new AbortController();
  const given = pair.client.echo({ text: "given up" }, { signal: aborter.signal });
  const kept = pair.client.echo({ text: "kept" });
  await pair.channel.ping();
  aborter.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  for (const open of opened) open();
  assertEquals(await kept, { text: "kept" });
  assertEquals(pair.channel.size, 0);
});
