// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Runs the cases of `http_websocket_autobahn.ts` on an echo of ours: as a server, and as a client.

import { assert, assertEquals } from "@std/assert";
import { serve, upgradeWebSocket, WebSocket } from "../http/mod.ts";
import type {
  DataName,
  DeflateCase,
  Expected,
  FrameCase,
  RoundTripCase,
} from "./http_websocket_autobahn.ts";
import { type PeerDeflate, type Received, WebSocketPeer } from "./http_websocket_peer.ts";

/** Which side of ours is tested. */
export type Role = "server" | "client";

const CLOSE = 8;
const DATA_BYTES = 200_000;
/** The longest message: the data repeat themselves for so long. */
const REPEATED_BYTES = 131_072;

/** Runs a case; `messages` is how many a case of round trips sends. */
export async function runCase(
  role: Role,
  one: FrameCase | RoundTripCase,
  messages: number,
): Promise<void> {
  const deflate = "steps" in one ? undefined : one.deflate;
  await withEcho(role, deflate, async (peer) => {
    if ("steps" in one) await runFrames(role, peer, one);
    else await runRoundTrips(peer, one, messages);
    if (!("steps" in one) || one.ending === "clean") await closeCleanly(role, peer);
  });
}

async function runFrames(role: Role, peer: WebSocketPeer, one: FrameCase): Promise<void> {
  for (const step of one.steps) {
    if ("expect" in step) assertReceived(await peer.next(), step.expect);
    else await peer.frame(step.opcode, step.payload, step.options);
  }
  for (const expected of one.expected) assertReceived(await peer.next(), expected);
  if (one.ending === "clean") return;
  const codes = "fails" in one.ending ? one.ending.fails : one.ending.answers;
  const close = await peer.next();
  assertEquals(close.kind, "close");
  assert(close.kind === "close" && codes.includes(close.code), JSON.stringify(close));
  // A client that was said goodbye to waits for the server to close.
  if ("fails" in one.ending || role === "server") assertEquals((await peer.next()).kind, "end");
}

async function runRoundTrips(
  peer: WebSocketPeer,
  one: RoundTripCase,
  messages: number,
): Promise<void> {
  const { byteLength, data, fragment, binary = data !== "json" && data !== "html" } = one;
  const source = data === undefined ? null : testData(data);
  for (let count = 0; count < messages; count++) {
    const at = count * byteLength;
    const bytes = source === null
      ? new Uint8Array(byteLength).fill(binary ? 0xfe : 0x2a)
      : source.slice(at % DATA_BYTES, at % DATA_BYTES + byteLength);
    if (one.deflate) await peer.sendCompressed(binary ? 2 : 1, bytes, fragment);
    else await peer.frame(binary ? 2 : 1, bytes);
    const echo = await peer.next();
    assert(echo.kind === "message", JSON.stringify(echo));
    assertEquals(echo.text === undefined, binary);
    assertSame(echo.bytes, bytes);
  }
}

async function closeCleanly(role: Role, peer: WebSocketPeer): Promise<void> {
  await peer.frame(CLOSE, new Uint8Array([1000 >> 8, 1000 & 0xff]));
  assertEquals(await peer.next(), { kind: "close", code: 1000, reason: "" });
  if (role === "server") assertEquals(await peer.next(), { kind: "end" });
}

/** Lets a peer talk to an echo of ours, which is over in the end. */
async function withEcho(
  role: Role,
  deflate: DeflateCase | undefined,
  use: (peer: WebSocketPeer) => Promise<void>,
): Promise<void> {
  if (role === "client") return await withClientEcho(deflate, use);
  let closed: Promise<CloseEvent> | undefined;
  await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const compression = deflate ? { minBytes: 0 } : false;
    const { socket, response } = upgradeWebSocket(request, { idleTimeout: 0, compression });
    socket.onmessage = ({ data }) => socket.send(data);
    closed = socket.closed;
    return response;
  });
  {
    using peer = await WebSocketPeer.open(server.addr.port, ...deflate ? offers(deflate) : []);
    if (deflate) peer.compress(agreedByServer(peer.head));
    await use(peer);
  }
  await closed;
}

async function withClientEcho(
  deflate: DeflateCase | undefined,
  use: (peer: WebSocketPeer) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const compression = deflate ? { minBytes: 0 } : false;
  const socket = new WebSocket(`ws://127.0.0.1:${listener.addr.port}`, { compression });
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  {
    const conn = await listener.accept();
    const wanted = deflate?.offers[0];
    using peer = await WebSocketPeer.accept(conn, () => wanted ? [answer(wanted)] : []);
    if (wanted) {
      const [alone, bits] = wanted;
      const receiveBits = bits || 15;
      peer.compress({ sendBits: 15, sendAlone: false, receiveBits, receiveAlone: alone });
    }
    await use(peer);
  }
  await socket.closed;
}

function offers({ offers }: DeflateCase): string[] {
  const list = offers.map(([alone, bits]) =>
    [
      ...["permessage-deflate", "client_no_context_takeover", "client_max_window_bits"],
      ...alone ? ["server_no_context_takeover"] : [],
      ...bits ? [`server_max_window_bits=${bits}`] : [],
    ].join("; ")
  );
  return [`Sec-WebSocket-Extensions: ${list.join(", ")}`];
}

/** What a server answers a client whose messages are to be compressed so. */
function answer([alone, bits]: DeflateCase["offers"][0]): string {
  const parameters = [
    ...alone ? ["; client_no_context_takeover"] : [],
    ...bits ? [`; client_max_window_bits=${bits}`] : [],
  ];
  return `Sec-WebSocket-Extensions: permessage-deflate${parameters.join("")}`;
}

function agreedByServer(head: string): PeerDeflate {
  const line = /^sec-websocket-extensions: (.*)$/mi.exec(head)?.[1] ?? "";
  assert(line.startsWith("permessage-deflate"), head);
  const bits = (side: string) =>
    Number(new RegExp(`${side}_max_window_bits=(\\d+)`).exec(line)?.[1] ?? 15);
  return {
    sendBits: bits("client"),
    sendAlone: line.includes("client_no_context_takeover"),
    receiveBits: bits("server"),
    receiveAlone: line.includes("server_no_context_takeover"),
  };
}

function assertReceived(received: Received, expected: Expected): void {
  if ("pong" in expected) {
    assert(received.kind === "pong", `${received.kind} in place of a pong`);
    return assertSame(received.bytes, octetsOf(expected.pong));
  }
  assert(received.kind === "message", `${received.kind} in place of a message`);
  const isText = typeof expected.message === "string";
  assertEquals(received.text !== undefined, isText);
  assertSame(received.bytes, octetsOf(expected.message));
}

/** Compares without a difference of millions of lines. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`Byte ${i} of ${actual.length} differs`);
  }
}

function octetsOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

const made = new Map<DataName, Uint8Array>();

/** Data of the kinds that the suite has, in ASCII where it is text. */
function testData(name: DataName): Uint8Array {
  const known = made.get(name);
  if (known) return known;
  let seed = name.length * 7919;
  const random = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  const words = Array.from(
    { length: 800 },
    () => Math.floor(random() * 2 ** 30).toString(36).slice(0, 2 + Math.floor(random() * 8)),
  );
  const word = () => words[Math.floor(random() ** 2 * words.length)]!;
  // Data: what each kind repeats.
  const kinds: Record<DataName, () => string> = {
    text: () => `${word()} ${word()}, ${word()} `,
    bitmap: () => String.fromCharCode(...Array.from({ length: 16 }, () => 128 + random() * 8)),
    document: () => String.fromCharCode(...Array.from({ length: 16 }, () => random() * 256)),
    json: () => `${JSON.stringify({ id: Math.floor(random() * 1e6), [word()]: word() })},`,
    html: () => `<div class="${word()}"><a href="/${word()}">${word()}</a></div>\n`,
  };
  const bytes = new Uint8Array(DATA_BYTES + REPEATED_BYTES);
  for (let at = 0; at < DATA_BYTES;) {
    const piece = kinds[name]();
    for (let i = 0; i < piece.length && at < DATA_BYTES; i++) bytes[at++] = piece.charCodeAt(i);
  }
  bytes.copyWithin(DATA_BYTES, 0, REPEATED_BYTES);
  made.set(name, bytes);
  return bytes;
}
