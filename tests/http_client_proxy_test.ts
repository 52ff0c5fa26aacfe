// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { connectHttpProxy, HttpClient, serve } from "../http/mod.ts";
import { ProxyEnvironment } from "../http/proxy_environment.ts";
import { engineInfo } from "../io/engine_info.ts";
import { ConnectionPool, type Endpoint } from "../net/mod.ts";
import { ok, WireServer } from "./http_fetch_contract_case.ts";
import { ProxyServer } from "./http_proxy_server.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";
import { pki } from "./tls_pki.ts";
import "./tls_warm_up.ts";

const ENGINE_RUN = "PHOTON_HTTP_CLIENT_PROXY_RUN";

leakTest("HttpClient sends whole URLs to a proxy, and its login there only", async () => {
  await using server = new WireServer(() => ok("ok"));
  await using proxy = new ProxyServer(server.port, "user:secret");
  using client = new HttpClient({ proxy: `http://user:secret@127.0.0.1:${proxy.port}` });
  await (await client.fetch("http://some.host/path?query")).text();
  assertEquals(proxy.requests[0]!.line, "GET http://some.host/path?query HTTP/1.1");
  assertEquals(server.requests[0]!.headers.host, "some.host");
});

leakTest("HttpClient tunnels TLS through a proxy, which sees no more than the host", async () => {
  const { ca, localhost: { cert, key } } = await pki();
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} };
  await using server = serve(options, ({ headers }) => new Response(JSON.stringify([...headers])));
  await using proxy = new ProxyServer(server.addr.port, "user:secret");
  const { port } = proxy;
  using client = new HttpClient({ caCerts: [ca], proxy: `http://user:secret@127.0.0.1:${port}` });
  const response = await client.fetch(`https://localhost:${server.addr.port}/path`);
  const seen = await response.text();
  assertEquals(proxy.requests[0]!.line, `CONNECT localhost:${server.addr.port} HTTP/1.1`);
  assert(!seen.includes("proxy-authorization") && !seen.includes(btoa("user:secret")));
});

leakTest("HttpClient goes through SOCKS5, which resolves the name", async () => {
  await using server = new WireServer(() => ok("ok"));
  await using proxy = new ProxyServer(server.port);
  using client = new HttpClient({ proxy: `socks5h://127.0.0.1:${proxy.port}` });
  assertEquals(await (await client.fetch("http://some.host:8080/")).text(), "ok");
  assertEquals(proxy.requests[0]!.line, "socks5 some.host:8080");
});

leakTest("HttpClient tells that a proxy wants a login, or refuses it", async () => {
  const { ca } = await pki();
  await using server = new WireServer(() => ok("ok"));
  await using proxy = new ProxyServer(server.port, "user:secret");
  using plain = new HttpClient({ proxy: `http://127.0.0.1:${proxy.port}`, caCerts: [ca] });
  assertEquals((await plain.fetch("http://some.host/")).status, 407);
  const error = await assertRejects(() => plain.fetch("https://some.host/"), TypeError);
  assertInstanceOf(error.cause, Deno.errors.PermissionDenied);
});

leakTest("HttpClient tells that nobody listens where the proxy should be", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  using client = new HttpClient({ proxy: `http://127.0.0.1:${port}` });
  const error = await assertRejects(() => client.fetch("http://some.host/"), TypeError);
  assertInstanceOf(error.cause, Deno.errors.ConnectionRefused);
});

leakTest("connectHttpProxy() dials for a pool", async () => {
  await using server = new WireServer(() => ok("ok"));
  await using proxy = new ProxyServer(server.port);
  const place = { hostname: "127.0.0.1", port: proxy.port };
  await using pool = new ConnectionPool({
    connect: (_: Endpoint, signal) =>
      connectHttpProxy({ proxy: place, hostname: "some.host", port: 80, signal }),
  });
  using lease = await pool.acquire({ port: 80 });
  await lease.conn.writeAll(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const answered = new Uint8Array(15);
  await lease.conn.readFull(answered);
  assertEquals(new TextDecoder().decode(answered), "HTTP/1.1 200 OK");
  lease.discard();
});

Deno.test("ProxyEnvironment reads what the environment says", () => {
  const variables: Record<string, string> = {
    ["http_proxy"]: "first:1",
    HTTP_PROXY: "second:2",
    HTTPS_PROXY: "http://secure:3",
    NO_PROXY: "localhost, .example.com,10.0.0.0/8,other.net:81,::1",
  };
  const environment = new ProxyEnvironment((name) => variables[name]);
  const proxyFor = (host: string, port = 80) => environment.proxyFor(false, host, port);
  assertEquals(proxyFor("some.host"), "http://first:1");
  assertEquals(environment.proxyFor(true, "some.host", 443), "http://secure:3");
  for (const host of ["localhost", "example.com", "a.example.com", "10.1.2.3", "::1"]) {
    assertEquals(proxyFor(host), null, host);
  }
  assertEquals([proxyFor("other.net", 81), proxyFor("other.net")], [null, "http://first:1"]);
  assertEquals(proxyFor("notexample.com"), "http://first:1");
});

Deno.test("ProxyEnvironment takes no proxy from a request to a CGI program", () => {
  const variables: Record<string, string> = { HTTP_PROXY: "evil:1", REQUEST_METHOD: "GET" };
  const environment = new ProxyEnvironment((name) => variables[name]);
  assertEquals(environment.proxyFor(false, "some.host", 80), null);
});

if (!Deno.env.has(ENGINE_RUN) && engineInfo().engine === "uring") {
  Deno.test("proxies are the same with PHOTON_ENGINE=deno", () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    return runTestFiles(["tests/http_client_proxy_test.ts"], env, 120_000);
  });
}
