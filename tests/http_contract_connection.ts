// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { get, type HttpCases, pause, post, request, withClient } from "./http_contract_case.ts";

// Data: requests that are refused, and the connection with them.
// deno-fmt-ignore
const REFUSED: readonly (readonly [string, string])[] = [
  ["a line that is no request",          "BAD\r\n\r\n"],
  ["a request without a version",        "GET /\r\n\r\n"],
  ["a field without a colon",            get("/", "abc")],
  ["a blank before the colon",           get("/", "A : b")],
  ["a folded field",                     get("/", "A: b", " c")],
  ["an empty field name",                get("/", ": b")],
  ["NUL in a field",                     get("/", "A: b\0c")],
  ["a control character in the target",  get("/\x01")],
  ["a length and chunks at once",        request("POST", "/", ["Content-Length: 3", "Transfer-Encoding: chunked"]) + "0\r\n\r\n"],
  ["a length that is no number",         request("POST", "/", ["Content-Length: 3x"]) + "abc"],
  ["a negative length",                  request("POST", "/", ["Content-Length: -3"])],
  ["two lengths that differ",            request("POST", "/", ["Content-Length: 3", "Content-Length: 4"]) + "abc"],
  ["a target of 100 000 octets",         get("/" + "a".repeat(100_000))],
];

function refusals(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, text] of REFUSED) {
    cases[`serve() refuses ${name}, and ends the connection`] = async (serve) => {
      let handled = 0;
      await withClient(serve, () => {
        handled++;
        return new Response("ok");
      }, async (client) => {
        await client.send(text).catch(() => {});
        const { status, body, headers } = await client.response();
        assert(status >= 400 && status < 500, `${status}`);
        assertEquals([body, headers.connection], ["", "close"]);
        assertEquals(await client.rest(), "");
      });
      assertEquals(handled, 0);
    };
  }
  return cases;
}

// Data: whether the connection goes on after a request, by version and `Connection`.
// deno-fmt-ignore
const PERSISTENCE: readonly (readonly [string, string, boolean])[] = [
  ["HTTP/1.1",                                   "GET / HTTP/1.1\r\nHost: a\r\n\r\n",                              true],
  ["HTTP/1.1 with Connection: keep-alive",       "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",    true],
  ["HTTP/1.1 with Connection: close",            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",         false],
  ["HTTP/1.1 with Connection: x, Close",         "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",      false],
  ["HTTP/1.0",                                   "GET / HTTP/1.0\r\n\r\n",                                         false],
  ["HTTP/1.0 with Connection: keep-alive",       "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",               true],
];

function persistence(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, text, goesOn] of PERSISTENCE) {
    cases[`serve() ${goesOn ? "goes on" : "ends the connection"} after ${name}`] = (serve) =>
      withClient(serve, () => new Response("ok"), async (client) => {
        assertEquals((await client.ask(text)).body, "ok");
        if (!goesOn) return assertEquals(await client.rest(), "");
        assertEquals((await client.ask(text)).body, "ok");
      });
  }
  return cases;
}

/** Behaviours of a connection. */
export const connectionCases: HttpCases = {
  ...refusals(),
  ...persistence(),

  "serve() answers pipelined requests in order": (serve) =>
    withClient(serve, async ({ url }) => {
      const path = new URL(url).pathname;
      if (path === "/slow") await pause(20);
      return new Response(path);
    }, async (client) => {
      await client.send(get("/slow") + get("/a") + post("/b", "xyz") + get("/c"));
      for (const path of ["/slow", "/a", "/b", "/c"]) {
        assertEquals((await client.response()).body, path);
      }
    }),
  "serve() answers a hundred pipelined requests": (serve) =>
    withClient(serve, ({ url }) => new Response(url.slice(-3)), async (client) => {
      await client.send(Array.from({ length: 100 }, (_, i) => get(`/${100 + i}`)).join(""));
      for (let i = 0; i < 100; i++) assertEquals((await client.response()).body, String(100 + i));
    }),
  "serve() reads a request that comes octet by octet": (serve) =>
    withClient(serve, ({ url }) => new Response(url), async (client) => {
      for (const octet of get("/x", "A: b")) await client.send(octet);
      assertEquals((await client.response()).body, "http://example.com/x");
    }),
  "serve() passes over an empty line before a request": (serve) =>
    withClient(serve, () => new Response("ok"), async (client) => {
      assertEquals((await client.ask("\r\n" + get("/"))).body, "ok");
    }),
  "serve() goes on after a body that the handler has read": (serve) =>
    withClient(serve, async (request) => new Response(await request.text()), async (client) => {
      for (const body of ["a", "", "b".repeat(100_000), "c"]) {
        assertEquals((await client.ask(post("/", body))).body, body);
      }
    }),
  "serve() goes on after a body that came and was not read": (serve) =>
    withClient(serve, () => new Response("ok"), async (client) => {
      assertEquals((await client.ask(post("/", "abc"))).body, "ok");
      assertEquals((await client.ask(get("/"))).body, "ok");
    }),
  "serve() ends the connection when a body is not read and has not come": (serve) =>
    withClient(serve, () => new Response("ok"), async (client) => {
      await client.send(request("POST", "/", ["Content-Length: 100"]) + "abc");
      const { body, headers } = await client.response();
      assertEquals([body, headers.connection], ["ok", "close"]);
    }),
  "serve() says 100 Continue when the body is asked for": (serve) =>
    withClient(serve, async (request) => new Response(await request.text()), async (client) => {
      const head = request("POST", "/", ["Content-Length: 3", "Expect: 100-continue"]);
      assertEquals((await client.ask(head)).statusLine, "HTTP/1.1 100 Continue");
      await client.send("abc");
      assertEquals((await client.response()).body, "abc");
    }),
  "serve() passes over other expectations": (serve) =>
    withClient(serve, () => new Response("ok"), async (client) => {
      assertEquals((await client.ask(get("/", "Expect: 200-ok"))).body, "ok");
    }),
  "serve() answers HTTP/1.0 in its version": (serve) =>
    withClient(serve, () => new Response("ok"), async (client) => {
      assertEquals((await client.ask("GET / HTTP/1.0\r\n\r\n")).statusLine, "HTTP/1.0 200 OK");
    }),
  "serve() ends a stream to HTTP/1.0 with the connection": (serve) =>
    withClient(serve, () => new Response(new Blob(["abc"]).stream()), async (client) => {
      const { headers, body } = await client.ask("GET / HTTP/1.0\r\n\r\n");
      assertEquals([headers["transfer-encoding"], body], [undefined, "abc"]);
    }),
  "serve() takes a handler's Connection: close": (serve) =>
    withClient(
      serve,
      () => new Response("x", { headers: { connection: "close" } }),
      async (client) => {
        const { headers, body } = await client.ask(get("/"));
        assertEquals([headers.connection, body], ["close", "x"]);
      },
    ),
  "serve() reads upper and lower case in framing fields": (serve) =>
    withClient(serve, async (request) => new Response(await request.text()), async (client) => {
      const head = request("POST", "/", ["tRANSFER-eNCODING: cHUNKED"]);
      assertEquals((await client.ask(head + "3\r\nabc\r\n0\r\n\r\n")).body, "abc");
    }),
  "serve() reads upper and lower case in chunk sizes": (serve) =>
    withClient(serve, async (request) => new Response(await request.text()), async (client) => {
      const head = request("POST", "/", ["Transfer-Encoding: chunked"]);
      const chunks = `A\r\n${"x".repeat(10)}\r\nb\r\n${"y".repeat(11)}\r\n0\r\n\r\n`;
      assertEquals((await client.ask(head + chunks)).body, "x".repeat(10) + "y".repeat(11));
    }),
  "serve() passes over trailers": (serve) =>
    withClient(serve, async (request) => new Response(await request.text()), async (client) => {
      const head = request("POST", "/", ["Transfer-Encoding: chunked"]);
      assertEquals((await client.ask(`${head}3\r\nabc\r\n0\r\nA: b\r\n\r\n`)).body, "abc");
      assertEquals((await client.ask(post("/", "next"))).body, "next");
    }),
};
