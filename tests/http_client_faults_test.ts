// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { HttpClient, type HttpClientOptions } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { listen, type TcpConn } from "../net/mod.ts";
import { answer, ok, type WireAnswer, WireServer } from "./http_fetch_contract_case.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";
import "./tls_warm_up.ts";

const ENGINE_RUN = "PHOTON_HTTP_CLIENT_FAULTS_RUN";
const { TimedOut, UnexpectedEof, ConnectionReset } = Deno.errors;
const onRing = engineInfo().engine === "uring";

/** A connection that is there already, and whose next request the server does not answer. */
async function closedAsItIsUsed(
  use: (client: HttpClient, server: WireServer) => Promise<void>,
): Promise<void> {
  await using server = new WireServer(({ target, index }, peer) => {
    if (index === 0 && !target.startsWith("/always")) return ok("ok");
    peer.close();
  });
  using client = new HttpClient();
  await (await client.fetch(server.origin)).text();
  await use(client, server);
}

leakTest("GET is sent again when the connection was closed as it was used again", async () => {
  await closedAsItIsUsed(async (client, server) => {
    assertEquals(await (await client.fetch(`${server.origin}/next`)).text(), "ok");
    assertEquals([server.connections, server.requests.length], [2, 3]);
  });
});

leakTest("PUT with bytes is sent again, and all of them", async () => {
  await closedAsItIsUsed(async (client, server) => {
    const init = { method: "PUT", body: "text" };
    assertEquals(await (await client.fetch(server.origin, init)).text(), "ok");
    assertEquals(server.requests.at(-1)!.body, "text");
  });
});

leakTest("POST is not sent again: it is reported", async () => {
  await closedAsItIsUsed(async (client, server) => {
    const init = { method: "POST", body: "text" };
    const error = await assertRejects(() => client.fetch(server.origin, init), TypeError);
    assertInstanceOf(error.cause, UnexpectedEof);
    assertEquals(server.requests.length, 2);
  });
});

leakTest("a stream is not sent again: it is reported", async () => {
  await closedAsItIsUsed(async (client, server) => {
    const init = { method: "PUT", body: new Blob(["text"]).stream() };
    await assertRejects(() => client.fetch(server.origin, init), TypeError);
    assertEquals(server.requests.length, 2);
  });
});

leakTest("what fails on a new connection as well is sent no third time", async () => {
  await closedAsItIsUsed(async (client, server) => {
    await assertRejects(() => client.fetch(`${server.origin}/always`), TypeError);
    assertEquals(server.requests.length, 3);
  });
});

leakTest("a connection on which bytes came unasked is not used again", async () => {
  const next = Promise.withResolvers<void>();
  await using server = new WireServer(async (_, peer) => {
    await peer.send(ok("ok"));
    await peer.send(ok("unasked"));
    next.resolve();
  });
  using client = new HttpClient();
  assertEquals(await (await client.fetch(server.origin)).text(), "ok");
  await next.promise;
  while (client.statistics().idle > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(await (await client.fetch(server.origin)).text(), "ok");
});

/** A server of our own engine, whose connections can be reset. */
async function resetting(
  respond: (conn: TcpConn) => Promise<void>,
  use: (url: string) => Promise<void>,
): Promise<void> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    await respond(conn);
    if (onRing) conn.setLinger(0);
    conn.close();
  })();
  await use(`http://127.0.0.1:${listener.addr.port}/`);
  await serving;
}

const head = new TextEncoder().encode(answer("200 OK", "Content-Length: 100000") + "begin");

leakTest("a reset before the answer is reported", async () => {
  using client = new HttpClient();
  await resetting(() => Promise.resolve(), async (url) => {
    const error = await assertRejects(() => client.fetch(url), TypeError, "fetch failed");
    assertInstanceOf(error.cause, onRing ? ConnectionReset : Error);
  });
});

leakTest("a reset in the middle of the body is reported to who reads", async () => {
  using client = new HttpClient();
  await resetting(async (conn) => {
    await conn.writeAll(head);
    // What is on its way is lost in a reset.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }, async (url) => {
    const response = await client.fetch(url);
    const error = await assertRejects(() => response.text(), TypeError);
    assertInstanceOf(error.cause, Error);
  });
});

/** Fetches with a limit, and gives what it failed with. */
async function failure(
  options: HttpClientOptions,
  act: (client: HttpClient) => Promise<unknown>,
): Promise<unknown> {
  using client = new HttpClient(options);
  return (await assertRejects(() => act(client), TypeError)).cause;
}

leakTest("a name that is not found in time ends with connectTimeoutMs", async () => {
  const resolver = { resolve: () => new Promise<string[]>(() => {}), failed() {} };
  // Nothing can be given up there on the portable engine.
  if (!onRing) return;
  const options = { resolver, connectTimeoutMs: 20 };
  // A resolver that has nothing under way does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  assertInstanceOf(await failure(options, (client) => client.fetch("http://slow.host/")), TimedOut);
  clearInterval(alive);
});

leakTest("a handshake that stalls ends with connectTimeoutMs", async () => {
  await using server = new WireServer(() => {});
  const url = `https://127.0.0.1:${server.port}/`;
  const cause = await failure({ connectTimeoutMs: 30 }, (client) => client.fetch(url));
  assertInstanceOf(cause, TimedOut);
});

leakTest("a proxy that stalls ends with connectTimeoutMs", async () => {
  await using server = new WireServer((_, peer) => peer.closed, true);
  const options = { connectTimeoutMs: 30, proxy: server.origin };
  const cause = await failure(options, (client) => client.fetch("https://some.host/"));
  assertInstanceOf(cause, TimedOut);
});

leakTest("a wait for a connection ends with queueTimeoutMs", async () => {
  await using server = new WireServer((_, peer) => peer.closed, true);
  using client = new HttpClient({ connectionsMax: 1, queueTimeoutMs: 20 });
  const controller = new AbortController();
  const first = assertRejects(() => client.fetch(server.origin, { signal: controller.signal }));
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const error = await assertRejects(() => client.fetch(server.origin), TypeError);
  assertInstanceOf(error.cause, TimedOut);
  controller.abort();
  await first;
});

leakTest("an answer that does not come ends with headersTimeoutMs", async () => {
  await using server = new WireServer((_, peer) => peer.closed, true);
  const options = { headersTimeoutMs: 20 };
  assertInstanceOf(await failure(options, (client) => client.fetch(server.origin)), TimedOut);
});

leakTest("half a head ends with headersTimeoutMs", async () => {
  await using server = new WireServer((_, peer) => peer.send("HTTP/1.1 200 OK\r\nConte"), true);
  const options = { headersTimeoutMs: 20 };
  assertInstanceOf(await failure(options, (client) => client.fetch(server.origin)), TimedOut);
});

leakTest("a body that stalls ends with bodyTimeoutMs", async () => {
  await using server = new WireServer((_, peer) =>
    peer.send(answer("200 OK", "Content-Length: 10") + "begin")
  );
  const cause = await failure({ bodyTimeoutMs: 20 }, async (client) => {
    return await (await client.fetch(server.origin)).text();
  });
  assertInstanceOf(cause, TimedOut);
});

leakTest("a body that nobody reads does not stall", async () => {
  await using server = new WireServer(() => ok("x".repeat(3_000_000)));
  using client = new HttpClient({ bodyTimeoutMs: 20 });
  const response = await client.fetch(server.origin);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals((await response.text()).length, 3_000_000);
});

leakTest("a body does not stall while its reader is busy with what came", async () => {
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  await using server = new WireServer(async (_, peer) => {
    await peer.send(answer("200 OK", "Content-Length: 10"));
    // It comes when somebody waits for it.
    await new Promise((resolve) => setTimeout(resolve, 10));
    await peer.send("begin");
    await isRead;
    await peer.send("ended");
  });
  using client = new HttpClient({ bodyTimeoutMs: 40 });
  const { body } = await client.fetch(server.origin);
  let length = 0;
  for await (const chunk of body!) {
    length += chunk.length;
    if (length > 5) continue;
    await new Promise((resolve) => setTimeout(resolve, 120));
    read();
  }
  assertEquals(length, 10);
});

leakTest("a server that takes nothing ends with sendTimeoutMs", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
  });
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const init = { method: "POST", body };
  const cause = await failure({ sendTimeoutMs: 50 }, (client) => client.fetch(url, init));
  assertInstanceOf(cause, TimedOut);
  (await accepting).close();
});

leakTest("all of it ends with timeoutMs, also while the body trickles", async () => {
  await using server = new WireServer(async (_, peer) => {
    await peer.send(answer("200 OK", "Content-Length: 100000"));
    for (let sent = 0; sent < 100; sent++) {
      await peer.send("x");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  const cause = await failure({ timeoutMs: 60, bodyTimeoutMs: 1000 }, async (client) => {
    return await (await client.fetch(server.origin)).text();
  });
  assertInstanceOf(cause, TimedOut);
});

leakTest("interim responses without end are refused", async () => {
  const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  await using server = new WireServer((_, peer) => peer.send(interim.repeat(100)));
  const cause = await failure({}, (client) => client.fetch(server.origin));
  assertInstanceOf(cause, Deno.errors.InvalidData);
});

leakTest("a head without end is refused", async () => {
  await using server = new WireServer(async (_, peer) => {
    await peer.send("HTTP/1.1 200 OK\r\n");
    for (let sent = 0; sent < 100; sent++) await peer.send(`X-${sent}: ${"v".repeat(4000)}\r\n`);
  });
  const cause = await failure({}, (client) => client.fetch(server.origin));
  assertInstanceOf(cause, Deno.errors.InvalidData);
});

leakTest("a response that is forgotten lets its connection go", async () => {
  const gone = Promise.withResolvers<void>();
  await using server = new WireServer(async (_, peer) => {
    peer.closed.then(gone.resolve);
    await peer.send(answer("200 OK", "Content-Length: 100000000"));
    const piece = new Uint8Array(1_000_000);
    for (let sent = 0; sent < 100; sent++) await peer.sendBytes(piece);
  }, true);
  using client = new HttpClient();
  await (async () => assertEquals((await client.fetch(server.origin)).status, 200))();
  const { gc } = globalThis as unknown as { gc?: () => void };
  const collecting = setInterval(() => gc?.(), 10);
  await gone.promise;
  clearInterval(collecting);
  assertEquals(client.statistics().busy, 0);
});

/** Where a fetch is when it is given up. */
const STAGES = ["at once", "a moment later", "asked", "in the body", "while sending"] as const;

leakTest("10 000 fetches that are given up leave nothing behind", async () => {
  const respond: WireAnswer = async ({ target }, peer) => {
    if (target === "/body") await peer.send(answer("200 OK", "Content-Length: 10") + "begin");
    else if (target === "/done") await peer.send(ok("done"));
    await peer.closed;
  };
  await using server = new WireServer(respond, true);
  using client = new HttpClient();
  const rounds = onRing ? 100 : 10;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 100 }, async (_, index) => {
      await giveUp(client, server, STAGES[index % STAGES.length]!);
    }));
  }
  assertEquals(await (await client.fetch(`${server.origin}/done`)).text(), "done");
  const { busy, connecting, waiting } = client.statistics();
  assertEquals([busy, connecting, waiting], [0, 0, 0]);
});

async function giveUp(
  client: HttpClient,
  server: WireServer,
  stage: typeof STAGES[number],
): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const url = stage === "in the body" ? `${server.origin}/body` : server.origin;
  const body = stage === "while sending"
    ? new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1000)) })
    : null;
  const fetching = client.fetch(url, body === null ? { signal } : { method: "POST", body, signal });
  if (stage === "in the body") {
    const reading = assertRejects(async () => await (await fetching).text());
    await fetching;
    controller.abort();
    return void await reading;
  }
  const failing = assertRejects(() => fetching, DOMException);
  if (stage === "a moment later") await Promise.resolve();
  else if (stage !== "at once") await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort();
  await failing;
}

if (!Deno.env.has(ENGINE_RUN) && onRing) {
  Deno.test("the client bears the same faults with PHOTON_ENGINE=deno", () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    return runTestFiles(["tests/http_client_faults_test.ts"], env, 120_000);
  });
}
