// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { upgradeWebSocket, WebSocket } from "../http/mod.ts";
import { octetsOf, textOf } from "../http/octets.ts";
import { type HeadSource, readResponseHead } from "../http/response_head_text.ts";
import { get } from "./http_contract_case.ts";
import { withHandler, withProxy } from "./http_proxied.ts";
import { RawClient } from "./http_raw_client.ts";
import { RawUpstream } from "./http_raw_upstream.ts";
import { leakTest } from "./leak.ts";

leakTest(
  "reverseProxy() passes WebSockets, and what else is upgraded to",
  () =>
    withHandler((request) => {
      const { socket, response } = upgradeWebSocket(request, { protocol: "chat" });
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }, async (_, port) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ["chat"]);
      const received: unknown[] = [];
      socket.onopen = () => {
        socket.send("hello");
        socket.send(new Uint8Array(300_000).fill(7));
      };
      for await (const data of socket) if (received.push(data) === 2) break;
      assertEquals(socket.protocol, "chat");
      assertEquals(received, ["hello", new Uint8Array(300_000).fill(7)]);
      socket.close(3000, "bye");
      assertEquals((await socket.closed).code, 3000);
    }),
);

leakTest(
  "reverseProxy() passes on that an upgrade was refused",
  () =>
    withHandler(() => new Response("not here", { status: 403 }), async (client) => {
      const response = await client.ask(get("/", "Connection: Upgrade", "Upgrade: websocket"));
      assertEquals([response.status, response.body], [403, "not here"]);
    }),
);

// Data: how a server ends what it says to a refused upgrade.
const REFUSALS: [name: string, answer: string][] = [
  ["a length", "HTTP/1.1 403 No\r\nContent-Length: 8\r\n\r\nnot here"],
  [
    "chunks",
    "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnot \r\n4\r\nhere\r\n0\r\n\r\n",
  ],
  [
    "chunks, whatever length is told beside them",
    "HTTP/1.1 403 No\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "8\r\nnot here\r\n0\r\n\r\n",
  ],
  ["the connection", "HTTP/1.1 403 No\r\n\r\nnot here"],
];

for (const [name, answer] of REFUSALS) {
  leakTest(
    `reverseProxy() passes on what is said to a refused upgrade, up to ${name}`,
    async () => {
      using upstream = new RawUpstream(answer);
      await withProxy([upstream.url], async (client) => {
        const response = await client.ask(get("/", "Connection: Upgrade", "Upgrade: websocket"));
        assertEquals([response.status, response.body], [403, "not here"]);
      });
    },
  );
}

const HINTS = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

leakTest("reverseProxy() passes over interim answers to an upgrade", async () => {
  using upstream = new RawUpstream(`${HINTS}HTTP/1.1 403 No\r\nContent-Length: 8\r\n\r\nnot here`);
  await withProxy([upstream.url], async (client) => {
    const response = await client.ask(get("/", "Connection: Upgrade", "Upgrade: websocket"));
    assertEquals([response.status, response.body], [403, "not here"]);
  });
});

leakTest(
  "readResponseHead() passes over interim answers at every split, up to a bound",
  async () => {
    const final = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n";
    const whole = octetsOf(`${HINTS}${final}early`);
    const { signal } = new AbortController();
    for (let split = 1; split < whole.length; split++) {
      const source = sourceOf([whole.slice(0, split), whole.slice(split)]);
      const { status, headers, rest } = await readResponseHead(source, signal);
      assertEquals([status, headers.get("upgrade"), headers.get("link")], [101, "echo", null]);
      assert("early".startsWith(textOf(rest, 0, rest.length)), `at ${split}`);
    }
    const endless = { read: sourceOf(Array.from({ length: 1000 }, () => octetsOf(HINTS))).read };
    await assertRejects(() => readResponseHead(endless, signal), Error, "above 16384 bytes");
  },
);

/** Gives a piece a read, as much of it as there is room for. */
function sourceOf(pieces: Uint8Array[]): HeadSource {
  return {
    read(p) {
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      p.set(piece.subarray(0, p.length));
      if (piece.length > p.length) pieces.unshift(piece.subarray(p.length));
      return Promise.resolve(Math.min(piece.length, p.length));
    },
  };
}

leakTest("reverseProxy() passes no refused upgrade on whose length cannot be told", async () => {
  for (const field of ["Content-Length: 8, 8", "Content-Length: -8", "Transfer-Encoding: gzip"]) {
    using upstream = new RawUpstream(`HTTP/1.1 403 No\r\n${field}\r\n\r\nnot here`);
    await withProxy([upstream.url], async (client) => {
      const response = await client.ask(get("/", "Connection: Upgrade", "Upgrade: websocket"));
      assertEquals(response.status, 502, field);
    }, { retries: 0 });
  }
});

leakTest("reverseProxy() does not fake the end of what is said to a refused upgrade", async () => {
  using upstream = new RawUpstream("HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nno");
  await withProxy([upstream.url], async (client) => {
    await client.send(get("/", "Connection: Upgrade", "Upgrade: websocket"));
    await client.until("\r\n\r\n");
    assert(!(await client.rest()).includes("0\r\n\r\n"));
  });
});

leakTest(
  "reverseProxy() passes octets above 0x7f in fields of an upgrade on, and back",
  async () => {
    const field = "\xc3\xa9\xe2\x82\xac\x80";
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answered = (async () => {
      using server = new RawClient(await listener.accept());
      const head = await server.until("\r\n\r\n");
      await server.send(
        `HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\nX-Back: ${field}\r\n\r\n`,
      );
      assertEquals(await server.rest(), "");
      return head;
    })();
    await withProxy([`http://127.0.0.1:${listener.addr.port}`], async (client) => {
      await client.send(get("/", "Connection: Upgrade", "Upgrade: x", `X-There: ${field}`));
      assert((await client.until("\r\n\r\n")).includes(`: ${field}\r\n`));
      await client.closeWrite();
      assert((await answered).includes(`: ${field}\r\n`));
      assertEquals(await client.rest(), "");
    });
  },
);
