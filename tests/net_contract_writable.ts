// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { assertClosed, type ContractCases } from "./net_contract_case.ts";
import { connectedPair } from "./servers.ts";
import { patternBytes, readToEnd, utf8 } from "./transfer.ts";

const { BadResource, Interrupted } = Deno.errors;

/** What holds for the writable stream of a connection. */
export const writableCases: ContractCases = {
  "writable is the same stream each time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    assertStrictEquals(pair.client.writable, pair.client.writable);
    assert(pair.client.writable instanceof WritableStream);
  },

  "writable has room for one chunk": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const writer = pair.client.writable.getWriter();
    assertEquals(writer.desiredSize, 1);
    await writer.ready;
  },

  "writable sends many chunks in order": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const pieces = Array.from({ length: 1000 }, (_, i) => patternBytes(1024, i));
    const writer = pair.client.writable.getWriter();
    const writes = Promise.all([...pieces.map((piece) => writer.write(piece)), writer.close()]);
    assertEquals(await readToEnd(pair.server), await new Blob(pieces).bytes());
    await writes;
  },

  "writable sends all of a chunk larger than the kernel's buffers": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const sent = patternBytes(8 * 1024 * 1024);
    const writer = pair.client.writable.getWriter();
    const writes = Promise.all([writer.write(sent), writer.close()]);
    assertEquals(await readToEnd(pair.server), sent);
    await writes;
  },

  "writable.close() sends what was written and closes the connection": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const writer = pair.client.writable.getWriter();
    await writer.write(utf8("last words"));
    await writer.close();
    assertClosed(pair.client);
    assertEquals(await readToEnd(pair.server), utf8("last words"));
  },

  "writable.close() interrupts a pending read": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const reading = assertRejects(() => pair.client.read(new Uint8Array(8)), Interrupted);
    await pair.client.writable.close();
    await reading;
  },

  "writable.close() resolves after readable has ended": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.server.closeWrite();
    const writer = pair.client.writable.getWriter();
    assertEquals((await pair.client.readable.getReader().read()).done, true);
    await writer.close();
  },

  "writable.abort() closes the connection": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.client.writable.abort("enough");
    assertClosed(pair.client);
    assertEquals(await pair.server.read(new Uint8Array(8)), null);
  },

  "writable rejects with the reason of its abort": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const writer = pair.client.writable.getWriter();
    const closed = writer.closed.catch((error: unknown) => error);
    await writer.abort("enough");
    assertEquals(await writer.write(utf8("x")).catch((error: unknown) => error), "enough");
    assertEquals(await closed, "enough");
  },

  "writable fails with TypeError on text and closes the connection": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const writer = pair.client.writable.getWriter();
    const closed = assertRejects(() => writer.closed, TypeError);
    await assertRejects(() => writer.write("text" as unknown as Uint8Array), TypeError);
    await closed;
    assertClosed(pair.client);
  },

  "writable of a closed connection fails with BadResource": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    const writer = pair.client.writable.getWriter();
    const closed = assertRejects(() => writer.closed, BadResource);
    await assertRejects(() => writer.write(utf8("x")), BadResource);
    await closed;
  },

  "writable fails with BadResource after readable.cancel()": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const writer = pair.client.writable.getWriter();
    const closed = assertRejects(() => writer.closed, BadResource);
    await pair.client.readable.cancel();
    await assertRejects(() => writer.write(utf8("x")), BadResource);
    await closed;
  },
};
