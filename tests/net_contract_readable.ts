// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { assertClosed, type ContractCases, nextTurn } from "./net_contract_case.ts";
import { connectedPair } from "./servers.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";

/** Most bytes that one chunk of `readable` holds. */
const CHUNK_BYTES_MAX = 64 * 1024;

const { BadResource } = Deno.errors;

const chunkCases: ContractCases = {
  "readable is the same stream each time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    assertStrictEquals(pair.client.readable, pair.client.readable);
    assert(pair.client.readable instanceof ReadableStream);
  },

  "readable gives what arrives in chunks of at most 64 KiB": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const sent = patternBytes(300_000);
    const writing = writeAll(pair.server, sent).then(() => pair.server.close());
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of pair.client.readable) chunks.push(chunk);
    await writing;
    assert(chunks.every((chunk) => chunk.length > 0 && chunk.length <= CHUNK_BYTES_MAX));
    assertEquals(await new Blob(chunks).bytes(), sent);
  },

  "readable keeps the chunks it gave unchanged": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const reader = pair.client.readable.getReader();
    const chunks: Uint8Array[] = [];
    for (const text of ["one", "two", "three"]) {
      await pair.server.write(utf8(text));
      const { value } = await reader.read();
      chunks.push(value!);
    }
    assertEquals(chunks, ["one", "two", "three"].map(utf8));
  },

  "readable takes nothing before it is asked": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const { readable } = pair.client;
    await pair.server.write(utf8("mine"));
    await nextTurn();
    assertEquals(await readExactly(pair.client, 4), utf8("mine"));
    assertEquals(readable.locked, false);
  },

  "readable fills the buffers of a BYOB reader": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.server.write(utf8("abcde"));
    const reader = pair.client.readable.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(3));
    assertEquals(first.value, utf8("abc"));
    const second = await reader.read(new Uint8Array(new ArrayBuffer(10), 4, 4));
    assertEquals(second.value, utf8("de"));
    assertEquals([second.value?.byteOffset, second.value?.buffer.byteLength], [4, 10]);
  },

  "readable waits for as many bytes as a BYOB reader asks": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const reader = pair.client.readable.getReader({ mode: "byob" });
    const reading = reader.read(new Uint8Array(16), { min: 6 });
    for (const text of ["ab", "cd", "ef"]) {
      await pair.server.write(utf8(text));
      await nextTurn();
    }
    assertEquals((await reading).value, utf8("abcdef"));
  },

  "readable can be split with tee()": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const [left, right] = pair.client.readable.tee();
    const sent = patternBytes(100_000);
    const writing = writeAll(pair.server, sent).then(() => pair.server.close());
    const copies = await Promise.all([left, right].map((half) => new Response(half).bytes()));
    await writing;
    assertEquals(copies, [sent, sent]);
  },

  "readable can be piped through a transform": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.server.write(utf8("grüße"));
    pair.server.close();
    const text = pair.client.readable.pipeThrough(new TextDecoderStream());
    assertEquals((await Array.fromAsync(text)).join(""), "grüße");
  },

  "readable.pipeTo(writable) echoes until the peer ends": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const echoing = pair.server.readable.pipeTo(pair.server.writable);
    const sent = patternBytes(1024 * 1024);
    const writing = writeAll(pair.client, sent).then(() => pair.client.closeWrite());
    assertEquals(await readToEnd(pair.client), sent);
    await Promise.all([writing, echoing]);
    assertClosed(pair.server);
  },
};

const endCases: ContractCases = {
  "readable ends with the stream and closes the connection": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.server.close();
    const reader = pair.client.readable.getReader();
    assertEquals<unknown>(await reader.read(), { value: undefined, done: true });
    await reader.closed;
    assertClosed(pair.client);
  },

  "readable ends a BYOB read with an empty view and closes the connection": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    pair.server.close();
    const reader = pair.client.readable.getReader({ mode: "byob" });
    const { value, done } = await reader.read(new Uint8Array(3));
    assertEquals([value?.length, done], [0, true]);
    assertClosed(pair.client);
  },

  "readable.cancel() closes the connection": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.client.readable.cancel();
    assertClosed(pair.client);
    assertEquals(await pair.server.read(new Uint8Array(8)), null);
  },

  "readable.cancel() ends a pending read": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const reader = pair.client.readable.getReader();
    const reading = reader.read();
    await reader.cancel("enough");
    assertEquals<unknown>(await reading, { value: undefined, done: true });
    assertClosed(pair.client);
  },

  "readable closes the connection when its loop is left by break": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.server.write(utf8("x"));
    for await (const _chunk of pair.client.readable) break;
    assertClosed(pair.client);
  },

  "readable fails with BadResource when the connection is closed under it": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    const reader = pair.client.readable.getReader();
    const reading = reader.read();
    const closed = assertRejects(() => reader.closed, BadResource);
    pair.client.close();
    await assertRejects(() => reading, BadResource);
    await assertRejects(() => reader.read(), BadResource);
    await closed;
  },

  "readable of a closed connection fails with BadResource": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    const reader = pair.client.readable.getReader();
    const closed = assertRejects(() => reader.closed, BadResource);
    await assertRejects(() => reader.read(), BadResource);
    await closed;
  },
};

/** What holds for the readable stream of a connection. */
export const readableCases: ContractCases = { ...chunkCases, ...endCases };
