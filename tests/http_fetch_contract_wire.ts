// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { answer, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** How responses are framed, and what is none. */
export const wireCases: FetchCases = {
  ...framedCases(),
  ...bodilessCases(),
  ...brokenCases(),

  async "fetch() rejects with a cause when nobody listens"(fetch) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const error = await assertRejects(() => fetch(`http://127.0.0.1:${port}/`), TypeError);
    assertInstanceOf(error.cause, Error);
  },
  async "fetch() rejects with a cause when there is no such host"(fetch) {
    const error = await assertRejects(() => fetch("http://nobody.invalid/"), TypeError);
    assertInstanceOf(error.cause, Error);
  },
  async "fetch() rejects when the server closes without an answer"(fetch) {
    await using server = new WireServer((_, peer) => peer.close());
    const error = await assertRejects(() => fetch(server.origin), TypeError);
    assertInstanceOf(error.cause, Error);
  },
  async "fetch() goes on after one that was malformed"(fetch) {
    await using server = new WireServer(({ target }) =>
      target === "/" ? "nonsense\r\n\r\n" : ok("ok")
    );
    await assertRejects(() => fetch(server.origin), TypeError);
    assertEquals(await (await fetch(`${server.origin}/next`)).text(), "ok");
  },
  async "fetch() does not use a connection again that the server closes"(fetch) {
    await using server = new WireServer(() => ok("ok", "Connection: close"));
    for (let round = 0; round < 2; round++) await (await fetch(server.origin)).text();
    assertEquals(server.connections, 2);
  },
  async "fetch() does not use a connection of HTTP/1.0 again"(fetch) {
    await using server = new WireServer(async (_, peer) => {
      await peer.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    for (let round = 0; round < 2; round++) await (await fetch(server.origin)).text();
    assertEquals(server.connections, 2);
  },
  async "fetch() takes a new connection when an idle one was closed"(fetch) {
    await using server = new WireServer(async ({ connection }, peer) => {
      await peer.send(ok("ok"));
      if (connection === 0) peer.close();
    });
    await (await fetch(server.origin)).text();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await (await fetch(server.origin)).text();
    assertEquals(server.connections, 2);
  },
};

function framedCases(): FetchCases {
  const chunked = (body: string) => answer("200 OK", "Transfer-Encoding: chunked") + body;
  // Data: what comes, and what is read of it.
  const framed: Record<string, [octets: string, text: string, closes?: true]> = {
    "of known length": [ok("text"), "text"],
    "in chunks": [chunked("4\r\ntext\r\n0\r\n\r\n"), "text"],
    "in many chunks": [chunked("1\r\na\r\n".repeat(500) + "0\r\n\r\n"), "a".repeat(500)],
    "in chunks with extensions": [chunked("4;a=b\r\ntext\r\n0\r\n\r\n"), "text"],
    "in chunks whose size is in capitals": [chunked("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789"],
    "in chunks with zeros before the size": [chunked("0004\r\ntext\r\n000\r\n\r\n"), "text"],
    "in chunks with trailers": [chunked("4\r\ntext\r\n0\r\nA: b\r\n\r\n"), "text"],
    "of no chunk but the last": [chunked("0\r\n\r\n"), ""],
    "up to the end of the connection": [answer("200 OK") + "text", "text", true],
    "of HTTP/1.0": ["HTTP/1.0 200 OK\r\n\r\ntext", "text", true],
    "without a reason phrase": ["HTTP/1.1 200 \r\nContent-Length: 4\r\n\r\ntext", "text"],
    "behind 100 Continue": ["HTTP/1.1 100 Continue\r\n\r\n" + ok("text"), "text"],
    "behind 102 Processing": ["HTTP/1.1 102 Processing\r\n\r\n" + ok("text"), "text"],
    "behind early hints": [
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + ok("text"),
      "text",
    ],
    "behind several interim responses": [
      "HTTP/1.1 100 Continue\r\n\r\n".repeat(3) + ok("text"),
      "text",
    ],
    "with eighty fields": [
      ok("text", ...Array.from({ length: 80 }, (_, index) => `X-${index}: ${index}`)),
      "text",
    ],
    "with a value of 8 KiB": [ok("text", `X: ${"v".repeat(8192)}`), "text"],
  };
  const cases: FetchCases = {};
  for (const [what, [octets, text, closes]] of Object.entries(framed)) {
    cases[`fetch() reads a body ${what}`] = async (fetch) => {
      await using server = new WireServer(async (_, peer) => {
        await peer.send(octets);
        if (closes) peer.close();
      });
      assertEquals(await (await fetch(server.origin)).text(), text);
    };
  }
  for (const name of ["in chunks with trailers", "of known length", "behind early hints"]) {
    cases[`fetch() reads a body ${name}, an octet at a time`] = async (fetch) => {
      const [octets, text] = framed[name]!;
      await using server = new WireServer(async (_, peer) => {
        for (const octet of octets) {
          await peer.send(octet);
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      });
      assertEquals(await (await fetch(server.origin)).text(), text);
    };
  }
  return cases;
}

function bodilessCases(): FetchCases {
  const cases: FetchCases = {
    async "fetch() with HEAD has no body, whatever its length"(fetch) {
      await using server = new WireServer(() => answer("200 OK", "Content-Length: 1000"));
      for (let round = 0; round < 2; round++) {
        const response = await fetch(server.origin, { method: "HEAD" });
        assertEquals([response.headers.get("content-length"), await response.text()], ["1000", ""]);
      }
      assertEquals(server.connections, 1);
    },
    async "fetch() with HEAD waits for no chunks"(fetch) {
      await using server = new WireServer(() => answer("200 OK", "Transfer-Encoding: chunked"));
      const response = await fetch(server.origin, { method: "HEAD" });
      assertEquals(await response.text(), "");
    },
    async "fetch() has no body with 304, whatever its length"(fetch) {
      await using server = new WireServer(() => answer("304 Not Modified", "Content-Length: 9"));
      const response = await fetch(server.origin);
      assertEquals([response.status, await response.text()], [304, ""]);
    },
  };
  for (const [status, reason] of Object.entries({ 204: "No Content", 304: "Not Modified" })) {
    cases[`fetch() has no body with ${status}`] = async (fetch) => {
      await using server = new WireServer(() => answer(`${status} ${reason}`));
      const response = await fetch(server.origin);
      assertEquals([response.status, response.body, response.bodyUsed], [
        Number(status),
        null,
        false,
      ]);
      assertEquals(await response.text(), "");
      assertEquals(response.bodyUsed, false);
    };
  }
  return cases;
}

function brokenCases(): FetchCases {
  const chunked = answer("200 OK", "Transfer-Encoding: chunked");
  // Data: what is no head.
  const heads: Record<string, string> = {
    "another protocol": "SSH-2.0-OpenSSH\r\n\r\n",
    "another major version": "HTTP/3.0 200 OK\r\n\r\n",
    "no status": "HTTP/1.1 OK\r\n\r\n",
    "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
    "a field without a colon": "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
    "a field that is folded": "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a blank before the colon": "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "a length that is none": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "a negative length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
  };
  // Data: what is no body behind a head that is one.
  const bodies: Record<string, string> = {
    "ends before its length": answer("200 OK", "Content-Length: 10") + "text",
    "ends in a chunk": chunked + "4\r\nte",
    "ends between two chunks": chunked + "4\r\ntext\r\n",
    "has a chunk size that is none": chunked + "x\r\ntext\r\n0\r\n\r\n",
    "has a chunk that is longer than its size": chunked + "3\r\ntext\r\n0\r\n\r\n",
  };
  const cases: FetchCases = {};
  for (const [what, octets] of Object.entries(heads)) {
    cases[`fetch() rejects a head with ${what}`] = async (fetch) => {
      await using server = closing(octets);
      const error = await assertRejects(() => fetch(server.origin), TypeError);
      assertInstanceOf(error.cause, Error);
    };
  }
  for (const [what, octets] of Object.entries(bodies)) {
    cases[`text() rejects a body that ${what}`] = async (fetch) => {
      await using server = closing(octets);
      // A body may be found broken along with its head.
      await assertRejects(async () => await (await fetch(server.origin)).text(), TypeError);
    };
    cases[`body fails when it ${what}`] = async (fetch) => {
      await using server = closing(octets);
      await assertRejects(async () => {
        for await (const piece of (await fetch(server.origin)).body!) assert(piece.length > 0);
      }, TypeError);
    };
  }
  return cases;
}

/** Sends octets and closes. */
function closing(octets: string): WireServer {
  return new WireServer(async (_, peer) => {
    await peer.send(octets);
    peer.close();
  });
}
