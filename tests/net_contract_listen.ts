// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { assertOsError, type ContractCases } from "./net_contract_case.ts";
import type { NetApi } from "./servers.ts";

/** Documentation address (RFC 5737) that no machine has. */
const FOREIGN_ADDRESS = "203.0.113.77";

/** What `listen` makes of options, its types allowing them or not. */
function listenError(api: NetApi, options?: unknown): unknown {
  return assertThrows(() => api.listen(options as Deno.TcpListenOptions));
}

/** How to listen on TCP, and how that fails. */
export const listenCases: ContractCases = {
  "listen() assigns a port when asked for port 0": ({ api }) => {
    using first = api.listen({ hostname: "127.0.0.1", port: 0 });
    using second = api.listen({ hostname: "127.0.0.1", port: 0 });
    assert(first.addr.port > 0 && second.addr.port > 0);
    assertNotEquals(first.addr.port, second.addr.port);
  },

  "listen() takes every address when no hostname is given": async ({ api }) => {
    using listener = api.listen({ port: 0 });
    assertEquals(listener.addr.hostname, "0.0.0.0");
    using conn = await api.connect({ port: listener.addr.port });
    using accepted = await listener.accept();
    assertEquals(accepted.localAddr.hostname, "127.0.0.1");
    assertEquals(conn.localAddr.hostname, "127.0.0.1");
  },

  "listen() takes undefined for options left out": ({ api }) => {
    const options = { hostname: undefined, port: undefined };
    using listener = api.listen(options as unknown as Deno.TcpListenOptions);
    assertEquals(listener.addr.hostname, "0.0.0.0");
    assert(listener.addr.port > 0);
  },

  "listen() needs no options but an object": ({ api }) => {
    using listener = api.listen({});
    assert(listener.addr.port > 0);
    assertInstanceOf(listenError(api), TypeError);
  },

  "listen() reports the address it found for a name": ({ api }) => {
    using listener = api.listen({ hostname: "localhost", port: 0 });
    assert(["127.0.0.1", "::1"].includes(listener.addr.hostname));
  },

  "listen() takes the port as text": ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: "0" as unknown as number });
    assert(listener.addr.port > 0);
  },

  "listen() throws RangeError when the port is out of range": ({ api }) => {
    for (const port of [-1, 65536]) assertInstanceOf(listenError(api, { port }), RangeError);
  },

  "listen() throws TypeError when the port is no whole number": ({ api }) => {
    for (const port of [NaN, Infinity, 1.5, "x"]) {
      assertInstanceOf(listenError(api, { port }), TypeError);
    }
  },

  // Deno means to throw TypeError and trips over an undeclared name on the way.
  "listen() throws TypeError or ReferenceError when the transport is unknown": ({ api }) => {
    for (const transport of ["udp", "unixpacket", "pigeon"]) {
      const error = listenError(api, { transport, port: 0, path: "/tmp/pigeon" });
      assert(error instanceof TypeError || error instanceof ReferenceError);
    }
  },

  "listen() throws URIError when the hostname is empty": ({ api }) => {
    assertInstanceOf(listenError(api, { hostname: "", port: 0 }), URIError);
  },

  "listen() throws a plain Error when the name is unknown": ({ api }) => {
    const error = listenError(api, { hostname: "nothing.invalid", port: 0 });
    assertInstanceOf(error, Error);
    assertEquals(error.name, "Error");
  },

  "listen() throws AddrNotAvailable when the address is another machine's": ({ api }) => {
    const error = listenError(api, { hostname: FOREIGN_ADDRESS, port: 0 });
    assertOsError(error, Deno.errors.AddrNotAvailable, "EADDRNOTAVAIL");
  },

  "listen() throws AddrInUse when the port is taken": ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    assertOsError(listenError(api, { hostname, port }), Deno.errors.AddrInUse, "EADDRINUSE");
  },

  "listen() can have the port again at once after close()": async ({ api }) => {
    const { hostname, port } = await serveOneAndClose(api, { hostname: "127.0.0.1", port: 0 });
    assertEquals((await serveOneAndClose(api, { hostname, port })).port, port);
  },

  "listen() can have the port again after close() under a pending accept()": async ({ api }) => {
    const listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = listener.accept().catch(() => {});
    listener.close();
    await accepting;
    api.listen({ hostname: "127.0.0.1", port: listener.addr.port }).close();
  },
};

/** Leaves the server's side of a connection in TIME_WAIT, which must not block the port. */
async function serveOneAndClose(
  api: NetApi,
  options: Deno.TcpListenOptions,
): Promise<Deno.NetAddr> {
  using listener = api.listen(options);
  using conn = await api.connect({ port: listener.addr.port });
  using accepted = await listener.accept();
  await accepted.closeWrite();
  assertEquals(await conn.read(new Uint8Array(8)), null);
  return listener.addr;
}
