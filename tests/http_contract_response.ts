// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { get, type HttpCases, post, request, withClient } from "./http_contract_case.ts";

const encoder = new TextEncoder();

/** A stream of texts, which ends behind the last or with an error. */
function stream(texts: readonly string[], error?: Error): ReadableStream<Uint8Array<ArrayBuffer>> {
  const left = [...texts];
  return new ReadableStream({
    pull(controller) {
      const text = left.shift();
      if (text !== undefined) controller.enqueue(encoder.encode(text));
      else if (error) controller.error(error);
      else controller.close();
    },
  });
}

interface Expected {
  status?: number;
  body?: string;
  headers?: Record<string, string | undefined>;
}

// Data: what a handler gives, and what the client gets.
// deno-fmt-ignore
const RESPONSES: readonly (readonly [string, () => Response, Expected])[] = [
  ["a text", () => new Response("hi"), { body: "hi", headers: { "content-type": "text/plain;charset=UTF-8", "content-length": "2" } }],
  ["an empty text", () => new Response(""), { body: "", headers: { "content-length": "0", "content-type": "text/plain;charset=UTF-8" } }],
  ["nothing", () => new Response(), { body: "", headers: { "content-length": "0", "content-type": undefined } }],
  ["null", () => new Response(null), { body: "", headers: { "content-length": "0" } }],
  ["bytes", () => new Response(new Uint8Array([104, 105])), { body: "hi", headers: { "content-type": undefined, "content-length": "2" } }],
  ["an ArrayBuffer", () => new Response(new Uint8Array([104, 105]).buffer), { body: "hi", headers: { "content-length": "2" } }],
  ["a text beyond ASCII", () => new Response("€"), { body: "\xe2\x82\xac", headers: { "content-length": "3" } }],
  ["a long text beyond ASCII", () => new Response("é".repeat(300)), { body: "\xc3\xa9".repeat(300), headers: { "content-length": "600" } }],
  ["a text of 100 KiB", () => new Response("x".repeat(102_400)), { body: "x".repeat(102_400), headers: { "content-length": "102400" } }],
  ["bytes of 100 KiB", () => new Response(new Uint8Array(102_400).fill(120)), { body: "x".repeat(102_400), headers: { "content-length": "102400" } }],
  ["JSON", () => Response.json({ a: 1 }), { body: '{"a":1}', headers: { "content-type": "application/json" } }],
  ["JSON with a status", () => Response.json([1], { status: 201 }), { status: 201, body: "[1]", headers: { "content-type": "application/json" } }],
  ["a form", () => new Response(new URLSearchParams("a=1")), { body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" } }],
  ["a blob", () => new Response(new Blob(["hi"], { type: "a/b" })), { body: "hi", headers: { "content-type": "a/b" } }],
  ["a stream", () => new Response(stream(["a", "bc"])), { body: "abc", headers: { "transfer-encoding": "chunked", "content-length": undefined } }],
  ["an empty stream", () => new Response(stream([])), { body: "", headers: { "transfer-encoding": "chunked" } }],
  ["a stream with empty pieces", () => new Response(stream(["", "a", "", "b", ""])), { body: "ab" }],
  ["a stream of 1 MiB", () => new Response(stream(Array(16).fill("x".repeat(65_536)))), { body: "x".repeat(1_048_576) }],
  ["a stream of a declared length", () => new Response(stream(["a", "bc"]), { headers: { "content-length": "3" } }), { body: "abc", headers: { "content-length": "3", "transfer-encoding": undefined } }],
  ["a stream longer than declared", () => new Response(stream(["abcd"]), { headers: { "content-length": "2" } }), { body: "ab", headers: { "content-length": "2" } }],
  ["a wrong length of a text", () => new Response("hi", { headers: { "content-length": "5" } }), { body: "hi", headers: { "content-length": "2" } }],
  ["a text asked for in chunks", () => new Response("hi", { headers: { "transfer-encoding": "chunked" } }), { body: "hi", headers: { "transfer-encoding": "chunked", "content-length": undefined } }],
  ["a text with a field", () => new Response("hi", { headers: { "X-A": "b" } }), { body: "hi", headers: { "x-a": "b", "content-type": "text/plain;charset=UTF-8" } }],
  ["a content type of bytes", () => new Response(new Uint8Array([104]), { headers: { "Content-Type": "a/b" } }), { body: "h", headers: { "content-type": "a/b" } }],
  ["a content type taken away", () => { const response = new Response("hi", { headers: { "content-type": "a/b" } }); response.headers.delete("content-type"); return response; }, { body: "hi", headers: { "content-type": undefined } }],
  ["a content type and another field", () => new Response("hi", { headers: { "content-type": "a/b", a: "b" } }), { headers: { "content-type": "a/b", a: "b" } }],
  ["a content type", () => new Response("hi", { headers: { "content-type": "text/html" } }), { body: "hi", headers: { "content-type": "text/html" } }],
  ["a field set later", () => { const response = new Response("hi"); response.headers.set("a", "b"); return response; }, { body: "hi", headers: { a: "b" } }],
  ["a content type set later", () => { const response = new Response("hi"); response.headers.set("content-type", "a/b"); return response; }, { headers: { "content-type": "a/b" } }],
  ["a field taken away", () => { const response = new Response("hi"); response.headers.delete("content-type"); return response; }, { body: "hi", headers: { "content-type": undefined } }],
  ["several cookies", () => new Response("", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] }), { headers: { "set-cookie": "a=1, b=2" } }],
  ["octets beyond ASCII in a field", () => new Response("", { headers: { a: "é" } }), { headers: { a: "\xe9" } }],
  ["a date of its own", () => new Response("", { headers: { date: "mine" } }), { headers: { date: "mine" } }],
  ["a server field", () => new Response("", { headers: { server: "s" } }), { headers: { server: "s" } }],
  ["status 201", () => new Response("x", { status: 201 }), { status: 201, body: "x" }],
  ["status 204", () => new Response(null, { status: 204 }), { status: 204, headers: { "content-length": undefined, "transfer-encoding": undefined } }],
  ["status 304", () => new Response(null, { status: 304, headers: { etag: "x" } }), { status: 304, headers: { etag: "x", "content-length": undefined } }],
  ["status 400", () => new Response("x", { status: 400 }), { status: 400, body: "x" }],
  ["status 404", () => new Response("x", { status: 404 }), { status: 404, body: "x" }],
  ["status 418", () => new Response("x", { status: 418 }), { status: 418, body: "x" }],
  ["status 500", () => new Response("x", { status: 500 }), { status: 500, body: "x" }],
  ["status 599", () => new Response("x", { status: 599 }), { status: 599, body: "x" }],
  ["a redirect", () => Response.redirect("http://a/b"), { status: 302, headers: { location: "http://a/b", "content-length": "0" } }],
  ["a clone", () => new Response("hi").clone(), { body: "hi" }],
  ["a response whose body was looked at", () => { const response = new Response("hi"); void response.body; return response; }, { body: "hi" }],
  ["a response of a subclass", () => new (class extends Response {})("hi"), { body: "hi" }],
  ["Response.error()", () => Response.error(), { status: 500, body: "failed: Return value from serve handler must not be an error response (like Response.error())" }],
  ["a string", () => "hi" as unknown as Response, { status: 500, body: "failed: Return value from serve handler must be a response or a promise resolving to a response" }],
  ["undefined", () => undefined as unknown as Response, { status: 500, body: "failed: Return value from serve handler must be a response or a promise resolving to a response" }],
  ["what only looks like a response", () => Object.create(Response.prototype), { status: 500, body: "failed: Return value from serve handler must be a Response constructed via the Response constructor in this realm" }],
];

function responseTable(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, respond, { status = 200, body, headers = {} }] of RESPONSES) {
    for (
      const [how, handler] of [["", respond], [" later", async () => await respond()]] as const
    ) {
      cases[`serve() sends ${name}${how}, and goes on`] = (serve) =>
        withClient(serve, handler, async (client) => {
          for (let round = 0; round < 2; round++) {
            const response = await client.ask(get("/"));
            assertEquals(response.status, status);
            if (body !== undefined) assertEquals(response.body, body);
            for (const [name, value] of Object.entries(headers)) {
              assertEquals(response.headers[name], value, name);
            }
          }
        });
    }
  }
  return cases;
}

/** Behaviours of what a handler answers. */
export const responseCases: HttpCases = {
  ...responseTable(),

  "serve() tells the date": (serve) =>
    withClient(serve, () => new Response(), async (client) => {
      const { headers } = await client.ask(get("/"));
      assertMatch(headers.date!, /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert(Math.abs(Date.parse(headers.date!) - Date.now()) < 3000);
    }),
  "serve() answers HEAD without the body, with its length": (serve) =>
    withClient(serve, () => new Response("hello"), async (client) => {
      const { headers } = await client.ask(request("HEAD", "/"));
      assertEquals(headers["content-length"], "5");
      assertEquals((await client.ask(get("/"))).body, "hello");
    }),
  "serve() answers HEAD of a stream without the body": (serve) =>
    withClient(serve, () => new Response(stream(["a"])), async (client) => {
      assertEquals((await client.ask(request("HEAD", "/"))).status, 200);
      assertEquals((await client.ask(get("/"))).body, "a");
    }),
  "serve() answers what a handler throws with onError": (serve) =>
    withClient(serve, () => {
      throw new Error("boom");
    }, async (client) => {
      const { status, body } = await client.ask(get("/"));
      assertEquals([status, body], [500, "failed: boom"]);
    }),
  "serve() answers what a handler rejects with by onError": (serve) =>
    withClient(serve, () => Promise.reject(new Error("boom")), async (client) => {
      assertEquals((await client.ask(get("/"))).body, "failed: boom");
      assertEquals((await client.ask(get("/"))).body, "failed: boom");
    }),
  "serve() refuses a response whose body was read": (serve) =>
    withClient(serve, async () => {
      const response = new Response("hi");
      await response.text();
      return response;
    }, async (client) => {
      const { status, body } = await client.ask(get("/"));
      assertEquals(status, 500);
      assertMatch(body, /already been consumed/);
    }),
  "serve() refuses a response that was sent before": async (serve) => {
    const response = new Response("hi");
    await withClient(serve, () => response, async (client) => {
      assertEquals((await client.ask(get("/"))).body, "hi");
      assertEquals((await client.ask(get("/"))).status, 500);
    });
  },
  "serve() refuses a response whose body is being read": (serve) =>
    withClient(serve, () => {
      const response = new Response(stream(["a"]));
      response.body!.getReader();
      return response;
    }, async (client) => {
      assertEquals((await client.ask(get("/"))).status, 500);
    }),
  "serve() ends the connection when a stream is shorter than declared": (serve) =>
    withClient(
      serve,
      () => new Response(stream(["abcd"]), { headers: { "content-length": "9" } }),
      async (client) => {
        await client.send(get("/"));
        await assertRejects(() => client.response(), Error, "ended");
      },
    ),
  "serve() ends the connection when a stream fails": (serve) =>
    withClient(serve, () => new Response(stream(["abcd"], new Error("x"))), async (client) => {
      await client.send(get("/"));
      await assertRejects(() => client.response(), Error, "ended");
    }),
  "serve() ends the connection when a stream gives no bytes": (serve) =>
    withClient(
      serve,
      () => new Response(ReadableStream.from(["text"]) as ReadableStream<never>),
      async (client) => {
        await client.send(get("/"));
        await assertRejects(() => client.response(), Error, "ended");
      },
    ),
  "serve() sends pieces of a stream as they come": async (serve) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode("first"));
        await promise;
        controller.enqueue(encoder.encode("last"));
        controller.close();
      },
    });
    await withClient(serve, () => new Response(body), async (client) => {
      await client.send(get("/"));
      await client.until("first");
      resolve();
      await client.until("last");
    });
  },
  "serve() answers with the body of the request": (serve) =>
    withClient(serve, ({ body }) => new Response(body), async (client) => {
      assertEquals((await client.ask(post("/", "x".repeat(50_000)))).body, "x".repeat(50_000));
    }),
  "info.completed resolves when the response has left": async (serve) => {
    const { promise, resolve } = Promise.withResolvers<[Promise<void>]>();
    await withClient(serve, (_request, { completed }) => {
      resolve([completed]);
      return new Response("x");
    }, async (client) => {
      await client.ask(get("/"));
      await (await promise)[0];
    });
  },
  "request.signal aborts when the client leaves": async (serve) => {
    const aborted = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    await withClient(serve, ({ signal }) => {
      begun.resolve();
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
          resolve(new Response());
        });
      });
    }, async (client) => {
      await client.send(get("/"));
      await begun.promise;
      client[Symbol.dispose]();
      assertEquals((await aborted.promise as Error).name, "AbortError");
    });
  },
  "a stream is cancelled when the client leaves": async (serve) => {
    const cancelled = Promise.withResolvers<void>();
    const body = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        cancel: () => cancelled.resolve(),
      });
    await withClient(serve, () => new Response(body()), async (client) => {
      await client.send(get("/"));
      await client.until("\r\n\r\n");
      client[Symbol.dispose]();
      await cancelled.promise;
    });
  },
};
