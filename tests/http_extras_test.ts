// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  accessLog,
  compress,
  cors,
  decompress,
  type Handler,
  HttpMetrics,
  rateLimit,
  requestId,
  requestIdOf,
  router,
  serve,
} from "../http/mod.ts";

const INFO = { remoteAddr: { hostname: "10.0.0.1" } } as unknown as Deno.ServeHandlerInfo<never>;

function ask(handler: Handler, path: string, init: RequestInit = {}): Promise<Response> {
  return Promise.resolve(handler(new Request(`http://localhost${path}`, init), INFO));
}

function named(name: string): () => Response {
  return () => new Response(name);
}

// Data: method and path, and what answers: a row, or a status.
// deno-fmt-ignore
const ROUTED: readonly (readonly [string, string, string | number])[] = [
  ["GET",    "/",                 "home"],
  ["HEAD",   "/",                 "home"],
  ["POST",   "/",                 405],
  ["GET",    "/?q=1",             "home"],
  ["GET",    "/users/me",         "me"],
  ["GET",    "/users/7",          "user 7"],
  ["GET",    "/users/7/",         404],
  ["DELETE", "/users/7",          "gone 7"],
  ["PUT",    "/users/7",          405],
  ["GET",    "/files/a/b%20c",    "file a/b%20c"],
  ["PATCH",  "/any",              "any"],
  ["GET",    "/users/late",       "user late"],
  ["GET",    "/nowhere",          404],
];

Deno.test("router() answers with the first row that fits method and path", async () => {
  const handler = router([
    { method: "GET", path: "/", handler: named("home") },
    { method: "GET", path: "/users/me", handler: named("me") },
    { method: ["GET"], path: "/users/:id", handler: (_r, { id }) => new Response(`user ${id}`) },
    { method: "DELETE", path: "/users/:id", handler: (_r, { id }) => new Response(`gone ${id}`) },
    { method: "GET", path: "/files/*", handler: (_r, groups) => new Response(`file ${groups[0]}`) },
    { path: "/any", handler: named("any") },
    { method: "GET", path: "/users/late", handler: named("late") },
  ]);
  for (const [method, path, expected] of ROUTED) {
    const response = await ask(handler, path, { method });
    const text = await response.text();
    assertEquals(typeof expected === "number" ? response.status : text, expected, path);
  }
  assertEquals(
    (await ask(handler, "/users/7", { method: "PUT" })).headers.get("allow"),
    "GET, HEAD, DELETE",
  );
});

Deno.test("router() takes patterns of whole URLs, and another fallback", async () => {
  const path = new URLPattern({ hostname: "localhost", pathname: "/x" });
  const handler = router([{ path, handler: named("x") }], named("else"));
  assertEquals(await (await ask(handler, "/x")).text(), "x");
  assertEquals(await (await ask(handler, "/y")).text(), "else");
});

const LONG = "text ".repeat(1000);

Deno.test("compress() answers with what the client prefers", async () => {
  const handler = compress(() => new Response(LONG, { headers: { etag: '"1"' } }));
  for (const [accepts, coding] of [["gzip", "gzip"], ["br, gzip", "br"], ["deflate", "deflate"]]) {
    const response = await ask(handler, "/", { headers: { "accept-encoding": accepts! } });
    assertEquals(response.headers.get("content-encoding"), coding);
    assertEquals(response.headers.get("vary"), "Accept-Encoding");
    assertEquals(response.headers.get("etag"), 'W/"1"');
    const format = coding === "br" ? "brotli" as CompressionFormat : coding as CompressionFormat;
    const body = response.body!.pipeThrough(new DecompressionStream(format));
    assertEquals(await new Response(body).text(), LONG);
  }
});

Deno.test("compress() leaves alone what need not or must not be compressed", async () => {
  const headers = { "accept-encoding": "gzip" };
  const kept: readonly (() => Response)[] = [
    () => new Response(new Uint8Array(5000)),
    () => new Response(LONG, { headers: { "content-encoding": "br" } }),
    () => new Response(LONG, { headers: { "cache-control": "no-transform" } }),
    () => new Response(LONG, { headers: { "content-type": "image/png" } }),
    () => new Response(LONG, { headers: { "content-type": "text/event-stream" } }),
    () => new Response("short", { headers: { "content-length": "5" } }),
    () => new Response(LONG, { status: 206 }),
    () => new Response(null),
  ];
  for (const respond of kept) {
    const response = await ask(compress(respond), "/", { headers });
    const coding = response.headers.get("content-encoding");
    assert(coding === null || coding === "br");
    await response.body?.cancel();
  }
  const plain = await ask(compress(() => new Response(LONG)), "/");
  assertEquals([plain.headers.get("content-encoding"), await plain.text()], [null, LONG]);
});

Deno.test("compress() answers HEAD with the fields of GET, with or without content", async () => {
  const fields = { "content-type": "text/plain", "content-length": "5000", etag: '"1"' };
  const headers = { "accept-encoding": "gzip" };
  for (const content of [LONG, null]) {
    const handler = compress(() => new Response(content, { headers: fields }));
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    await using server = serve(options, handler);
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const response = await fetch(url, { method: "HEAD", headers });
    assertEquals(response.headers.get("etag"), 'W/"1"');
    assertEquals(response.headers.get("vary"), "Accept-Encoding");
    assertEquals(response.headers.get("content-length"), null);
    await response.body?.cancel();
    const direct = await ask(handler, "/", { method: "HEAD", headers });
    assertEquals(direct.headers.get("content-encoding"), "gzip");
    await direct.body?.cancel();
  }
});

Deno.test("compress() leaves HEAD alone where the status allows no content", async () => {
  const headers = { "content-type": "text/plain" };
  for (const status of [101, 204, 205]) {
    const handler = compress(() => new Response(null, { status, headers }));
    const init = { method: "HEAD", headers: { "accept-encoding": "gzip" } };
    const response = await ask(handler, "/", init);
    assertEquals([response.status, response.headers.get("content-encoding")], [status, null]);
  }
});

Deno.test("compress() confirms what it has compressed by the tag that it gave it", async () => {
  const headers = { "accept-encoding": "gzip", "if-none-match": 'W/"1"' };
  const handler = compress(() => new Response(null, { status: 304, headers: { etag: '"1"' } }));
  const known = await ask(handler, "/", { headers });
  assertEquals(known.headers.get("etag"), 'W/"1"');
  assertEquals(known.headers.get("vary"), "Accept-Encoding");
  const other = await ask(handler, "/", { headers: { "if-none-match": '"1"' } });
  assertEquals(other.headers.get("etag"), '"1"');
});

Deno.test("serve() compresses with automaticCompression", async () => {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, automaticCompression: true };
  await using server = serve(options, () => new Response(LONG));
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals(response.headers.get("vary"), "Accept-Encoding");
  assertEquals(await response.text(), LONG);
});

Deno.test("decompress() gives the content, bounds it, and refuses unknown codings", async () => {
  const handler = decompress(async (request) => new Response(await request.text()), 10_000);
  const send = (text: string, coding: string) => {
    const body = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    return ask(handler, "/", { method: "POST", body, headers: { "content-encoding": coding } });
  };
  assertEquals(await (await send(LONG, "gzip")).text(), LONG);
  await assertRejects(() => send("x".repeat(20_000), "gzip"), RangeError);
  assertEquals(await (await send(LONG, "x-gzip")).text(), LONG);
  for (const coding of ["unknown", "constructor", "__proto__", "gzip, gzip"]) {
    const refused = await send("x", coding);
    assertEquals([refused.status, refused.headers.get("accept-encoding")], [
      415,
      "br, gzip, deflate",
    ]);
  }
});

Deno.test("cors() answers preflights and adds the fields", async () => {
  const handler = cors(() => Response.redirect("http://a/"), {
    origins: ["https://a"],
    credentials: true,
    exposeHeaders: ["x-a"],
  });
  const preflight = await ask(handler, "/", {
    method: "OPTIONS",
    headers: {
      "origin": "https://a",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "x-b",
    },
  });
  assertEquals(preflight.status, 204);
  assertEquals(preflight.headers.get("access-control-allow-methods"), "PUT, PATCH, DELETE");
  assertEquals(preflight.headers.get("access-control-allow-headers"), "x-b");
  assertEquals(preflight.headers.get("access-control-max-age"), "600");
  const simple = await ask(handler, "/", { headers: { origin: "https://a" } });
  assertEquals(simple.status, 302);
  assertEquals(simple.headers.get("access-control-allow-origin"), "https://a");
  assertEquals(simple.headers.get("access-control-allow-credentials"), "true");
  assertEquals(simple.headers.get("access-control-expose-headers"), "x-a");
  const other = await ask(handler, "/", { headers: { origin: "https://b" } });
  assertEquals(other.headers.get("access-control-allow-origin"), null);
  assertEquals(other.headers.get("vary"), "Origin");
  const open = cors(() => new Response(), { origins: "*" });
  const found = await ask(open, "/", { headers: { origin: "https://c" } });
  assertEquals(found.headers.get("access-control-allow-origin"), "*");
  // A cache may give what another asked for to a page later.
  assertEquals((await ask(open, "/")).headers.get("access-control-allow-origin"), "*");
  assertThrows(() => cors(named(""), { origins: "*", credentials: true }), TypeError);
});

Deno.test("rateLimit() earns requests with time, for each client", async () => {
  let nowMs = 0;
  let client = "a";
  const handler = rateLimit(named("ok"), {
    requests: 2,
    perMs: 1000,
    now: () => nowMs,
    key: () => client,
  });
  const status = async () => (await ask(handler, "/")).status;
  assertEquals([await status(), await status(), await status()], [200, 200, 429]);
  assertEquals((await ask(handler, "/")).headers.get("retry-after"), "1");
  client = "b";
  assertEquals(await status(), 200);
  client = "a";
  nowMs = 500;
  assertEquals([await status(), await status()], [200, 429]);
  nowMs = 5000;
  assertEquals([await status(), await status(), await status()], [200, 200, 429]);
  assertThrows(() => rateLimit(named(""), { requests: 0 }), RangeError);
});

Deno.test("rateLimit() lets one through in a while where less than one is earned", async () => {
  let nowMs = 0;
  const handler = rateLimit(named("ok"), { requests: 0.5, perMs: 1000, now: () => nowMs });
  const statuses: number[] = [];
  for (; nowMs < 5000; nowMs += 1000) statuses.push((await ask(handler, "/")).status);
  assertEquals(statuses, [200, 429, 200, 429, 200]);
});

Deno.test("rateLimit() counts IPv6 clients by their /64, IPv4 ones each", async () => {
  const handler = rateLimit(named("ok"), { requests: 1, now: () => 0 });
  const status = async (hostname: string) => {
    const info = { remoteAddr: { hostname } } as unknown as Deno.ServeHandlerInfo<never>;
    return (await handler(new Request("http://localhost/"), info)).status;
  };
  const clients = [
    ...["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1", "[2001:db8::3]"],
    ...["192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "::1", "fe80::1%eth0", "fe80::2"],
  ];
  const statuses: number[] = [];
  for (const client of clients) statuses.push(await status(client));
  assertEquals(statuses, [200, 429, 200, 429, 200, 429, 200, 200, 200, 200]);
});

Deno.test("accessLog() writes a line for each request", async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  await ask(accessLog(named("ok"), { write }), '/a"b?c', { method: "POST" });
  const [, time, rest] = /^10\.0\.0\.1 - - \[(.*)\] (.*)$/.exec(lines[0]!)!;
  assertMatch(time!, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  assertEquals(rest, '"POST /a%22b?c HTTP/1.1" 200 2');
  const failing = accessLog(() => Promise.reject(new Error("x")), { format: "json", write });
  await assertRejects(() => ask(failing, "/p", { headers: { "user-agent": "u" } }), Error, "x");
  const { status, target, userAgent, method, client } = JSON.parse(lines[1]!);
  assertEquals([status, target, userAgent, method, client], [500, "/p", "u", "GET", "10.0.0.1"]);
});

Deno.test("accessLog() writes one line where writing it fails, of what was answered", async () => {
  const lines: string[] = [];
  const write = (line: string) => {
    lines.push(line);
    throw new Error("no room");
  };
  await assertRejects(() => ask(accessLog(named("ok"), { write }), "/"), Error, "no room");
  assertEquals(lines.map((line) => line.split('" ')[1]), ["200 2"]);
});

// Data: a response, and the bytes of its content in the Common Log Format and in JSON.
const COUNTED: [name: string, make: () => Response, common: string, json: number | null][] = [
  ["text", () => new Response("häl"), "4", 4],
  ["text with headers", () => new Response("häl", { headers: { a: "b" } }), "4", 4],
  ["JSON", () => Response.json([1]), "3", 3],
  ["bytes", () => new Response(new Uint8Array(7)), "7", 7],
  ["nothing", () => new Response(null, { status: 200 }), "-", 0],
  ["a stream", () => new Response(ReadableStream.from([new Uint8Array(7)])), "-", null],
  [
    "a stream with a length",
    () => new Response(ReadableStream.from([]), { headers: { "content-length": "7" } }),
    "7",
    7,
  ],
];

for (const [name, make, common, json] of COUNTED) {
  Deno.test(`accessLog() has the bytes of ${name}, which can still be sent`, async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logged = accessLog(accessLog(make, { write }), { write, format: "json" });
    const response = await ask(logged, "/");
    assertEquals(lines[0]!.split(" ").at(-1), common);
    assertEquals(JSON.parse(lines[1]!).bytes, json);
    assertEquals(response.bodyUsed, false);
    assertEquals(await response.bytes(), await make().bytes());
  });
}

Deno.test("HttpMetrics counts responses, failures and durations", async () => {
  const metrics = new HttpMetrics();
  const handler = metrics.measure((request) => {
    if (request.url.endsWith("/fail")) throw new Error("x");
    return new Response(null, { status: 404 });
  });
  await ask(handler, "/", { method: "PUT" });
  await ask(handler, "/", { method: "STRANGE" });
  await assertRejects(() => ask(handler, "/fail"));
  const { responses, failures, durations, inFlight, durationSum } = metrics.snapshot();
  assertEquals(responses, { "PUT 4xx": 1, "other 4xx": 1 });
  assertEquals([failures, inFlight, durations.at(-1)], [1, 0, 3]);
  assert(durationSum > 0);
});

Deno.test("requestId() gives an id, or takes over one that is trusted", async () => {
  const echo = (request: Request) => new Response(requestIdOf(request));
  const headers = { "x-request-id": "abc" };
  const own = await ask(requestId(echo), "/", { headers });
  assertEquals(await own.text(), own.headers.get("x-request-id"));
  assert(own.headers.get("x-request-id") !== "abc");
  const trusting = requestId(echo, { trust: true });
  assertEquals(await (await ask(trusting, "/", { headers })).text(), "abc");
  const odd = await ask(trusting, "/", { headers: { "x-request-id": "a b" } });
  assertMatch(await odd.text(), /^[0-9a-f-]{36}$/);
});

Deno.test("requestIdOf() knows the request whose content was decompressed", async () => {
  const handler = requestId(decompress((request) => new Response(requestIdOf(request))));
  const body = new Blob(["text"]).stream().pipeThrough(new CompressionStream("gzip"));
  const headers = { "content-encoding": "gzip" };
  const response = await ask(handler, "/", { method: "POST", body, headers });
  assertEquals(await response.text(), response.headers.get("x-request-id"));
});

Deno.test("the extras stand on each other and on serve()", async () => {
  const metrics = new HttpMetrics();
  const lines: string[] = [];
  const inner = router([{ path: "/", handler: named(LONG) }]);
  const handler = requestId(
    accessLog(metrics.measure(cors(compress(inner), { origins: "*" })), {
      write: (line) => void lines.push(line),
    }),
  );
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = serve(options, handler);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals(await response.text(), LONG);
  assert(response.headers.has("x-request-id"));
  assertEquals([lines.length, metrics.snapshot().responses], [1, { "GET 2xx": 1 }]);
});
