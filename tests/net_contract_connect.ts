// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { assertOsError, type ContractCases } from "./net_contract_case.ts";
import type { NetApi } from "./servers.ts";

/** A port that was free a moment ago, so that nothing listens on it. */
function unusedPort(api: NetApi): number {
  using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What `connect` makes of options that its types forbid. */
async function connectError(api: NetApi, options?: unknown): Promise<unknown> {
  return await assertRejects(() => api.connect(options as Deno.ConnectOptions));
}

const reachCases: ContractCases = {
  "connect() goes to 127.0.0.1 when no hostname is given": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ port: listener.addr.port });
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
    assertEquals(conn.remoteAddr.port, listener.addr.port);
  },

  "connect() takes the transport by name": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0, transport: "tcp" });
    using conn = await api.connect({ ...listener.addr, transport: "tcp" });
    assertEquals(conn.remoteAddr.transport, "tcp");
  },

  "connect() finds localhost": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ hostname: "localhost", port: listener.addr.port });
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
  },

  "connect() without a choice of address families finds localhost": async ({ api }) => {
    using listener = api.listen({ hostname: "localhost", port: 0 });
    using conn = await api.connect({
      hostname: "localhost",
      port: listener.addr.port,
      autoSelectFamily: false,
    });
    assertEquals(conn.remoteAddr.port, listener.addr.port);
  },

  "connect() succeeds before anyone calls accept()": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ port: listener.addr.port });
    assertEquals(await conn.write(new Uint8Array(4)), 4);
    using accepted = await listener.accept();
    assertEquals(await accepted.read(new Uint8Array(8)), 4);
  },

  "connect() rejects with ConnectionRefused when nothing listens": async ({ api }) => {
    const error = await connectError(api, { port: unusedPort(api) });
    assertOsError(error, Deno.errors.ConnectionRefused, "ECONNREFUSED");
  },

  "connect() rejects with ConnectionRefused when no address of a name answers": async ({ api }) => {
    const error = await connectError(api, { hostname: "localhost", port: unusedPort(api) });
    assertOsError(error, Deno.errors.ConnectionRefused, "ECONNREFUSED");
  },

  "connect() rejects with a plain Error when the name is unknown": async ({ api }) => {
    const error = await connectError(api, { hostname: "nothing.invalid", port: 80 });
    assertInstanceOf(error, Error);
    assertEquals(error.name, "Error");
    assertMatch(error.message, /^failed to lookup address information: /);
  },
};

const optionCases: ContractCases = {
  "connect() rejects with RangeError when the port is out of range": async ({ api }) => {
    for (const port of [-1, 0, 65536]) {
      assertInstanceOf(await connectError(api, { port }), RangeError);
    }
  },

  "connect() rejects with TypeError when the port is no whole number": async ({ api }) => {
    for (const port of [undefined, null, NaN, Infinity, 1.5, "x"]) {
      assertInstanceOf(await connectError(api, { port }), TypeError);
    }
  },

  "connect() takes the port as text": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ port: String(listener.addr.port) as unknown as number });
    assertEquals(conn.remoteAddr.port, listener.addr.port);
  },

  "connect() rejects with TypeError when given no options": async ({ api }) => {
    assertInstanceOf(await connectError(api), TypeError);
    assertInstanceOf(await connectError(api, {}), TypeError);
  },

  // Deno means to throw TypeError and trips over an undeclared name on the way.
  "connect() rejects with TypeError or ReferenceError when the transport is unknown": async (
    { api },
  ) => {
    for (const transport of ["udp", "unixpacket", "pigeon"]) {
      const error = await connectError(api, { transport, port: 80, path: "/tmp/pigeon" });
      assert(error instanceof TypeError || error instanceof ReferenceError);
    }
  },

  "connect() rejects with URIError when the hostname is empty or holds a blank": async (
    { api },
  ) => {
    for (const hostname of ["", "a b"]) {
      assertInstanceOf(await connectError(api, { hostname, port: 80 }), URIError);
    }
  },
};

const abortCases: ContractCases = {
  "connect() rejects with the signal's reason when it is aborted already": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    for (const reason of [new Error("Mine"), "text"]) {
      const signal = AbortSignal.abort(reason);
      const error = await api.connect({ port, signal }).catch((error: unknown) => error);
      assertStrictEquals(error, reason);
    }
  },

  "connect() rejects with AbortError when the signal has no reason": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const signal = AbortSignal.abort();
    const error = await connectError(api, { port: listener.addr.port, signal });
    assertInstanceOf(error, DOMException);
    assertEquals(error.name, "AbortError");
  },

  "connect() looks at the signal before the options": async ({ api }) => {
    const reason = new Error("Mine");
    const error = await connectError(api, { port: -1, signal: AbortSignal.abort(reason) });
    assertStrictEquals(error, reason);
  },

  "connect() rejects with the signal's reason when aborted in the same turn": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    const connecting = api.connect({ port: listener.addr.port, signal: abort.signal });
    const reason = new Error("Mine");
    abort.abort(reason);
    assertStrictEquals(await connecting.catch((error: unknown) => error), reason);
  },

  "connect() rejects with the signal's reason when aborted while it waits": async ({ api }) => {
    await using full = await fullListener(api);
    const abort = new AbortController();
    const connecting = api.connect({ port: full.port, signal: abort.signal });
    const reason = new Error("Mine");
    setTimeout(() => abort.abort(reason), 10);
    assertStrictEquals(await connecting.catch((error: unknown) => error), reason);
  },

  "connect() rejects with TimeoutError when the signal is a timeout": async ({ api }) => {
    await using full = await fullListener(api);
    const signal = AbortSignal.timeout(10);
    const error = await connectError(api, { port: full.port, signal });
    assertInstanceOf(error, DOMException);
    assertEquals(error.name, "TimeoutError");
  },

  "connect() forgets the signal once it has connected": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    using conn = await api.connect({ port: listener.addr.port, signal: abort.signal });
    using accepted = await listener.accept();
    abort.abort();
    await accepted.write(new Uint8Array(2));
    assertEquals(await conn.read(new Uint8Array(8)), 2);
  },
};

/** How to open a TCP connection, and how that fails. */
export const connectCases: ContractCases = { ...reachCases, ...optionCases, ...abortCases };

/**
 * A listener whose queue is full, so that the next `connect` waits for a long time: Linux holds one
 * connection more than the backlog and then drops every SYN.
 */
async function fullListener(api: NetApi): Promise<AsyncDisposable & { port: number }> {
  const stack = new AsyncDisposableStack();
  const listener = stack.use(api.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 }));
  const { port } = listener.addr;
  stack.use(await api.connect({ port }));
  stack.use(await api.connect({ port }));
  return { port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
