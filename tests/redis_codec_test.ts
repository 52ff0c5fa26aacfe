// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ProtocolError, ReplyError } from "../redis/redis_error.ts";
import { PushMessage, type Reply, VerbatimString } from "../redis/reply.ts";
import { INCOMPLETE, ReplyDecoder } from "../redis/reply_decoder.ts";
import { type Argument, encodeHead, RequestEncoder } from "../redis/request_encoder.ts";

const encoder = new TextEncoder();

// Data: what a server may send, and what it means.
// deno-fmt-ignore
const REPLIES: readonly (readonly [wire: string, value: Reply])[] = [
  ["+OK\r\n",                                   "OK"],
  ["+\r\n",                                     ""],
  ["-ERR no such thing\r\n",                    new ReplyError("ERR no such thing")],
  [":0\r\n",                                    0],
  [":-0\r\n",                                   0],
  [":+7\r\n",                                   7],
  [":-42\r\n",                                  -42],
  [":9007199254740991\r\n",                     9007199254740991],
  [":9223372036854775807\r\n",                  9223372036854775807n],
  ["$0\r\n\r\n",                                ""],
  ["$5\r\nhello\r\n",                           "hello"],
  ["$7\r\na\r\nb\r\nc\r\n",                     "a\r\nb\r\nc"],
  ["$6\r\n\u00e4\u20ac1\r\n",                   "\u00e4\u20ac1"],
  ["$30\r\nabcdefghijklmnopqrstuvwxyz\u{1f600}\r\n", "abcdefghijklmnopqrstuvwxyz\u{1f600}"],
  [`$300\r\n${"x".repeat(300)}\r\n`,            "x".repeat(300)],
  ["$3\r\n\ufeff\r\n",                          "\ufeff"],
  ["$-1\r\n",                                   null],
  ["*-1\r\n",                                   null],
  ["_\r\n",                                     null],
  ["*0\r\n",                                    []],
  ["*3\r\n:1\r\n$1\r\na\r\n*1\r\n_\r\n",        [1, "a", [null]]],
  ["*1\r\n-WRONGTYPE no\r\n",                   [new ReplyError("WRONGTYPE no")]],
  ["%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n",            new Map<Reply, Reply>([["a", 1], ["b", []]])],
  ["%0\r\n",                                    new Map()],
  ["~2\r\n+a\r\n+b\r\n",                        new Set(["a", "b"])],
  [",3.25\r\n",                                 3.25],
  [",1e-3\r\n",                                 0.001],
  [",inf\r\n",                                  Infinity],
  [",-inf\r\n",                                 -Infinity],
  [",nan\r\n",                                  NaN],
  ["(3492890328409238509324850943850943825024385\r\n", 3492890328409238509324850943850943825024385n],
  ["(12\r\n",                                   12],
  ["#t\r\n",                                    true],
  ["#f\r\n",                                    false],
  ["!8\r\nERR a\r\nb\r\n",                      new ReplyError("ERR a\r\nb")],
  ["=8\r\ntxt:text\r\n",                        new VerbatimString("txt", "text")],
  [">2\r\n+message\r\n+hi\r\n",                 new PushMessage(["message", "hi"])],
  ["|1\r\n+ttl\r\n:3600\r\n:5\r\n",             5],
  ["|0\r\n:5\r\n",                              5],
  ["*2\r\n|1\r\n+ttl\r\n*0\r\n:5\r\n:6\r\n",    [5, 6]],
  ["$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",     "Hello"],
  ["$?\r\n;0\r\n",                              ""],
  ["*?\r\n:1\r\n*?\r\n:2\r\n.\r\n.\r\n",        [1, [2]]],
  ["%?\r\n+a\r\n:1\r\n.\r\n",                   new Map<Reply, Reply>([["a", 1]])],
  ["~?\r\n.\r\n",                               new Set()],
];

// Data: what no server may send.
const BROKEN = [
  ...[
    "?\r\n",
    "\r\n",
    ":\r\n",
    ":1a\r\n",
    ":1\n",
    "+a\rb\r\n",
    "$x\r\n",
    "$-2\r\n",
    "$1\r\nab\r\n",
  ],
  ...["$1\r\na\rb", "*-2\r\n", "*1e3\r\n", "_x\r\n", "#x\r\n", ",\r\n", ",1 \r\n", "(1.5\r\n"],
  ...["=3\r\ntxt\r\n", "=5\r\ntxt_a\r\n", ";3\r\nabc\r\n", ".\r\n", "*1\r\n.\r\n", "$?\r\n+a\r\n"],
  ...[
    "%?\r\n+a\r\n.\r\n",
    "*1\r\n>1\r\n+a\r\n",
    "=?\r\n",
    "$?\r\n.\r\n",
    "$99999999999999999999\r\n",
  ],
];

Deno.test("ReplyDecoder gives the value of every type, cut at every point", () => {
  for (const [wire, value] of REPLIES) {
    const bytes = encoder.encode(wire);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new ReplyDecoder();
      decoder.push(bytes.subarray(0, cut));
      const early = decoder.next();
      if (cut < bytes.length) assertEquals(early, INCOMPLETE, `${wire} at ${cut}`);
      decoder.push(bytes.subarray(cut));
      const reply = cut < bytes.length ? decoder.next() : early;
      assertEquals(plain(reply), plain(value), `${JSON.stringify(wire)} at ${cut}`);
      assertEquals(decoder.isInside, false);
    }
  }
});

Deno.test("ReplyDecoder gives all replies in order, whatever the pieces", () => {
  const all = encoder.encode(REPLIES.map(([wire]) => wire).join(""));
  for (let size = 1; size < 40; size++) {
    const decoder = new ReplyDecoder();
    const replies: Reply[] = [];
    for (let at = 0; at < all.length; at += size) {
      decoder.push(all.subarray(at, at + size));
      for (let reply = decoder.next(); reply !== INCOMPLETE; reply = decoder.next()) {
        replies.push(reply);
      }
    }
    assertEquals(replies.map(plain), REPLIES.map(([, value]) => plain(value)));
  }
});

Deno.test("ReplyDecoder gives bytes where they are asked for", () => {
  const decoder = new ReplyDecoder();
  decoder.push(encoder.encode("*3\r\n$2\r\nab\r\n+c\r\n$?\r\n;1\r\nd\r\n;0\r\n=5\r\ntxt:e\r\n"));
  assertEquals(decoder.next(true), ["ab", "c", "d"].map((text) => encoder.encode(text)));
  assertEquals(decoder.next(true), new VerbatimString("txt", encoder.encode("e")));
});

Deno.test("ReplyDecoder gives the attributes to who asks", () => {
  const decoder = new ReplyDecoder();
  const seen: Map<Reply, Reply>[] = [];
  decoder.onAttributes = (attributes) => seen.push(attributes);
  decoder.push(encoder.encode("|1\r\n+ttl\r\n:3\r\n+x\r\n"));
  assertEquals(decoder.next(), "x");
  assertEquals(seen, [new Map<Reply, Reply>([["ttl", 3]])]);
});

Deno.test("ReplyDecoder refuses what is no RESP with ProtocolError, cut at every point", () => {
  for (const wire of BROKEN) {
    const bytes = encoder.encode(wire);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new ReplyDecoder();
      assertThrows(() => {
        decoder.push(bytes.subarray(0, cut));
        decoder.next();
        decoder.push(bytes.subarray(cut));
        decoder.next();
        decoder.next();
      }, ProtocolError);
    }
  }
});

Deno.test("ReplyDecoder decodes strings around the size of its buffer", () => {
  for (const length of [16_373, 16_384, 65_536, 262_132, 262_133, 262_144, 5_000_000]) {
    const text = "0123456789abcdef".repeat(length / 16 + 1).slice(0, length);
    const wire = encoder.encode(`*2\r\n$${length}\r\n${text}\r\n:1\r\n`);
    for (const size of [1000, 16_384, 300_000, wire.length]) {
      const decoder = new ReplyDecoder();
      const replies: unknown[] = [];
      for (let at = 0; at < wire.length; at += size) {
        decoder.push(wire.subarray(at, at + size));
        const reply = decoder.next();
        if (reply !== INCOMPLETE) replies.push(reply);
      }
      assertEquals(replies.length, 1);
      assertEquals((replies[0] as Reply[])[0] === text, true);
    }
  }
});

Deno.test("ReplyDecoder refuses strings, nesting and lines beyond its limits", () => {
  const cases = [
    ["$536870913\r\n", {}],
    ["$11\r\n", { stringBytesMax: 10 }],
    ["$?\r\n;6\r\nabcdef\r\n;5\r\n", { stringBytesMax: 10 }],
    ["*1\r\n".repeat(33), {}],
    ["*1\r\n*1\r\n*1\r\n", { depthMax: 2 }],
    [`+${"a".repeat(70_000)}`, {}],
    [`+${"a".repeat(70_000)}\r\n`, {}],
  ] as const;
  for (const [wire, limits] of cases) {
    const decoder = new ReplyDecoder(limits);
    decoder.push(encoder.encode(wire));
    assertThrows(() => decoder.next(), ProtocolError);
  }
});

Deno.test("ReplyDecoder takes no memory on a server's word", () => {
  const before = Deno.memoryUsage().external;
  const decoders = Array.from({ length: 50 }, () => {
    const decoder = new ReplyDecoder();
    decoder.push(encoder.encode("*1000000000\r\n%1000000000\r\n$536870912\r\n"));
    assertEquals(decoder.next(), INCOMPLETE);
    return decoder;
  });
  assertEquals(Deno.memoryUsage().external - before < 300 * 1024 * 1024, true);
  assertEquals(decoders.length, 50);
});

Deno.test("RequestEncoder writes what a server reads", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 120 }), fc.string());
  const argument = fc.oneof(text, bytes, fc.integer(), fc.bigInt(), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(fc.array(fc.array(argument, { maxLength: 120 }), { maxLength: 5 }), (requests) => {
      const requestEncoder = new RequestEncoder();
      const decoder = new ReplyDecoder();
      for (const args of requests) requestEncoder.add(encodeHead("CMD", "SUB"), 2, args);
      decoder.push(requestEncoder.take());
      for (const args of requests) {
        assertEquals(decoder.next(true), ["CMD", "SUB", ...args].map(asSent));
      }
    }),
    { seed: 10, numRuns: 300 },
  );
});

Deno.test("RequestEncoder refuses what is no argument and keeps what was added before", () => {
  const requestEncoder = new RequestEncoder();
  requestEncoder.add(encodeHead("PING"), 1, []);
  for (const wrong of [null, undefined, {}, true]) {
    const args = ["a", wrong as unknown as Argument];
    assertThrows(() => requestEncoder.add(encodeHead("GET"), 1, args), TypeError, "argument 2");
  }
  assertEquals(new TextDecoder().decode(requestEncoder.take()), "*1\r\n$4\r\nPING\r\n");
});

Deno.test("ReplyError carries its code and a name", () => {
  const error = new ReplyError("READONLY You can't write against a read only replica.");
  assertInstanceOf(error, Error);
  assertEquals([error.code, error.name], ["READONLY", "ReadOnlyError"]);
});

/** Errors as their text, since each has a stack of its own. */
function plain(reply: unknown): unknown {
  if (reply instanceof ReplyError) return { code: reply.code, text: reply.message };
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

function asSent(argument: Argument): Uint8Array {
  if (argument instanceof Uint8Array) return argument;
  if (argument === Infinity) return encoder.encode("+inf");
  if (typeof argument === "number" && Number.isInteger(argument) && Math.abs(argument) >= 1e21) {
    return encoder.encode(BigInt(argument).toString());
  }
  return encoder.encode(String(argument));
}
