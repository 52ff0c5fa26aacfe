// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { connect, connectTls, listenTls } from "../net/mod.ts";
import { implement, RpcChannel, RpcPool, type RpcServer, serve } from "../rpc/mod.ts";
import { rejectsWith } from "./rpc_network.ts";
import { everyHandler, everything } from "./rpc_services.ts";
import { tlsTest } from "./tls_pair.ts";
import type { Pki } from "./tls_pki.ts";

function serveTls({ localhost: { cert, key } }: Pki, errors: unknown[] = []) {
  const listener = listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const { port } = listener.addr as Deno.NetAddr;
  const options = { onConnectionError: (error: unknown) => errors.push(error) };
  const server: RpcServer = serve(listener, [implement(everything, everyHandler)], options);
  return { server, port, errors };
}

async function* numbers(count: number): AsyncGenerator<{ value: number }> {
  for (let value = 0; value < count; value++) yield { value };
}

tlsTest("over TLS: calls, streams and long messages, and the server drains", async (pki) => {
  const { server, port, errors } = serveTls(pki);
  const conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  using channel = new RpcChannel(conn);
  const client = channel.client(everything);
  const texts = Array.from({ length: 1000 }, (_, index) => ({ text: `${index}` }));
  assertEquals(await Promise.all(texts.map((text) => client.echo(text))), texts);
  for (const size of [16_384, 65_536, 3_000_000]) {
    const data = new Uint8Array(size).map((_, index) => index * 7);
    assertEquals((await client.blob({ data })).data, data);
  }
  assertEquals((await Array.fromAsync(client.double(numbers(1000)))).length, 1000);
  const last = client.count({ value: 10_000 });
  assertEquals((await last.next()).value, { value: 0 });
  const gone = server.shutdown();
  assertEquals((await Array.fromAsync(last)).length, 9_999);
  await gone;
  assertEquals([server.connections, channel.usable, errors.length], [0, false, 0]);
});

tlsTest(
  "over TLS: a pool dials as it is told, and a server it cannot trust is down",
  async (pki) => {
    const { server, port } = serveTls(pki);
    const dialTrusting = (caCerts: string[]) => (address: string) => {
      const { hostname, port } = new URL(`tls://${address}`);
      return connectTls({ hostname, port: Number(port), caCerts });
    };
    const servers = [`localhost:${port}`];
    using good = new RpcPool({ servers, dial: dialTrusting([pki.ca]) });
    assertEquals(await good.client(everything).echo({ text: "a" }), { text: "a" });
    using bad = new RpcPool({ servers, dial: dialTrusting([]), retry: { triesMax: 1 } });
    const error = await rejectsWith(
      "UNAVAILABLE",
      () => bad.client(everything).echo({ text: "a" }),
    );
    assert(error.unserved);
    good.close();
    await server.shutdown();
  },
);

tlsTest("over TLS: a client without TLS harms nobody", async (pki) => {
  const { server, port } = serveTls(pki);
  using plain = new RpcChannel(await connect({ hostname: "127.0.0.1", port }));
  const conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  using channel = new RpcChannel(conn);
  await rejectsWith("UNAVAILABLE", () => plain.client(everything).echo({ text: "a" }));
  assertEquals(await channel.client(everything).echo({ text: "b" }), { text: "b" });
  channel.close();
  await server.shutdown();
});
