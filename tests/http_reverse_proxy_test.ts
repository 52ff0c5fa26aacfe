// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { reverseProxy, serve } from "../http/mod.ts";
import { Upstream, UpstreamSet } from "../http/proxy_upstreams.ts";
import { get, post } from "./http_contract_case.ts";
import { OPTIONS, withHandler, withProxy } from "./http_proxied.ts";
import { RawUpstream } from "./http_raw_upstream.ts";
import { leakTest } from "./leak.ts";

/** What a server saw, as JSON. */
function mirror(request: Request): Response {
  const { pathname, search } = new URL(request.url);
  return Response.json({
    method: request.method,
    target: pathname + search,
    headers: Object.fromEntries(request.headers),
  });
}

leakTest(
  "reverseProxy() passes method, target and fields on, and back",
  () =>
    withHandler((request) => {
      const response = mirror(request);
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      response.headers.set("connection", "x-private");
      response.headers.set("x-private", "1");
      response.headers.set("keep-alive", "timeout=5");
      return response;
    }, async (client) => {
      const response = await client.ask(get("/a%2Fb/../c?x=%20", "X-Own: 1", "Accept: a/b"));
      const seen = JSON.parse(response.body);
      assertEquals([seen.method, seen.headers["x-own"]], ["GET", "1"]);
      assertEquals(seen.headers.accept, "a/b");
      assertEquals(seen.headers["accept-encoding"], undefined);
      assertEquals(response.headers["set-cookie"], "a=1, b=2");
      assertEquals(response.headers["x-private"], undefined);
      assertEquals(response.headers["keep-alive"], undefined);
      const head = await client.ask(get("/").replace("GET", "HEAD"));
      assertEquals([head.status, head.body], [200, ""]);
      assert(Number(head.headers["content-length"]) > 20, head.headers["content-length"]);
    }),
);

leakTest(
  "reverseProxy() keeps what is for one connection only",
  () =>
    withHandler(mirror, async (client) => {
      const { body } = await client.ask(get(
        "/",
        ...[
          "Connection: keep-alive, X-Secret",
          "X-Secret: 1",
          "Keep-Alive: timeout=1",
          "TE: trailers",
        ],
        ...["Proxy-Connection: keep-alive", "Proxy-Authorization: Basic x", "Trailer: X-T"],
      ));
      const { headers } = JSON.parse(body);
      for (
        const name of [
          ...["x-secret", "keep-alive", "te", "proxy-connection", "proxy-authorization", "trailer"],
        ]
      ) assertEquals(headers[name], undefined, name);
    }),
);

const FORGED = [
  ...["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil"],
  ...["X-Forwarded-Anything: x", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4"],
];

leakTest(
  "reverseProxy() does not believe what a client says of where it comes from",
  () =>
    withHandler(mirror, async (client) => {
      const { headers } = JSON.parse((await client.ask(get("/", ...FORGED))).body);
      assertEquals(headers["x-forwarded-for"], "127.0.0.1");
      assertEquals(headers["x-forwarded-proto"], "http");
      assertEquals(headers["x-forwarded-host"], "example.com");
      assertEquals(headers["forwarded"], "for=127.0.0.1;proto=http;host=example.com");
      assertEquals([headers["x-forwarded-anything"], headers["x-real-ip"]], [undefined, undefined]);
      assert(headers.host.startsWith("127.0.0.1:"), headers.host);
    }),
);

leakTest(
  "reverseProxy() continues it when it is told to",
  () =>
    withHandler(mirror, async (client) => {
      const { headers } = JSON.parse((await client.ask(get("/", ...FORGED))).body);
      assertEquals(headers["x-forwarded-for"], "1.2.3.4, 127.0.0.1");
      assertEquals([headers["x-forwarded-proto"], headers["x-forwarded-host"]], ["https", "evil"]);
      assertEquals(headers.forwarded, "for=1.2.3.4, for=127.0.0.1;proto=http;host=example.com");
      assertEquals(headers.host, "example.com");
    }, { trustForwarded: true, preserveHost: true }),
);

leakTest("reverseProxy() passes compressed bodies as they are", () =>
  withHandler((request) => {
    const bytes = new Uint8Array([0x1f, 0x8b, 1, 2, 3]);
    assertEquals(request.headers.get("accept-encoding"), "gzip");
    return new Response(bytes, { headers: { "content-encoding": "gzip" } });
  }, async (client) => {
    const { headers, body } = await client.ask(get("/", "Accept-Encoding: gzip"));
    assertEquals([headers["content-encoding"], headers["content-length"]], ["gzip", "5"]);
    assertEquals(body, "\x1f\x8b\x01\x02\x03");
  }));

leakTest(
  "reverseProxy() streams both ways",
  () =>
    withHandler((request) => new Response(request.body), async (client) => {
      await client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
      );
      // The answer begins before the request has ended.
      await client.until("first");
      await client.send("6\r\nsecond\r\n");
      await client.until("second");
      await client.send("0\r\n\r\n");
      await client.until("0\r\n\r\n");
      assertEquals((await client.ask(post("/", "x".repeat(200_000)))).body.length, 200_000);
    }),
);

leakTest("reverseProxy() lets a server wait for a slow client", async () => {
  let given = 0;
  const over = Promise.withResolvers<void>();
  await withHandler(() => {
    const piece = new Uint8Array(65_536);
    return new Response(
      new ReadableStream({
        pull(controller) {
          given += piece.length;
          controller.enqueue(piece);
        },
        cancel: () => over.resolve(),
      }, { highWaterMark: 0 }),
    );
  }, async (client) => {
    await client.send(get("/"));
    await client.until("\r\n\r\n");
    await settled(() => given);
    assert(given < 40_000_000, `${given} bytes were taken for a client that reads none`);
    client[Symbol.dispose]();
    await over.promise;
  });
});

leakTest("reverseProxy() lets a client wait for a slow server", async () => {
  const go = Promise.withResolvers<void>();
  await withHandler(async (request) => {
    await go.promise;
    let length = 0;
    for await (const piece of request.body!) length += piece.length;
    return new Response(String(length));
  }, async (_, port) => {
    const total = 40_000_000;
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(head));
    let sent = 0;
    const sending = (async () => {
      const piece = new Uint8Array(100_000);
      while (sent < total) sent += await conn.write(piece.subarray(0, total - sent));
    })();
    await settled(() => sent);
    assert(sent < total, "all of a body was taken for a server that reads none");
    go.resolve();
    await sending;
    const answer = new Uint8Array(1000);
    const count = await conn.read(answer);
    const text = new TextDecoder().decode(answer.subarray(0, count!));
    assert(text.endsWith(`\r\n\r\n${total}`), text);
  });
});

/** Waits until a number stays the same for a while. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1; before !== read();) {
    before = read();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// Data: what a server does in place of an answer, and what the client gets.
// deno-fmt-ignore
const DEATHS: [name: string, answer: string | null, expected: number | "broken"][] = [
  ["closes when it is asked",        "",                                                         502],
  ["closes in its head",             "HTTP/1.1 200 OK\r\nContent-Le",                            502],
  ["sends no HTTP",                  "nonsense\r\n\r\n",                                         502],
  ["closes in a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",     "broken"],
  ["closes in a chunk",              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12", "broken"],
  ["closes between chunks",          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n", "broken"],
  ["never answers",                  null,                                                       504],
];

for (const [name, answer, expected] of DEATHS) {
  leakTest(`a server that ${name} gives ${expected}`, async () => {
    using upstream = new RawUpstream(answer);
    await withProxy([upstream.url], async (client) => {
      await client.send(get("/"));
      if (expected !== "broken") return assertEquals((await client.response()).status, expected);
      await client.until("\r\n\r\n");
      // The end of the body is not faked: the connection breaks off.
      assert(!(await client.rest()).includes("0\r\n\r\n"));
    }, { headersTimeoutMs: 200, retries: 0 });
  });
}

leakTest("a server that is not there gives 502, and none at all 503", async () => {
  await withProxy(["http://127.0.0.1:1"], async (client, proxy) => {
    for (let i = 0; i < 3; i++) assertEquals((await client.ask(get("/"))).status, 502);
    assertEquals((await client.ask(get("/"))).status, 503);
    assertEquals(proxy.upstreams()[0]!.healthy, false);
  });
});

leakTest("only what can be repeated without harm is tried elsewhere", async () => {
  using dying = new RawUpstream("");
  await using server = serve(OPTIONS, (request) => new Response(request.method));
  const upstreams = [dying.url, `http://127.0.0.1:${server.addr.port}`];
  const health = { failuresMax: 1000 };
  await withProxy(upstreams, async (client, proxy) => {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"]) {
      const statuses: number[] = [];
      for (let i = 0; i < 2; i++) {
        const request = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
        statuses.push((await client.ask(request)).status);
      }
      const idempotent = method !== "POST" && method !== "PATCH";
      assertEquals(statuses.sort(), idempotent ? [200, 200] : [200, 502], method);
    }
    assertEquals((await client.ask(post("/", "body"))).status === 502, true);
    assert(proxy.upstreams()[0]!.failures > 0);
  }, { health });
});

leakTest("health checks leave a server out, and take it back", async () => {
  let healthy = true;
  await using sick = serve(OPTIONS, ({ url }) => {
    const ok = !url.endsWith("/health") || healthy;
    return new Response("sick", { status: ok ? 200 : 500 });
  });
  await using well = serve(OPTIONS, () => new Response("well"));
  const upstreams = [sick, well].map(({ addr }) => `http://127.0.0.1:${addr.port}`);
  const health = { path: "/health", intervalMs: 20, failuresMax: 2, successesMin: 2 };
  await withProxy(upstreams, async (client, proxy) => {
    const answers = async () => {
      const bodies = new Set<string>();
      for (let i = 0; i < 4; i++) bodies.add((await client.ask(get("/"))).body);
      return [...bodies].sort();
    };
    const until = async (expected: boolean) => {
      while (proxy.upstreams()[0]!.healthy !== expected) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    assertEquals(await answers(), ["sick", "well"]);
    healthy = false;
    await until(false);
    assertEquals(await answers(), ["well"]);
    healthy = true;
    await until(true);
    assertEquals(await answers(), ["sick", "well"]);
  }, { health });
});

leakTest("reverseProxy() gives each server its turn, or the least busy, or by a key", () => {
  const health = { path: null, intervalMs: 1000, timeoutMs: 1, failuresMax: 1, successesMin: 1 };
  const all = ["a", "b", "c"].map((name) => new Upstream(new URL(`http://${name}`), health));
  const none = new Set<Upstream>();
  const turns = new UpstreamSet(all, "round-robin");
  const order = Array.from({ length: 6 }, () => turns.choose("", none)!.location.host).join("");
  assertEquals(order, "abcabc");
  all[0]!.active = 3;
  all[1]!.active = 1;
  all[2]!.active = 2;
  assertEquals(new UpstreamSet(all, "least-connections").choose("", none), all[1]);
  const circle = new UpstreamSet(all, "consistent-hash");
  const keys = Array.from({ length: 3000 }, (_, i) => `user${i}`);
  const before = keys.map((key) => circle.choose(key, none)!);
  for (const upstream of all) {
    const share = before.filter((one) => one === upstream).length / keys.length;
    assert(share > 0.2 && share < 0.47, `${share} of the keys`);
  }
  const after = keys.map((key) => circle.choose(key, new Set([all[0]!]))!);
  for (const [i, one] of before.entries()) if (one !== all[0]) assertEquals(after[i], one);
});

leakTest("reverseProxy() refuses options that make no sense", () => {
  assertThrows(() => reverseProxy({ upstreams: [] }), TypeError);
  assertThrows(() => reverseProxy({ upstreams: ["ftp://x"] }), TypeError);
  assertThrows(() => reverseProxy({ upstreams: ["http://x"], connectTimeoutMs: -1 }), RangeError);
});
