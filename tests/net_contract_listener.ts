// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { assertClosed, type ContractCases } from "./net_contract_case.ts";
import { connectedPair, connectTo, listenOnLoopback } from "./servers.ts";
import { readExactly } from "./transfer.ts";

const { BadResource, Busy } = Deno.errors;
const DONE: IteratorResult<unknown> = { value: undefined, done: true };

const acceptCases: ContractCases = {
  "accept() gives connections in the order of arrival": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    using stack = new DisposableStack();
    for (let i = 0; i < 5; i++) {
      const conn = stack.use(await connectTo(api, listener.addr));
      await conn.write(new Uint8Array([i]));
    }
    for (let i = 0; i < 5; i++) {
      using accepted = await listener.accept();
      assertEquals(await readExactly(accepted, 1), new Uint8Array([i]));
    }
  },

  "accept() rejects with Busy while another waits, which goes on": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    const first = listener.accept();
    await assertRejects(() => listener.accept(), Busy);
    using conn = await connectTo(api, listener.addr);
    using accepted = await first;
    await conn.write(new Uint8Array([1]));
    assertEquals(await readExactly(accepted, 1), new Uint8Array([1]));
  },

  "accept() rejects with Busy on an unreferenced listener too": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    const first = listener.accept().catch((error: unknown) => error);
    listener.unref();
    await assertRejects(() => listener.accept(), Busy);
    listener.close();
    assertInstanceOf(await first, BadResource);
  },

  "accept() rejects with BadResource when the listener is closed under it": async (
    { api, family },
  ) => {
    using listener = listenOnLoopback(api, family);
    const accepting = listener.accept();
    listener.close();
    await assertRejects(() => accepting, BadResource, "Listener has been closed");
  },

  "accept() rejects with BadResource when the listener is closed": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    listener.close();
    await assertRejects(() => listener.accept(), BadResource, "Listener has been closed");
  },
};

const iteratorCases: ContractCases = {
  "for await gives every connection and ends when the listener is closed": async (
    { api, family },
  ) => {
    using listener = listenOnLoopback(api, family);
    const iterating = countConnections();
    for (let i = 0; i < 3; i++) {
      using conn = await connectTo(api, listener.addr);
      assertEquals(await conn.read(new Uint8Array(8)), null);
    }
    listener.close();
    assertEquals(await iterating, 3);

    async function countConnections() {
      let count = 0;
      for await (const conn of listener) {
        conn.close();
        count++;
      }
      return count;
    }
  },

  "for await closes the listener when left by break": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    using _conn = await connectTo(api, listener.addr);
    for await (const conn of listener) {
      conn.close();
      break;
    }
    assertClosed(listener);
    await assertRejects(() => listener.accept(), BadResource);
  },

  "for await closes the listener when left by an error": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    using _conn = await connectTo(api, listener.addr);
    await assertRejects(
      async () => {
        for await (const conn of listener) {
          conn.close();
          throw new RangeError("Mine");
        }
      },
      RangeError,
      "Mine",
    );
    assertClosed(listener);
  },

  "next() ends the iteration when the listener is closed under it": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    const iterator = listener[Symbol.asyncIterator]();
    const next = iterator.next();
    listener.close();
    assertEquals(await next, DONE);
    assertEquals(await iterator.next(), DONE);
  },

  "next() ends the iteration when the listener is closed": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    listener.close();
    assertEquals(await listener[Symbol.asyncIterator]().next(), DONE);
    assertEquals(await listener[Symbol.asyncIterator]().next(), DONE);
  },

  "next() rejects with Busy while another waits": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    const iterator = listener[Symbol.asyncIterator]();
    const first = iterator.next();
    await assertRejects(() => iterator.next(), Busy);
    listener.close();
    assertEquals(await first, DONE);
  },

  "return() closes the listener and gives the value back": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    const iterator = listener[Symbol.asyncIterator]();
    assertEquals<unknown>(await iterator.return?.(5), { value: 5, done: true });
    assertClosed(listener);
  },
};

const closeCases: ContractCases = {
  "listener.close() throws BadResource the second time": ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    listener.close();
    assertClosed(listener);
  },

  "listener[Symbol.dispose]() closes, and never throws": async ({ api, family }) => {
    const listener = listenOnLoopback(api, family);
    listener[Symbol.dispose]();
    listener[Symbol.dispose]();
    await assertRejects(() => listener.accept(), BadResource);
  },

  "using closes a listener at the end of its block": async ({ api, family }) => {
    const outer = listenOnLoopback(api, family);
    const accepting = outer.accept();
    {
      using _listener = outer;
    }
    await assertRejects(() => accepting, BadResource);
    assertClosed(outer);
  },

  "listener.close() leaves accepted connections open": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.listener.close();
    await pair.client.write(new Uint8Array([1]));
    assertEquals(await readExactly(pair.server, 1), new Uint8Array([1]));
  },

  "listener.close() ends connections that nobody accepted": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    using conn = await connectTo(api, listener.addr);
    listener.close();
    const end = await conn.read(new Uint8Array(8)).catch((error: unknown) => error);
    if (end !== null) assertInstanceOf(end, Deno.errors.ConnectionReset);
  },

  "connect() is refused or finds nothing after listener.close()": async ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    listener.close();
    await assertRejects(() => connectTo(api, listener.addr));
  },

  "listener.ref() and listener.unref() may be called at any time": ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    listener.unref();
    listener.ref();
    listener.close();
    listener.unref();
    listener.ref();
  },

  "listener.addr is the same object each time and names its transport": ({ api, family }) => {
    using listener = listenOnLoopback(api, family);
    assertStrictEquals(listener.addr, listener.addr);
    assertEquals(listener.addr.transport, family);
  },
};

/** What holds for a listener, TCP or Unix. */
export const listenerCases: ContractCases = { ...acceptCases, ...iteratorCases, ...closeCases };
