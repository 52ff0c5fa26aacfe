// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MessageDeflater, MessageInflater } from "../http/websocket_deflate.ts";
import { WebSocketDecoder } from "../http/websocket_decoder.ts";
import { acceptDeflate, readDeflateAnswer } from "../http/websocket_extension.ts";
import { FrameWriter } from "../http/websocket_writer.ts";
import type { Transport } from "../http/transport.ts";
import { applyMask, WebSocketFailure } from "../http/websocket_frame.ts";
import { WebSocketPeer } from "./http_websocket_peer.ts";
import { leakTest } from "./leak.ts";

const encoder = new TextEncoder();

leakTest("a mask of any phase, place and length is undone by itself", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer(),
    fc.nat(7),
    fc.nat(3),
    (payload, key, offset, phase) => {
      const bytes = new Uint8Array(payload.length + offset);
      bytes.set(payload, offset);
      const expected = payload.map((byte, i) => byte ^ (key >>> (8 * ((i + phase) & 3)) & 0xff));
      applyMask(bytes, offset, bytes.length, key, phase);
      assertEquals(bytes.subarray(offset), expected);
    },
  ));
});

leakTest("the decoder finds the same at every split of its input", async () => {
  using peer = await rawPeer();
  const parts = [
    peer.frameBytes(1, "häl", { fin: false, masked: true }),
    peer.frameBytes(9, "ping", { masked: true }),
    peer.frameBytes(0, "lö €", { masked: true }),
    peer.frameBytes(2, new Uint8Array(300).fill(7), { masked: true }),
    peer.frameBytes(1, "", { masked: true }),
    peer.frameBytes(8, new Uint8Array([0x03, 0xe8, 0x6f]), { masked: true }),
  ];
  const whole = new Uint8Array(parts.flatMap((part) => [...part]));
  const expected = decodeAll([whole.slice()]);
  assertEquals(expected, ["ping:4", "hällö €", "bytes:300", "", "close:1000:o"]);
  for (let split = 1; split < whole.length; split++) {
    assertEquals(decodeAll([whole.slice(0, split), whole.slice(split)]), expected, `at ${split}`);
  }
  assertEquals(decodeAll(Array.from(whole, (byte) => new Uint8Array([byte]))), expected);
});

function decodeAll(pieces: Uint8Array[]): string[] {
  const found: string[] = [];
  const decoder = new WebSocketDecoder({
    onMessage: (data) => found.push(typeof data === "string" ? data : `bytes:${data.length}`),
    onPing: (payload) => found.push(`ping:${payload.length}`),
    onPong: () => found.push("pong"),
    onClose: (code, reason) => found.push(`close:${code}:${reason}`),
  }, { fromClient: true, messageBytesMax: 1000, inflater: null });
  for (const piece of pieces) decoder.push(piece, 0, piece.length);
  return found;
}

/** A peer whose frames are wanted, not its connection. */
async function rawPeer(): Promise<WebSocketPeer> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  (await listener.accept()).close();
  return new WebSocketPeer(conn, true, ["", new Uint8Array()]);
}

leakTest("text is what a strict decoder makes of the octets, or fails with 1007", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const encode = (text: string) => new TextEncoder().encode(text);
  const check = (payload: Uint8Array) => {
    const frame = new Uint8Array([0x81, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
    let expected: string | null = null;
    try {
      expected = strict.decode(payload);
    } catch {
      const failure = assertThrows(() => decodeAll([frame]), WebSocketFailure);
      return assertEquals(failure.code, 1007);
    }
    assertEquals(decodeAll([frame]), [expected]);
  };
  // What takes the place of octets that are none, sent as such; a mark of the byte order.
  for (const text of ["", "\uFFFD", "\uFEFFa", "é", "a😀", "\0"]) check(encode(text));
  for (const octets of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    check(new Uint8Array(octets));
    check(new Uint8Array([...encode("\uFFFD"), ...octets]));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), check));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
    check(encode(text));
  }));
});

leakTest("random bytes never do more than fail the decoder", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (pieces) => {
      try {
        decodeAll(pieces.map((piece) => piece.slice()));
      } catch (error) {
        assert(error instanceof WebSocketFailure, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

for (const windowBits of [8, 9, 12, 15]) {
  for (const takesOver of [true, false]) {
    const name = `window of ${windowBits} bits, ${takesOver ? "kept" : "not kept"}`;
    leakTest(`messages come through permessage-deflate: ${name}`, () => {
      const deflater = new MessageDeflater({ windowBits, takesOver }, 6);
      const inflater = new MessageInflater({ windowBits, takesOver });
      let seed = 1;
      for (let i = 0; i < 60; i++) {
        const message = Uint8Array.from({ length: i * 137 }, () => {
          seed = Math.imul(seed, 1_103_515_245) + 12_345 | 0;
          return seed >>> 28;
        });
        const deflated = deflater.deflate(message)?.slice();
        if (deflated === undefined) continue;
        assertEquals(inflater.inflate(deflated, 10_000), message);
      }
      deflater.close();
    });
  }
}

leakTest("a window that is kept makes the second message shorter", () => {
  const deflater = new MessageDeflater({ windowBits: 15, takesOver: true }, 6);
  const message = crypto.getRandomValues(new Uint8Array(2000));
  const first = deflater.deflate(message)!.length;
  const second = deflater.deflate(message)!.length;
  deflater.close();
  assert(second < first / 10, `${second} of ${first} bytes`);
});

leakTest("a bomb is decompressed as far as a message may go, and fails with 1009", () => {
  const deflater = new MessageDeflater({ windowBits: 15, takesOver: false }, 9);
  const bomb = deflater.deflate(new Uint8Array(8_388_608))!;
  const inflater = new MessageInflater({ windowBits: 15, takesOver: true });
  const error = assertThrows(() => inflater.inflate(bomb, 65_536), WebSocketFailure);
  assertEquals((error as WebSocketFailure).code, 1009);
  const malformed = assertThrows(
    () => inflater.inflate(new Uint8Array([0xff, 0xff]), 100),
    WebSocketFailure,
  );
  assertEquals((malformed as WebSocketFailure).code, 1007);
});

leakTest("a compressed message that breaks off anywhere fails with 1007", () => {
  for (const takesOver of [true, false]) {
    const deflater = new MessageDeflater({ windowBits: 15, takesOver }, 6);
    const inflater = new MessageInflater({ windowBits: 15, takesOver });
    for (const count of [40, 3]) {
      const message = encoder.encode("the same again, ".repeat(count));
      const deflated = deflater.deflate(message)!.slice();
      for (let length = 1; length < deflated.length; length++) {
        const part = deflated.subarray(0, length);
        const error = assertThrows(() => inflater.inflate(part, 1000), WebSocketFailure);
        assertEquals((error as WebSocketFailure).code, 1007, `${length} of ${deflated.length}`);
      }
      assertEquals(inflater.inflate(deflated, message.length), message);
    }
    deflater.close();
  }
});

// Data: RFC 7692 section 7.2.3: one block, no compression, a last block, two blocks, no content.
const RFC_MESSAGES: [hex: string, text: string][] = [
  ["f248cdc9c90700", "Hello"],
  ["000500faff48656c6c6f00", "Hello"],
  ["f348cdc9c9070000", "Hello"],
  ["f248050000 00ffffcac9c90700", "Hello"],
  ["00", ""],
  ["", ""],
];

leakTest("the messages of RFC 7692 are decompressed", () => {
  for (const [hex, text] of RFC_MESSAGES) {
    const bytes = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    const inflater = new MessageInflater({ windowBits: 15, takesOver: true });
    assertEquals(inflater.inflate(bytes, 5), encoder.encode(text), hex);
  }
});

leakTest("64 pongs wait for a peer that does not read, and the next room is for more", async () => {
  const room = Promise.withResolvers<void>();
  const written: Uint8Array[] = [];
  const transport = {
    memory: new Uint8Array(),
    reserve: () => -1,
    offer: () => 0,
    write: async (bytes: Uint8Array) => {
      await room.promise;
      written.push(bytes);
    },
  } as unknown as Transport;
  const writer = new FrameWriter(transport, false, () => {});
  for (let i = 0; i < 100; i++) writer.answer(new Uint8Array([i]));
  assertEquals(writer.bufferedBytes, 64);
  room.resolve();
  await writer.drained();
  assertEquals(written.length, 64);
  writer.answer(new Uint8Array([100]));
  await writer.drained();
  assertEquals(written.at(-1), new Uint8Array([0x8a, 1, 100]));
});

// Data: an offer, what the server wants, and its answer.
// deno-fmt-ignore
const OFFERS: [string, Parameters<typeof acceptDeflate>[1], string | null][] = [
  ["permessage-deflate",                                          {},                            "permessage-deflate"],
  ["permessage-deflate; client_max_window_bits",                  {},                            "permessage-deflate"],
  ["permessage-deflate; client_max_window_bits",                  { peerWindowBits: 10 },        "permessage-deflate; client_max_window_bits=10"],
  ["permessage-deflate",                                          { peerWindowBits: 10 },        "permessage-deflate"],
  ["permessage-deflate; server_max_window_bits=9",                {},                            "permessage-deflate; server_max_window_bits=9"],
  ["permessage-deflate; server_max_window_bits=7",                {},                            null],
  ["permessage-deflate; server_max_window_bits=16",               {},                            null],
  ["permessage-deflate; server_max_window_bits",                  {},                            null],
  ["permessage-deflate; unknown",                                 {},                            null],
  ["permessage-deflate; unknown, permessage-deflate",             {},                            "permessage-deflate"],
  ["permessage-deflate; server_no_context_takeover",              {},                            "permessage-deflate; server_no_context_takeover"],
  ["permessage-deflate; server_no_context_takeover=1",            {},                            null],
  ["permessage-deflate; server_no_context_takeover; server_no_context_takeover", {},            null],
  ["permessage-deflate",                                          { peerNoContextTakeover: true }, "permessage-deflate; client_no_context_takeover"],
  ['permessage-deflate; client_max_window_bits="9"',              {},                            "permessage-deflate; client_max_window_bits=9"],
  ["x-webkit-deflate-frame",                                      {},                            null],
];

leakTest("offers of permessage-deflate are answered as RFC 7692 has it", () => {
  for (const [offer, compression, answer] of OFFERS) {
    assertEquals(acceptDeflate(offer, compression)?.header ?? null, answer, offer);
  }
  assertThrows(() => readDeflateAnswer("permessage-deflate", null), Error, "extensions");
  assertThrows(() => readDeflateAnswer("x-other", {}), Error, "extensions");
  assertThrows(() =>
    readDeflateAnswer("permessage-deflate; server_max_window_bits=12", { peerWindowBits: 10 })
  );
});
