// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { assertOsError, type ContractCases } from "./net_contract_case.ts";
import { startEchoServer } from "./servers.ts";
import { patternBytes, readExactly, writeAll } from "./transfer.ts";

/** What holds for TCP over IPv6, on a machine that has `::1`. */
export const ipv6Cases: ContractCases = {
  "listen() and connect() speak IPv6": async ({ api }) => {
    const listener = api.listen({ hostname: "::1", port: 0 });
    await using _server = startEchoServer(listener);
    using conn = await api.connect({ hostname: "::1", port: listener.addr.port });
    await writeAll(conn, patternBytes(10_000));
    assertEquals(await readExactly(conn, 10_000), patternBytes(10_000));
    const { port } = listener.addr;
    assertEquals({ ...listener.addr }, { hostname: "::1", port, transport: "tcp" });
    assertEquals({ ...conn.remoteAddr }, { hostname: "::1", port, transport: "tcp" });
    assertEquals(conn.localAddr.hostname, "::1");
  },

  "listen() and connect() take an IPv6 address in brackets": async ({ api }) => {
    using listener = api.listen({ hostname: "[::1]", port: 0 });
    using conn = await api.connect({ hostname: "[::1]", port: listener.addr.port });
    assertEquals(listener.addr.hostname, "::1");
    assertEquals(conn.remoteAddr.hostname, "::1");
  },

  "listen() on :: serves IPv4 too and reports mapped addresses": async ({ api }) => {
    using listener = api.listen({ hostname: "::", port: 0 });
    using conn = await api.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using accepted = await listener.accept();
    assertEquals(listener.addr.hostname, "::");
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
    assertEquals(accepted.localAddr.hostname, "::ffff:127.0.0.1");
    assertEquals(accepted.remoteAddr.hostname, "::ffff:127.0.0.1");
  },

  "connect() rejects with ConnectionRefused when nothing listens on IPv6": async ({ api }) => {
    const listener = api.listen({ hostname: "::1", port: 0 });
    listener.close();
    const { port } = listener.addr;
    const error = await assertRejects(() => api.connect({ hostname: "::1", port }));
    assertOsError(error, Deno.errors.ConnectionRefused, "ECONNREFUSED");
  },
};
