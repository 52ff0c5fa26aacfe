// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { requestTrailers, serve, type ServeLimits, withTrailers } from "../http/mod.ts";
import { get, pause, post, request } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";

type Handler = Deno.ServeHandler<Deno.NetAddr>;

function ok(): Response {
  return new Response("ok");
}

/** Serves with limits while `use` runs. */
async function serving(
  handler: Handler,
  limits: ServeLimits,
  use: (open: () => Promise<RawClient>, server: Deno.HttpServer<Deno.NetAddr>) => Promise<void>,
): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, limits };
  const onError = (error: unknown) => new Response(String(error), { status: 500 });
  await using server = serve({ ...options, onError }, handler);
  await use(() => RawClient.open(server.addr), server);
}

// Data: a limit, a request that goes beyond it, and the status of the answer.
// deno-fmt-ignore
const BEYOND: readonly (readonly [string, ServeLimits, string, number])[] = [
  ["headerBytesMax", { headerBytesMax: 200 },        get("/", `A: ${"a".repeat(200)}`),                       431],
  ["headerCountMax", { headerCountMax: 3 },          get("/", "A: 1", "B: 2", "C: 3"),                        431],
  ["urlBytesMax",    { urlBytesMax: 10 },            get("/12345678901"),                                     414],
  ["bodyBytesMax",   { bodyBytesMax: 3 },            post("/", "abcd"),                                       413],
  ["bodyBytesMax in chunks", { bodyBytesMax: 3 },    request("POST", "/", ["Transfer-Encoding: chunked"]) + "4\r\nabcd\r\n0\r\n\r\n", 413],
];

for (const [name, limits, text, status] of BEYOND) {
  leakTest(
    `serve() answers ${status} beyond limits.${name}, and ends the connection`,
    () =>
      serving(async (request) => new Response(await request.text()), limits, async (open) => {
        using client = await open();
        assertEquals((await client.ask(text)).status, status);
        assertEquals(await client.rest(), "");
      }),
  );
}

leakTest(
  "serve() ends a connection after limits.requestsPerConnection",
  () =>
    serving(ok, { requestsPerConnection: 2 }, async (open) => {
      using client = await open();
      assertEquals((await client.ask(get("/"))).headers.connection, undefined);
      assertEquals((await client.ask(get("/"))).headers.connection, "close");
      assertEquals(await client.rest(), "");
    }),
);

leakTest(
  "serve() accepts no more than limits.connectionsMax at a time",
  () =>
    serving(ok, { connectionsMax: 1 }, async (open) => {
      using first = await open();
      assertEquals((await first.ask(get("/"))).body, "ok");
      using second = await open();
      const answer = second.ask(get("/"));
      assertEquals(await Promise.race([answer.then(() => "answered"), pause(50)]), undefined);
      first[Symbol.dispose]();
      assertEquals((await answer).body, "ok");
    }),
);

leakTest(
  "serve() answers 408 to a head that takes too long",
  () =>
    serving(ok, { headerTimeoutMs: 40 }, async (open) => {
      using client = await open();
      await client.send("GET / HTTP/1.1\r\nHost: a\r\n");
      assertEquals((await client.response()).status, 408);
      assertEquals(await client.rest(), "");
    }),
);

leakTest(
  "serve() answers 408 to a body that takes too long",
  () =>
    serving(
      async (request) => new Response(await request.text()),
      { bodyTimeoutMs: 40 },
      async (open) => {
        using client = await open();
        await client.send(request("POST", "/", ["Content-Length: 10"]) + "abc");
        assertEquals((await client.response()).status, 408);
        assertEquals(await client.rest(), "");
      },
    ),
);

leakTest(
  "serve() ends a connection that is idle for too long",
  () =>
    serving(ok, { idleTimeoutMs: 40 }, async (open) => {
      using silent = await open();
      using client = await open();
      assertEquals((await client.ask(get("/"))).body, "ok");
      assertEquals(await client.rest(), "");
      assertEquals(await silent.rest(), "");
    }),
);

leakTest(
  "serve() resets a client that takes nothing of its response",
  () =>
    serving(() => new Response(new Uint8Array(32_000_000)), { idleTimeoutMs: 60 }, async (open) => {
      using client = await open();
      await client.send(get("/"));
      await pause(200);
      await assertRejects(() => client.response(), Error, "ended");
    }),
);

Deno.test("serve() refuses limits that make no sense", () => {
  const limits = [{ headerBytesMax: 1 }, { headerCountMax: 0 }, { idleTimeoutMs: -1 }];
  for (const each of [...limits, { connectionsMax: 1.5 }, { bodyBytesMax: NaN }]) {
    assertThrows(() => serve({ port: 0, limits: each }, ok), RangeError, "Cannot serve: limits.");
  }
});

leakTest("serve() tells nothing in its own answers", () =>
  serving(ok, {}, async (open) => {
    using client = await open();
    const { headers, body } = await client.ask("BAD\r\n\r\n");
    assertEquals(body, "");
    assertEquals(Object.keys(headers), ["content-length", "date", "connection"]);
  }));

leakTest("serve() lets no handler split a response", async () => {
  for (const value of ["a\r\nb: c", "a\nb: c", "a\rb", "a\0b"]) {
    assertThrows(() => new Response("", { headers: { x: value } }), TypeError);
    assertThrows(() => new Response("", { statusText: value }), TypeError);
  }
  // Where the checks of `Headers` were got round, control characters become blanks.
  const response = new Response("", { headers: { x: "y" } });
  for (const symbol of Object.getOwnPropertySymbols(response)) {
    const inner = Reflect.get(response, symbol) as { headerList?: [string, string][] } | null;
    if (inner?.headerList) inner.headerList[0]![1] = "a\r\nb: c\n\r\nd";
  }
  await serving(() => response, {}, async (open) => {
    using client = await open();
    const { headers } = await client.ask(get("/"));
    assertEquals([headers.x, headers.b], ["a  b: c   d", undefined]);
  });
});

leakTest(
  "serve() does not say 100 Continue when the body is there, or is not read",
  () =>
    serving(
      async (request) => {
        return request.url.endsWith("/read") ? new Response(await request.text()) : ok();
      },
      {},
      async (open) => {
        using client = await open();
        const { status, body } = await client.ask(post("/read", "abc", "Expect: 100-continue"));
        assertEquals([status, body], [200, "abc"]);
        const head = request("POST", "/", ["Content-Length: 3", "Expect: 100-continue"]);
        assertEquals((await client.ask(head)).headers.connection, "close");
      },
    ),
);

leakTest(
  "serve() goes on after it has answered with the body of the request",
  () =>
    serving(({ body }) => new Response(body), {}, async (open) => {
      using client = await open();
      for (const body of ["x".repeat(50_000), "abc", "y".repeat(300_000), ""]) {
        assertEquals((await client.ask(post("/", body))).body, body);
      }
    }),
);

leakTest("a signal that is aborted ends the server at once", async () => {
  const signal = AbortSignal.abort();
  const server = serve({ hostname: "127.0.0.1", port: 0, signal, onListen() {} }, ok);
  await server.finished;
});

leakTest("info.completed rejects when the client leaves first", async () => {
  const begun = Promise.withResolvers<[Promise<void>]>();
  await serving(
    (_request, { completed }) => {
      begun.resolve([completed]);
      return new Promise<Response>(() => {});
    },
    {},
    async (open) => {
      using client = await open();
      await client.send(get("/"));
      const [completed] = await begun.promise;
      client[Symbol.dispose]();
      await assertRejects(async () => await completed, Deno.errors.Interrupted);
    },
  );
});

leakTest(
  "a client that leaves at any octet of its request leaves nothing behind",
  () =>
    serving(async (request) => new Response(await request.text()), {}, async (open) => {
      const text = post("/path", "abcdef", "A: b");
      for (let length = 0; length <= text.length; length++) {
        using client = await open();
        await client.send(text.slice(0, length));
      }
      using client = await open();
      assertEquals((await client.ask(post("/", "abc"))).body, "abc");
    }),
);

leakTest("a client that leaves at any octet of its response leaves nothing behind", async () => {
  const answers: Handler[] = [
    () => new Response("x".repeat(30_000)),
    () => new Response(new Blob(["x".repeat(30_000)]).stream()),
  ];
  for (const answer of answers) {
    await serving(answer, {}, async (open) => {
      // A response has some 200 octets of head; behind it every 500th.
      const cuts = Array.from({ length: 260 }, (_, i) => i < 200 ? i : 200 + (i - 200) * 500);
      for (const cut of cuts) {
        using client = await open();
        await client.send(get("/"));
        if (cut > 0) await client.atLeast(cut);
      }
      using client = await open();
      assertEquals((await client.ask(get("/"))).body.length, 30_000);
    });
  }
});

leakTest("a handler that still works when the client has left may answer", async () => {
  const answer = Promise.withResolvers<Response>();
  const begun = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await serving(
    () => {
      begun.resolve();
      return answer.promise;
    },
    {},
    async (open) => {
      const client = await open();
      await client.send(get("/"));
      await begun.promise;
      client[Symbol.dispose]();
      await pause(20);
      answer.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
      await cancelled.promise;
    },
  );
});

leakTest("server.shutdown() loses no request under load, and takes none after", async () => {
  for (let round = 0; round < 5; round++) {
    let answered = 0;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    const server = serve(options, async (request) => {
      if (request.url.endsWith("/slow")) await pause(3);
      answered++;
      return ok();
    });
    const clients = await Promise.all(
      Array.from({ length: 32 }, () => RawClient.open(server.addr)),
    );
    let received = 0;
    const loads = clients.map(async (client, i) => {
      for (;;) {
        await client.send(get(i % 2 ? "/slow" : "/"));
        // Every request that was sent before the end of the connection is answered.
        const { body, headers } = await client.response();
        assertEquals(body, "ok");
        received++;
        if (headers.connection === "close") return assertEquals(await client.rest(), "");
      }
    });
    await pause(30);
    await server.shutdown();
    await Promise.all(loads);
    assertEquals(received, answered);
    for (const client of clients) client[Symbol.dispose]();
  }
});

leakTest("server.shutdown() answers 503 to half a head", async () => {
  const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ok);
  using client = await RawClient.open(server.addr);
  await client.send("GET / HTTP/1.1\r\nHo");
  await pause(20);
  const shutdown = server.shutdown();
  assertEquals((await client.response()).status, 503);
  client[Symbol.dispose]();
  await shutdown;
});

leakTest(
  "requestTrailers() gives the fields behind a body that was read",
  () =>
    serving(
      async (request) => {
        const before = [...requestTrailers(request)];
        await request.text();
        return Response.json([before, [...requestTrailers(request)]]);
      },
      {},
      async (open) => {
        using client = await open();
        const head = request("POST", "/", ["Transfer-Encoding: chunked"]);
        await client.send(`${head}1\r\na\r\n`);
        await pause(10);
        await client.send("0\r\nX-Sum: 9\r\n\r\n");
        assertEquals((await client.response()).body, '[[],[["x-sum","9"]]]');
      },
    ),
);

leakTest("withTrailers() adds fields behind a stream", () =>
  serving(
    () => {
      const response = new Response(new Blob(["abc"]).stream());
      return withTrailers(response, () => Promise.resolve({ "X-Sum": "9" }));
    },
    {},
    async (open) => {
      using client = await open();
      const { body, headers } = await client.ask(get("/"));
      assertEquals([body, headers["trailer x-sum"]], ["abc", "x-sum: 9\r\n"]);
    },
  ));
