// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { memoryDuplex, readFull } from "../io/mod.ts";
import { connect, listen } from "../net/mod.ts";
import {
  alignedBytes,
  alignedIovecArray,
  array,
  bytes,
  checked,
  defineService,
  f64,
  i32,
  implement,
  iovecArray,
  method,
  optional,
  RpcChannel,
  RpcError,
  serve,
  string,
  struct,
  type Type,
  u16,
  u32,
  u64,
  u8,
  type ValueOf,
} from "../rpc/mod.ts";
import { setPhotonChecksum } from "../rpc/photon_checksum.ts";
import { photonCodec } from "../rpc/photon_codec.ts";
import { photonHead } from "../rpc/photon_frame.ts";
import { yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { listenerOf } from "./rpc_services.ts";

const RUNS = 200;

const point = struct({ x: i32, kind: u8, y: f64 });
const message = struct({
  id: u16,
  left: string,
  flag: u8,
  aligned: alignedBytes,
  origin: point,
  points: array(point),
  right: string,
  sum: u64,
});
type Message = ValueOf<typeof message>;

const block = checked(struct({ id: u16, data: bytes }));
type Block = ValueOf<typeof block>;

/** The service of `peers/photon_rpc_peer.c`. */
const swapping = defineService({
  id: 7,
  methods: {
    swap: method({ id: 1, request: message, response: message }),
    reverse: method({ id: 2, request: block, response: block }),
  },
});

function reverse({ id, data }: Block): Block {
  return { id: id + 1, data: data.toReversed() };
}

function swap(request: Message): Message {
  return {
    id: request.id + 1,
    left: request.right,
    right: request.left,
    flag: request.flag === 0 ? 1 : 0,
    aligned: request.aligned.toReversed(),
    origin: { ...request.origin, y: -request.origin.y },
    points: request.points.map(({ x, kind, y }) => ({ x: x * 2, kind, y: y * 2 })),
    sum: request.points.reduce((sum, { kind }) => sum + BigInt(kind), 0n),
  };
}

function sample(id: number): Message {
  return {
    id,
    left: "left",
    right: "grüße",
    flag: 0,
    aligned: new Uint8Array([1, 2, 3]),
    origin: { x: -1, kind: 2, y: 0.25 },
    points: [{ x: id, kind: 1, y: 0.5 }, { x: -7, kind: 2, y: 1e300 }],
    sum: 0n,
  };
}

// Data: messages and their bytes, made by hand from the description of the wire.
// deno-fmt-ignore
const VECTORS: { name: string; type: ReturnType<typeof struct>; value: unknown; hex: string }[] = [
  { name: "scalars with padding between and behind",
    type: struct({ a: u8, b: u32, c: u16 }), value: { a: 1, b: 0x02030405, c: 0x0607 },
    hex: "01000000 05040302 07060000" },
  { name: "a text in front of the struct, its NUL counted",
    type: struct({ id: u32, name: string }), value: { id: 5, name: "hi" },
    hex: "686900 0500000000000000 0000000000000000 0300000000000000" },
  { name: "an empty byte string sends nothing",
    type: struct({ data: bytes }), value: { data: new Uint8Array(0) },
    hex: "0000000000000000 0000000000000000" },
  { name: "aligned bytes before the others",
    type: struct({ data: bytes, page: alignedBytes }), value: { data: new Uint8Array([0xd1]), page: new Uint8Array([0xa1, 0xa2]) },
    hex: "a1a2 d1 0000000000000000 0100000000000000 0000000000000000 0200000000000000" },
  { name: "bytes in pieces with the length of them all, aligned ones in front",
    type: struct({ body: iovecArray, page: alignedIovecArray, none: iovecArray }),
    value: { body: new Uint8Array([0xd1]), page: new Uint8Array([0xa1, 0xa2]), none: new Uint8Array(0) },
    hex: "a1a2 d1 0000000000000000 1000000000000000 0100000000000000" +
         "0000000000000000 1000000000000000 0200000000000000" +
         "0000000000000000 0000000000000000 0000000000000000" },
  { name: "a nested struct lies inside, its variable field in place",
    type: struct({ head: struct({ name: string }), tail: u8 }), value: { head: { name: "" }, tail: 9 },
    hex: "00 0000000000000000 0100000000000000 0900000000000000" },
  { name: "an array of structs, then what is variable in them",
    type: struct({ items: array(struct({ id: u8, data: bytes })) }),
    value: { items: [{ id: 1, data: new Uint8Array([0xaa]) }, { id: 2, data: new Uint8Array([0xbb, 0xbc]) }] },
    hex: "0100000000000000 0000000000000000 0100000000000000 0200000000000000 0000000000000000 0200000000000000" +
         "aa bbbc 0000000000000000 3000000000000000" },
];

// Data: CRC-32C as C++ counts it, from its own test data (common/checksum/test/checksum.in).
// deno-fmt-ignore
const CHECKSUMS = [
  { text: "a",   checksum: 2_477_592_673 },
  { text: "abc", checksum: 1_445_960_909 },
  { text: "abcdefghijklmnopqrstuvwxyz", checksum: 1_315_976_883 },
];

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

for (const { name, type, value, hex } of VECTORS) {
  Deno.test(`photonCodec() writes and reads ${name}`, () => {
    const codec = photonCodec(type.schema);
    const expected = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    assertEquals(joined(codec.encode(value)).toHex(), expected.toHex());
    assertEquals(codec.decode(expected), value);
  });
}

for (const { text, checksum } of CHECKSUMS) {
  Deno.test(`setPhotonChecksum() counts ${text} as C++ does`, () => {
    // The struct is nothing but the word, which counts as zeros: taken away again by one who knows.
    const word = new Uint8Array(4);
    setPhotonChecksum([new TextEncoder().encode(text), word]);
    let state = checksum;
    for (let bit = 0; bit < 32; bit++) state = (state >>> 1) ^ (state & 1 ? 0x82f6_3b78 : 0);
    assertEquals(new DataView(word.buffer).getUint32(0, true), state >>> 0);
  });
}

Deno.test("photonCodec() puts the checksum of a checked struct in front of its fields", () => {
  const codec = photonCodec(block.schema);
  const payload = joined(codec.encode({ id: 0x0102, data: new Uint8Array([0xd1]) }));
  const { length } = payload;
  assertEquals(length, 1 + 24);
  assertEquals(payload.slice(5).toHex(), "02010000" + "00".repeat(8) + "0100000000000000");
  assertEquals(codec.decode(payload), { id: 0x0102, data: new Uint8Array([0xd1]) });
});

Deno.test("photonCodec() finds every bit of a checked message that was changed", () => {
  const codec = photonCodec(block.schema);
  const payload = joined(codec.encode({ id: 7, data: new Uint8Array([1, 2, 3]) }));
  for (let bit = 0; bit < payload.length * 8; bit++) {
    const changed = payload.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(assertThrows(() => codec.decode(changed), RpcError).code, "DATA_LOSS");
  }
});

Deno.test("checked() takes structs only", () => {
  assertThrows(() => checked(u8), RangeError, "checked takes a struct");
});

leakTest(
  "photon framing: a reply whose checksum is wrong fails its call with DATA_LOSS",
  async () => {
    const [near, far] = memoryDuplex();
    using channel = new RpcChannel(near, { framing: "photon" });
    const call = channel.client(swapping).reverse({ id: 1, data: new Uint8Array([1]) });
    const request = new Uint8Array(40 + 1 + 24);
    await readFull(far, request);
    request[40] = 2;
    await far.write(request);
    assertEquals((await assertRejects(() => call, RpcError)).code, "DATA_LOSS");
    assert(channel.usable);
    far.close();
  },
);

leakTest("the native framing sends a checked struct like any other", async () => {
  const [near, far] = memoryDuplex();
  await using _server = serve(listenerOf(far), [implement(swapping, { swap, reverse })]);
  using channel = new RpcChannel(near);
  const request = { id: 1, data: new Uint8Array([1, 2]) };
  assertEquals(await channel.client(swapping).reverse(request), reverse(request));
});

Deno.test("photonHead() is 40 bytes, as C++ has them", () => {
  const head = photonHead({ interfaceId: 0x11121314, methodId: 0x21222324, tag: 0x3132n }, 0x41);
  const hex =
    "c795abe6025dde87 00000000 41000000 14131211 24232221 3231000000000000 0000000000000000";
  assertEquals(head.toHex(), hex.replaceAll(" ", ""));
});

Deno.test("photonCodec() refuses types that C++ does not have", () => {
  for (
    const type of [
      struct({ a: optional(u8) }),
      struct({ a: array(string) }),
      struct({ a: array(iovecArray) }),
    ]
  ) {
    assertThrows(() => photonCodec(type.schema), RangeError, "photon framing");
  }
});

Deno.test("photonCodec() reads any bytes as a value or throws InvalidData", () => {
  const codec = photonCodec(message.schema);
  const whole = joined(codec.encode(sample(3)));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255))), (mutations) => {
      const bytes = whole.slice();
      for (const [at, byte] of mutations) bytes[at] = byte;
      try {
        codec.decode(bytes);
      } catch (error) {
        if (!(error instanceof Deno.errors.InvalidData)) throw error;
      }
    }),
    { numRuns: RUNS },
  );
});

leakTest("photon framing: a call and its reply may be cut anywhere", async () => {
  for (const chunkBytesMax of [1, 7, 39, 40, 41]) {
    const [near, far] = memoryDuplex({ chunkBytesMax });
    await using _server = serve(listenerOf(far), [implement(swapping, { swap, reverse })]);
    using channel = new RpcChannel(near, { framing: "photon" });
    assertEquals(await channel.client(swapping).swap(sample(1)), swap(sample(1)));
  }
});

leakTest("photon framing: a request in two parts is answered, at every split point", async () => {
  const [near, far] = memoryDuplex();
  await using _server = serve(listenerOf(far), [implement(swapping, { swap, reverse })]);
  const frame = (tag: bigint, type: Type<unknown>, value: unknown, methodId: number) => {
    const payload = joined(photonCodec(type.schema).encode(value));
    return joined([photonHead({ interfaceId: 7, methodId, tag }, payload.length), payload]);
  };
  const sent = { id: 6, data: new Uint8Array([4, 5, 6]) };
  const requests = [frame(1n, message, sample(1), 1), frame(2n, block, sent, 2)];
  const replies = [frame(1n, message, swap(sample(1)), 1), frame(2n, block, reverse(sent), 2)];
  for (const [index, request] of requests.entries()) {
    for (let cut = 1; cut < request.length; cut++) {
      await near.write(request.subarray(0, cut));
      await yieldNow();
      await near.write(request.subarray(cut));
      const reply = new Uint8Array(replies[index].length);
      await readFull(near, reply);
      assertEquals(reply, replies[index]);
    }
  }
  near.close();
});

leakTest("photon framing: a timed-out call leaves the connection to the others", async () => {
  const [near, far] = memoryDuplex();
  const late = Promise.withResolvers<Message>();
  await using _server = serve(listenerOf(far), [
    implement(swapping, {
      swap: (request) => request.id === 0 ? late.promise : swap(request),
      reverse,
    }),
  ]);
  using channel = new RpcChannel(near, { framing: "photon" });
  const client = channel.client(swapping);
  const error = await assertRejects(() => client.swap(sample(0), { timeoutMs: 5 }), RpcError);
  assertEquals(error.code, "DEADLINE_EXCEEDED");
  late.resolve(sample(9));
  assertEquals((await client.swap(sample(4))).id, 5);
});

leakTest("photon framing: an unknown function closes the connection, as in C++", async () => {
  const [near, far] = memoryDuplex();
  await using _server = serve(listenerOf(far), []);
  using channel = new RpcChannel(near, { framing: "photon" });
  const error = await assertRejects(() => channel.client(swapping).swap(sample(1)), RpcError);
  assertEquals(error.code, "UNAVAILABLE");
});

const peer = await buildPeer();

Deno.test({
  name: "photon framing: a server in C answers our calls",
  ignore: peer === null,
  async fn() {
    const child = new Deno.Command(peer!, { args: ["serve"], stdout: "piped" }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await reader.read()).value);
    {
      using channel = new RpcChannel(await connect({ hostname: "127.0.0.1", port }), {
        framing: "photon",
      });
      const client = channel.client(swapping);
      const ids = Array.from({ length: 50 }, (_, id) => id);
      const replies = await Promise.all(ids.map((id) => client.swap(sample(id))));
      assertEquals(replies, ids.map((id) => swap(sample(id))));
      const blocks = ids.map((id) => ({ id, data: new Uint8Array(id).fill(id) }));
      assertEquals(
        await Promise.all(blocks.map((block) => client.reverse(block))),
        blocks.map(reverse),
      );
    }
    await reader.cancel();
    assert((await child.status).success);
  },
});

Deno.test({
  name: "photon framing: a client in C is answered by us",
  ignore: peer === null,
  async fn() {
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    await using server = serve(listener, [implement(swapping, { swap, reverse })]);
    const args = ["call", String(server.addr.port), "50"];
    const { code, stdout } = await new Deno.Command(peer!, { args }).output();
    assertEquals([code, new TextDecoder().decode(stdout)], [0, "ok\n"]);
  },
});

/** The peer in C; null where there is no compiler. */
async function buildPeer(): Promise<string | null> {
  const source = new URL("peers/photon_rpc_peer.c", import.meta.url).pathname;
  const binary = `${await Deno.makeTempDir()}/photon_rpc_peer`;
  globalThis.addEventListener("unload", () => {
    Deno.removeSync(binary.slice(0, binary.lastIndexOf("/")), { recursive: true });
  });
  try {
    const args = ["-O1", "-Wall", "-o", binary, source];
    const { success } = await new Deno.Command("cc", { args }).output();
    return success ? binary : null;
  } catch {
    return null;
  }
}
