// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// What takes longer than a test may: a million frames of nonsense, and a minute of timeouts.
import { assert, assertEquals } from "@std/assert";
import { memoryDuplex } from "../io/mod.ts";
import { connect, listen } from "../net/mod.ts";
import { implement, RpcChannel, RpcError, serve } from "../rpc/mod.ts";
import { leakTest } from "./leak.ts";
import {
  type FrameParts,
  nativeFrame,
  nativeHello,
  nativePreface,
  Scripted,
} from "./rpc_frames.ts";
import { everyHandler, everything, listenerOf } from "./rpc_services.ts";

const FRAMES = Number(Deno.env.get("PHOTON_FUZZ_FRAMES") ?? 1_000_000);
const SECONDS = Number(Deno.env.get("PHOTON_SOAK_SECONDS") ?? 60);
/** Frames that one connection gets: most end it before. */
const FRAMES_A_CONNECTION = 200;
const GROWTH_BYTES_MAX = 64 * 1_048_576;

/** Numbers by mulberry32, the same for the same seed. */
function seeded(seed: number): (below: number) => number {
  return (below) => {
    seed = seed + 0x6d2b_79f5 | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % below;
  };
}

type Below = ReturnType<typeof seeded>;

function randomBytes(below: Below, most: number): number[] {
  return Array.from({ length: below(most + 1) }, () => below(4) === 0 ? below(256) : below(8));
}

/** A frame that a server may well take for one, now and then with a byte of it wrong. */
function oddFrame(below: Below): Uint8Array {
  // What ends the connection must be rare, or the rest of its frames is for nothing.
  const head = below(300) === 0 ? [] : [1, 0, 0, 0, below(9), 0, 0, 0];
  if (below(300) === 0) head.push(...randomBytes(below, 20));
  const parts: FrameParts = {
    kind: below(300) === 0 ? below(256) : [1, 2, 4, 5, 6, 7][below(6)],
    flags: below(8) === 0 ? below(256) : below(4),
    tag: below(2) === 0 ? below(64) : below(2 ** 32),
    value: below(3) === 0 ? below(2 ** 32) : below(100),
    head,
    message: randomBytes(below, 40),
  };
  const bytes = nativeFrame(parts);
  if (below(300) === 0) bytes[below(bytes.length)] = below(256);
  // No length that makes all that follows one frame: this is about frames.
  if (bytes[2] + bytes[3] > 0) bytes[2] = bytes[3] = 0;
  return bytes;
}

/** As {@linkcode oddFrame}, by a server: replies, messages, credit for calls 1 to 7. */
function oddAnswer(below: Below): Uint8Array {
  const bytes = oddFrame(below);
  if (below(2) === 0) bytes.set([below(8), 0, 0, 0], 8);
  if (below(300) > 0) bytes[4] = [2, 3, 5, 6, 7][below(5)];
  return bytes;
}

/** Feeds a peer odd frames, connection after connection, and sees that memory stays. */
async function fuzz(
  odd: (below: Below) => Uint8Array,
  oneConnection: (frames: Uint8Array[]) => Promise<void>,
): Promise<void> {
  const below = seeded(9);
  let baseBytes = 0;
  for (let sent = 0; sent < FRAMES; sent += FRAMES_A_CONNECTION) {
    const frames = Array.from({ length: FRAMES_A_CONNECTION }, () => odd(below));
    await oneConnection(frames);
    if (sent % (FRAMES / 10) !== 0) continue;
    await collectGarbage();
    // Not `rss`: what the allocator has not given back yet says nothing.
    const { heapUsed, external } = Deno.memoryUsage();
    const usedBytes = heapUsed + external;
    if (sent === FRAMES / 10) baseBytes = usedBytes;
    const growth = `${baseBytes} bytes, then ${usedBytes}`;
    assert(sent <= FRAMES / 10 || usedBytes < baseBytes + GROWTH_BYTES_MAX, growth);
  }
}

/** Twice: memory of buffers is given back by another thread, after a while. */
async function collectGarbage(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Hears until the end, so that nobody waits for room. */
async function drain(peer: Scripted): Promise<void> {
  try {
    for (;;) await peer.hear();
  } catch {
    // The other end has left.
  }
}

leakTest(`a server survives ${FRAMES} odd frames`, async () => {
  await fuzz(oddFrame, async (frames) => {
    const [near, far] = memoryDuplex();
    const server = serve(listenerOf(far), [implement(everything, everyHandler)]);
    const peer = new Scripted(near);
    const draining = drain(peer);
    try {
      await peer.say(nativePreface, nativeHello(), ...frames);
    } catch {
      // It has had enough.
    }
    peer.close();
    await draining;
    await server.finished;
    assertEquals([server.calls, server.connections], [0, 0]);
  });
});

leakTest(`a client survives ${FRAMES} odd frames`, async () => {
  await fuzz(oddAnswer, async (frames) => {
    const [near, far] = memoryDuplex();
    const channel = new RpcChannel(near);
    const client = channel.client(everything);
    const requests = Array.from({ length: 50 }, (_, value) => ({ value }));
    const calls: Promise<unknown>[] = [
      client.echo({ text: "a" }),
      client.blob({ data: new Uint8Array(10) }),
      Array.fromAsync(client.count({ value: 5 })),
      client.sum(requests),
      Array.fromAsync(client.double(requests)),
      client.hang({ text: "" }),
    ];
    const settled = Promise.allSettled(calls);
    const peer = new Scripted(far);
    const draining = drain(peer);
    try {
      await peer.say(nativeHello(), ...frames);
    } catch {
      // It has had enough.
    }
    peer.close();
    for (const call of await settled) {
      if (call.status === "rejected") assert(call.reason instanceof RpcError, `${call.reason}`);
    }
    await draining;
    channel.close();
    assertEquals(channel.size, 0);
  });
});

leakTest(`timeouts at 1 % of calls for ${SECONDS} s: the others have their answers`, async () => {
  await using server = serve(listen({ hostname: "127.0.0.1", port: 0 }), [
    implement(everything, everyHandler),
  ]);
  using channel = new RpcChannel(await connect({ port: server.addr.port, hostname: "127.0.0.1" }));
  const client = channel.client(everything);
  const below = seeded(1);
  const endMs = performance.now() + SECONDS * 1000;
  let [answered, expired] = [0, 0];
  async function caller(own: number) {
    for (let call = 0; performance.now() < endMs; call++) {
      if (below(100) > 0) {
        const text = `${own} ${call}`;
        assertEquals((await client.echo({ text }, { timeoutMs: 10_000 })).text, text);
        answered++;
        continue;
      }
      const error = await client.hang({ text: "" }, { timeoutMs: 1 + below(20) }).catch((e) => e);
      assert(error instanceof RpcError && error.code === "DEADLINE_EXCEEDED", `${error}`);
      expired++;
    }
  }
  await Promise.all(Array.from({ length: 64 }, (_, own) => caller(own)));
  while (server.calls > 0) await channel.ping();
  console.log(`${answered} answered, ${expired} timed out`);
  assert(expired > answered / 200 && channel.size === 0);
});
