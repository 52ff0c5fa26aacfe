// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { answer, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** More than any buffer of the client's, and no multiple of one. */
const BYTES = 6_000_011;
const content = Uint8Array.from({ length: BYTES }, (_, at) => (at * 2654435761) >>> 13);
const HEAD = answer("200 OK", `Content-Length: ${BYTES}`);

/** Reads all of a body. */
type Reading = (response: Pick<Response, "body" | "bytes">) => Promise<Uint8Array>;

/** Bodies of megabytes, read in every way. */
export const bulkCases: FetchCases = {};
for (const [name, read] of Object.entries(readings())) {
  Object.assign(bulkCases, casesOf(name, read));
}

Object.assign(
  bulkCases,
  {
    async "a long body that nobody reads makes its server wait"(fetch) {
      let sent = 0;
      await using server = new WireServer(async (_, peer) => {
        await peer.send(answer("200 OK", "Content-Length: 1000000000"));
        for (; sent < 1e9; sent += BYTES) await peer.sendBytes(content);
      }, true);
      const { body } = await fetch(server.origin);
      const reader = body!.getReader();
      await reader.read();
      let before = -1;
      for (; sent !== before; before = sent, await pause());
      assert(sent < 500_000_000);
      await reader.cancel();
    },
    async "a long body comes as far as its server has sent it"(fetch) {
      const arrived = Promise.withResolvers<void>();
      await using server = new WireServer(async (_, peer) => {
        await peer.send(HEAD);
        await peer.sendBytes(content.subarray(0, 5_000_011));
        await arrived.promise;
        await peer.sendBytes(content.subarray(5_000_011));
      });
      let length = 0;
      for await (const chunk of (await fetch(server.origin)).body!) {
        length += chunk.length;
        if (length === 5_000_011) arrived.resolve();
      }
      assertEquals(length, BYTES);
    },
    async "a long body comes in chunks that can be transferred"(fetch) {
      await using server = new WireServer(sendAll);
      const { body } = await fetch(server.origin);
      const moved: Uint8Array[] = [];
      for await (const chunk of body!) {
        moved.push(structuredClone(chunk, { transfer: [chunk.buffer] }));
      }
      assertEquals(Buffer.concat(moved).equals(content), true);
    },
    async "a long body is given up in the middle by its reader"(fetch) {
      await using server = new WireServer(sendAll);
      for await (const _ of (await fetch(server.origin)).body!) break;
      assertEquals((await (await fetch(server.origin)).bytes()).length, BYTES);
    },
    async "a long body is read by a reader, and then into buffers"(fetch) {
      await using server = new WireServer(sendAll);
      const { body } = await fetch(server.origin);
      const first = body!.getReader();
      const { value } = await first.read();
      first.releaseLock();
      const rest = await intoBuffers(100_000)({ body, bytes: () => Promise.reject() });
      assertEquals(value!.length + rest.length, BYTES);
      assert(equal(rest, content.subarray(value!.length)));
    },
  } satisfies FetchCases,
);

function casesOf(name: string, read: Reading): FetchCases {
  return {
    async [`a long body comes ${name}`](fetch) {
      await using server = new WireServer(sendAll);
      assert(equal(await read(await fetch(server.origin)), content));
    },
    async [`a short body comes after a long one ${name}`](fetch) {
      await using server = new WireServer(async ({ target }, peer) => {
        if (target === "/short") return ok("short");
        await sendAll(null, peer);
      });
      for (let round = 0; round < 3; round++) {
        assert(equal(await read(await fetch(server.origin)), content));
        assertEquals(await (await fetch(`${server.origin}/short`)).text(), "short");
      }
    },
    async [`a long body that pauses comes ${name}`](fetch) {
      await using server = new WireServer(async (_, peer) => {
        await peer.send(HEAD);
        for (const [start, end] of [[0, 4_000_100], [4_000_100, 4_000_101], [4_000_101, BYTES]]) {
          await peer.sendBytes(content.subarray(start, end));
          await pause();
        }
      });
      assert(equal(await read(await fetch(server.origin)), content));
    },
    async [`a long body that is cut off rejects ${name}`](fetch) {
      await using server = new WireServer(async (_, peer) => {
        await peer.send(HEAD);
        await peer.sendBytes(content.subarray(0, 5_000_000));
        peer.close();
      });
      const response = await fetch(server.origin);
      await assertRejects(() => read(response));
    },
    async [`a long body is aborted while it comes ${name}`](fetch) {
      await using server = new WireServer(async (_, peer) => {
        await peer.send(HEAD);
        await peer.sendBytes(content.subarray(0, 5_000_000));
        await peer.closed;
      }, true);
      const response = await fetch(server.origin, { signal: AbortSignal.timeout(100) });
      await assertRejects(() => read(response), DOMException);
    },
  };
}

function readings(): Record<string, Reading> {
  return {
    "whole": (response) => response.bytes(),
    "in chunks": async ({ body }) => await joined(body!),
    "into buffers of a MiB": intoBuffers(1_048_576),
    "into buffers of 20 kB": intoBuffers(20_000),
    "to a reader": async ({ body }) => await joined(body!.pipeThrough(new TransformStream())),
  };
}

async function sendAll(_: unknown, peer: { sendBytes(bytes: Uint8Array): Promise<void> }) {
  await peer.sendBytes(new TextEncoder().encode(HEAD));
  await peer.sendBytes(content);
}

/** Reads with one buffer, which each read takes and gives back. */
function intoBuffers(byteLength: number): Reading {
  return async ({ body }) => {
    const reader = body!.getReader({ mode: "byob" });
    const all = new Uint8Array(BYTES);
    let at = 0;
    for (let buffer = new ArrayBuffer(byteLength);;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return all.subarray(0, at);
      all.set(value, at);
      at += value.length;
      buffer = value.buffer;
    }
  };
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all = new Uint8Array(BYTES);
  let at = 0;
  for await (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all.subarray(0, at);
}

/** As `assertEquals`, which takes seconds for so many. */
function equal(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left.buffer, left.byteOffset, left.length).equals(right);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
