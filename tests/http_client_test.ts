// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  closeIdleConnections,
  CookieJar,
  fetch,
  HttpClient,
  type HttpClientOptions,
  responseTrailers,
  serve,
} from "../http/mod.ts";
import { Resolver } from "../net/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { answer, ok, type WireAnswer, WireServer } from "./http_fetch_contract_case.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";
import { pki } from "./tls_pki.ts";
import "./tls_warm_up.ts";

const ENGINE_RUN = "PHOTON_HTTP_CLIENT_RUN";

/** Asks a server that answers octet by octet with a client of one's own. */
async function withClient(
  options: HttpClientOptions,
  respond: WireAnswer,
  use: (client: HttpClient, server: WireServer) => Promise<void>,
  early = false,
): Promise<void> {
  await using server = new WireServer(respond, early);
  using client = new HttpClient(options);
  await use(client, server);
}

leakTest("fetch() shares its connections, which closeIdleConnections() closes", async () => {
  await using server = new WireServer(() => ok("ok"));
  for (let round = 0; round < 3; round++) await (await fetch(server.origin)).text();
  assertEquals(server.connections, 1);
  closeIdleConnections();
});

leakTest("fetch() takes the client among its options, and nothing else as one", async () => {
  await withClient({ headers: { "x-client": "mine" } }, () => ok("ok"), async (client, server) => {
    await (await fetch(server.origin, { client })).text();
    assertEquals(server.requests[0]!.headers["x-client"], "mine");
    const other = {} as HttpClient;
    await assertRejects(() => fetch(server.origin, { client: other }), TypeError);
  });
});

leakTest("HttpClient refuses numbers that make no sense", () => {
  for (const connectionsMax of [0, -1, 1.5, NaN]) {
    assertThrows(() => new HttpClient({ connectionsMax }), RangeError, "connectionsMax");
  }
  assertThrows(() => new HttpClient({ headersTimeoutMs: -1 }), RangeError);
  assertThrows(() => new HttpClient({ proxy: "ftp://127.0.0.1/" }), TypeError);
});

leakTest("HttpClient refuses to fetch when it is closed, and ends what is under way", async () => {
  await using server = new WireServer((_, peer) => peer.closed, true);
  const client = new HttpClient();
  const asked = assertRejects(() => client.fetch(server.origin), TypeError);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  client.close();
  assertInstanceOf((await asked).cause, Deno.errors.BadResource);
  await assertRejects(() => client.fetch(server.origin), Deno.errors.BadResource);
});

leakTest("HttpClient sends fields of its own, and leaves out what is null", async () => {
  const headers = { "X-A": "1", "accept-language": null, accept: "a/b" };
  await withClient({ headers }, () => ok("ok"), async (client, server) => {
    await (await client.fetch(server.origin, { headers: { "x-a": "2" } })).text();
    const [asked] = server.requests;
    assertEquals(asked!.headers["x-a"], "2");
    assertEquals([asked!.headers.accept, "accept-language" in asked!.headers], ["a/b", false]);
  });
});

leakTest("HttpClient lets Host be set where it is allowed to", async () => {
  await withClient({ allowHost: true }, () => ok("ok"), async (client, server) => {
    await (await client.fetch(server.origin, { headers: { host: "example.com" } })).text();
    assertEquals(server.requests[0]!.headers.host, "example.com");
  });
});

leakTest("HttpClient frames the content itself, whatever the caller says", async () => {
  await withClient({}, () => ok("ok"), async (client, server) => {
    const headers = { "transfer-encoding": "chunked", "content-length": "9", connection: "close" };
    for (let round = 0; round < 2; round++) {
      await (await client.fetch(server.origin, { method: "POST", body: "text", headers })).text();
    }
    const [asked] = server.requests;
    assertEquals([asked!.headers["content-length"], asked!.body], ["4", "text"]);
    assertEquals(asked!.headers["transfer-encoding"], undefined);
    assertEquals(server.connections, 2);
  });
});

leakTest("HttpClient keeps to its bound of connections, first come first served", async () => {
  let [running, most] = [0, 0];
  const respond: WireAnswer = async ({ target }) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
    return ok(target);
  };
  await withClient({ connectionsMax: 3 }, respond, async (client, server) => {
    const order: string[] = [];
    await Promise.all(Array.from({ length: 30 }, async (_, index) => {
      order.push(await (await client.fetch(`${server.origin}/${index}`)).text());
    }));
    assertEquals([server.connections, most, order.length], [3, 3, 30]);
    assertEquals(client.statistics(), { idle: 3, busy: 0, connecting: 0, waiting: 0 });
  });
});

leakTest("HttpClient refuses with Busy who would wait beyond the bound", async () => {
  const options = { connectionsMax: 1, waitersMax: 1 };
  await withClient(options, (_, peer) => peer.closed, async (client, server) => {
    const controller = new AbortController();
    const { signal } = controller;
    const asked = () => assertRejects(() => client.fetch(server.origin, { signal }), DOMException);
    const waiting = [asked()];
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    waiting.push(asked());
    const error = await assertRejects(() => client.fetch(server.origin), TypeError);
    assertInstanceOf(error.cause, Deno.errors.Busy);
    controller.abort();
    await Promise.all(waiting);
  }, true);
});

leakTest("HttpClient pipelines where it is told to, and reads the answers in order", async () => {
  const options = { connectionsMax: 1, pipelining: 8 };
  await withClient(options, ({ target }) => ok(target), async (client, server) => {
    const texts = await Promise.all(Array.from({ length: 50 }, async (_, index) => {
      return await (await client.fetch(`${server.origin}/${index}`)).text();
    }));
    assertEquals(texts, Array.from({ length: 50 }, (_, index) => `/${index}`));
    assertEquals(server.connections, 1);
  });
});

leakTest("HttpClient sends again what was pipelined behind the last answer", async () => {
  const options = { connectionsMax: 1, pipelining: 8 };
  const respond: WireAnswer = async ({ target, index }, peer) => {
    if (index < 2) return ok(target);
    await peer.send(ok(target, "Connection: close"));
    peer.close();
  };
  await withClient(options, respond, async (client, server) => {
    const texts = await Promise.all([1, 2, 3, 4, 5].map(async (index) => {
      return await (await client.fetch(`${server.origin}/${index}`)).text();
    }));
    assertEquals(texts, ["/1", "/2", "/3", "/4", "/5"]);
  });
});

leakTest("HttpClient never pipelines what changes something", async () => {
  const options = { connectionsMax: 1, pipelining: 8 };
  await withClient(options, ({ body, index }) => ok(`${index}:${body}`), async (client, server) => {
    const texts = await Promise.all([0, 1, 2].map(async (index) => {
      const init = { method: "POST", body: `${index}` };
      return await (await client.fetch(server.origin, init)).text();
    }));
    assertEquals(texts, ["0:0", "1:1", "2:2"]);
  });
});

leakTest("HttpClient waits for 100 Continue, and sends the body then", async () => {
  const respond: WireAnswer = async (_, peer) => {
    await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    await peer.send(ok("taken"));
  };
  await withClient({ expectContinueBytesMin: 5 }, respond, async (client, server) => {
    const init = { method: "POST", body: "0123456789" };
    assertEquals(await (await client.fetch(server.origin, init)).text(), "taken");
    assertEquals(server.requests[0]!.headers.expect, "100-continue");
    const short = { method: "POST", body: "1" };
    await (await client.fetch(server.origin, short)).text();
    assertEquals(server.requests.at(-1)!.headers.expect, undefined);
  }, true);
});

leakTest("HttpClient does not send a body that the server refuses", async () => {
  const respond: WireAnswer = () => answer("417 Expectation Failed", "Content-Length: 0");
  await withClient({ expectContinueBytesMin: 5 }, respond, async (client, server) => {
    let read = false;
    const body = new ReadableStream({
      pull(controller) {
        read = true;
        controller.close();
      },
    }, { highWaterMark: 0 });
    const response = await client.fetch(server.origin, { method: "POST", body });
    assertEquals([response.status, read], [417, false]);
  }, true);
});

leakTest("HttpClient sends the body when 100 Continue does not come in time", async () => {
  const options = { expectContinueBytesMin: 0, continueTimeoutMs: 20 };
  await withClient(options, ({ body }) => ok(body), async (client, server) => {
    const response = await client.fetch(server.origin, { method: "POST", body: "late" });
    assertEquals(await response.text(), "late");
  });
});

leakTest("HttpClient sends cookies back", async () => {
  const respond: WireAnswer = ({ target }) =>
    target === "/set" ? ok("", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Path=/b") : ok("ok");
  await withClient({ cookieJar: new CookieJar() }, respond, async (client, server) => {
    await (await client.fetch(`${server.origin}/set`)).text();
    await (await client.fetch(`${server.origin}/a`)).text();
    await (await client.fetch(`${server.origin}/b`, { headers: { cookie: "own=3" } })).text();
    assertEquals(server.requests[1]!.headers.cookie, "a=1");
    assertEquals(server.requests[2]!.headers.cookie, "own=3; b=2; a=1");
  });
});

leakTest("HttpClient tries again what failed, where it is told to", async () => {
  const respond: WireAnswer = ({ index }) =>
    index < 2 ? answer("503 Busy", "Content-Length: 0", "Retry-After: 0") : ok("ok");
  const options = { retry: { backoff: { firstMs: 1 } } };
  await withClient(options, respond, async (client, server) => {
    assertEquals(await (await client.fetch(server.origin)).text(), "ok");
    assertEquals(server.requests.length, 3);
  });
});

leakTest("HttpClient calls the functions around it, the first outermost", async () => {
  const order: string[] = [];
  const named = (name: string) => (next: (request: Request) => Promise<Response>) => {
    return (request: Request) => {
      order.push(name);
      return next(request);
    };
  };
  const options = { around: [named("first"), named("second")] };
  await withClient(options, ({ body }) => ok(body), async (client, server) => {
    const init = { method: "POST", body: "text" };
    assertEquals(await (await client.fetch(server.origin, init)).text(), "text");
    assertEquals(order, ["first", "second"]);
  });
});

leakTest("fetch() holds the content to its integrity", async () => {
  await withClient({}, () => ok("text"), async (client, server) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("text"));
    const right = `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
    const response = await client.fetch(server.origin, { integrity: right });
    assertEquals(await response.text(), "text");
    const wrong = `sha256-${btoa("0".repeat(32))}`;
    const act = () => client.fetch(server.origin, { integrity: wrong });
    const error = await assertRejects(act, TypeError, "fetch failed");
    assertInstanceOf(error.cause, Deno.errors.InvalidData);
  });
});

leakTest("text() refuses what becomes more than the bound, and a stream does not", async () => {
  const stream = new Blob(["0".repeat(1_000_000)]).stream();
  const bomb = await new Response(stream.pipeThrough(new CompressionStream("gzip"))).bytes();
  const respond: WireAnswer = async (_, peer) => {
    await peer.send(answer("200 OK", "Content-Encoding: gzip", `Content-Length: ${bomb.length}`));
    await peer.sendBytes(bomb);
  };
  await withClient({ decodedBytesMax: 100_000 }, respond, async (client, server) => {
    const response = await client.fetch(server.origin);
    await assertRejects(() => response.text(), TypeError, "100000 bytes");
    let length = 0;
    for await (const piece of (await client.fetch(server.origin)).body!) length += piece.length;
    assertEquals(length, 1_000_000);
  });
});

leakTest("responseTrailers() gives what came behind the body", async () => {
  const octets = answer("200 OK", "Transfer-Encoding: chunked") + "4\r\ntext\r\n0\r\nA: b\r\n\r\n";
  await withClient({}, async (_, peer) => {
    await peer.send(octets.slice(0, 60));
    await peer.send(octets.slice(60));
  }, async (client, server) => {
    const response = await client.fetch(server.origin);
    assertEquals(await response.text(), "text");
    assertEquals([...responseTrailers(response)], [["a", "b"]]);
  });
});

leakTest("HttpClient reaches a server on a Unix socket", async () => {
  const path = `${Deno.makeTempDirSync()}/socket`;
  await using _server = serve({ path, onListen() {} }, (request) => new Response(request.url));
  using client = new HttpClient({ unixPath: path });
  const response = await client.fetch("http://some.service/path");
  assertEquals(await response.text(), "http+unix://some.service/path");
});

leakTest("HttpClient closes connections that were idle for too long", async () => {
  await withClient({ idleTimeoutMs: 20 }, () => ok("ok"), async (client, server) => {
    await (await client.fetch(server.origin)).text();
    while (client.statistics().idle > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await (await client.fetch(server.origin)).text();
    assertEquals(server.connections, 2);
  });
});

leakTest("HttpClient speaks TLS, and uses a connection again", async () => {
  const { ca, localhost: { cert, key } } = await pki();
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} };
  await using server = serve(options, async (request) => new Response(await request.text()));
  using client = new HttpClient({ caCerts: [ca] });
  const url = `https://localhost:${server.addr.port}/`;
  const body = "0123456789".repeat(100_000);
  for (const text of ["short", body, body.repeat(5), "short"]) {
    const response = await client.fetch(url, { method: "POST", body: text });
    assert(await response.text() === text);
  }
  assertEquals(client.statistics().idle, 1);
});

leakTest("HttpClient uses a connection again that brought a long body", async () => {
  const body = "0123456789".repeat(300_000);
  await using server = new WireServer(() => ok(body));
  using client = new HttpClient();
  for (let round = 0; round < 4; round++) {
    const response = await client.fetch(server.origin);
    let length = 0;
    for await (const chunk of response.body!) length += chunk.length;
    assertEquals(length, body.length);
  }
  assertEquals(server.connections, 1);
});

leakTest("HttpClient refuses a certificate that nobody it trusts has signed", async () => {
  const { localhost: { cert, key } } = await pki();
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} };
  await using server = serve(options, () => new Response());
  using client = new HttpClient();
  const act = () => client.fetch(`https://localhost:${server.addr.port}/`);
  assertInstanceOf((await assertRejects(act, TypeError)).cause, Deno.errors.InvalidData);
});

leakTest("HttpClient takes another address when one does not answer", async () => {
  await using server = new WireServer(() => ok("ok"));
  const resolver = new Resolver({
    lookup: () => Promise.resolve(["127.0.0.2", "127.0.0.1"]),
  });
  using client = new HttpClient({ resolver });
  assertEquals(await (await client.fetch(`http://two.addresses:${server.port}/`)).text(), "ok");
});

if (!Deno.env.has(ENGINE_RUN) && engineInfo().engine === "uring") {
  Deno.test("the client does the same with PHOTON_ENGINE=deno", () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    return runTestFiles(["tests/http_client_test.ts"], env, 120_000);
  });
}
