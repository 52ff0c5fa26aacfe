// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeEvent, eventStream, EventStreamDecoder, serve } from "../http/mod.ts";
import { get } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";

async function decode(chunks: string[], eventCharsMax = 1000) {
  const decoder = new EventStreamDecoder({ eventCharsMax });
  const events = await Array.fromAsync(ReadableStream.from(chunks).pipeThrough(decoder));
  return { events, retryMs: decoder.retryMs, lastEventId: decoder.lastEventId };
}

// Data: streams, and what they say by the HTML standard.
// deno-fmt-ignore
const STREAMS: [text: string, events: string[]][] = [
  ["data: a\n\n",                          ["message::a"]],
  ["data:a\n\n",                           ["message::a"]],
  ["data:  a\n\n",                         ["message:: a"]],
  ["data\n\ndata\ndata\n\ndata:",          ["message::", "message::\n"]],
  ["data: YHOO\ndata: +2\ndata: 10\n\n",   ["message::YHOO\n+2\n10"]],
  ["\ufeffdata: bom\n\n",                  ["message::bom"]],
  [": comment\n\ndata: x\nid: 1\n\nid\ndata: y\n\n", ["message:1:x", "message::y"]],
  ["id: 5\n\ndata: later\n\n",             ["message:5:later"]],
  ["id: a\0b\ndata: x\n\n",                ["message::x"]],
  ["event: add\ndata: 1\r\n\r\nevent: x\n\ndata: 2\n\n", ["add::1", "message::2"]],
  ["data: cr\rdata: lf\n\r\ndata: z\r\r",  ["message::cr\nlf", "message::z"]],
  ["unknown: x\ndata: y\n\n",              ["message::y"]],
  ["data: cut off\n",                      []],
];

Deno.test("EventStreamDecoder finds the events at every split", async () => {
  for (const [text, expected] of STREAMS) {
    for (let split = 0; split <= text.length; split++) {
      const { events } = await decode([text.slice(0, split), text.slice(split)]);
      const found = events.map(({ event, id, data }) => `${event}:${id}:${data}`);
      assertEquals(found, expected, `${JSON.stringify(text)} at ${split}`);
    }
    assertEquals((await decode([...text])).events.length, expected.length);
  }
});

Deno.test("EventStreamDecoder keeps retry and the last id, and bounds an event", async () => {
  const text = "retry: 70\nretry: x\nid: 3\ndata: a\n\n";
  const { retryMs, lastEventId } = await decode([text]);
  assertEquals([retryMs, lastEventId], [70, "3"]);
  await assertRejects(() => decode(["data: ", "x".repeat(2000)]), RangeError);
  assertEquals((await decode(Array(500).fill(": alive\n\n"))).events, []);
});

Deno.test("encodeEvent() is undone by the decoder, and refuses to forge fields", async () => {
  const event = { data: "a\r\nb\rc\n", event: "kind", id: "x y" };
  assertEquals((await decode([encodeEvent(event)])).events, [{ ...event, data: "a\nb\nc\n" }]);
  assertThrows(() => encodeEvent({ data: "", id: "a\nb" }), TypeError);
  assertThrows(() => encodeEvent({ data: "", event: "a\rb" }), TypeError);
  assertThrows(() => encodeEvent({ data: "", retry: 1.5 }), RangeError);
});

leakTest("eventStream() sends comments while nothing happens, and ends its source", async () => {
  const returned = Promise.withResolvers<void>();
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<string>>(() => {}),
      return: () => {
        returned.resolve();
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => eventStream(source, { keepAliveMs: 10 }),
  );
  {
    using client = await RawClient.open(server.addr);
    await client.send(get("/"));
    await client.until("content-type: text/event-stream");
    for (let i = 0; i < 3; i++) await client.until(":\n\n");
  }
  await returned.promise;
});
