// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  answer,
  compressed,
  type Fetch,
  type FetchCases,
  ok,
  WireServer,
} from "./http_fetch_contract_case.ts";

/** What a response tells, and the ways to read it. */
export const responseCases: FetchCases = {
  ...headCases(),
  ...readingCases(),
  ...streamCases(),
  ...codingCases(),
};

/** Fetches while a server gives these octets. */
async function given(
  fetch: Fetch,
  octets: string,
  use: (response: Response) => Promise<void>,
): Promise<void> {
  await using server = new WireServer(() => octets);
  await use(await fetch(`${server.origin}/path?query`));
}

function headCases(): FetchCases {
  return {
    async "fetch() gives a Response"(fetch) {
      await given(fetch, ok("text"), async (response) => {
        assert(response instanceof Response);
        assertEquals(Object.prototype.toString.call(response), "[object Response]");
        assertEquals(await response.text(), "text");
      });
    },
    async "fetch() tells status, text and whether it is well"(fetch) {
      await given(fetch, answer("404 Not Found", "Content-Length: 0"), async (response) => {
        assertEquals([response.status, response.statusText, response.ok], [
          404,
          "Not Found",
          false,
        ]);
        await response.body?.cancel();
      });
    },
    async "fetch() tells the URL, and that nothing was redirected"(fetch) {
      await using server = new WireServer(() => ok());
      const response = await fetch(`${server.origin}/path?query#fragment`);
      assertEquals(response.url, `${server.origin}/path?query`);
      assertEquals([response.redirected, response.type], [false, "basic"]);
      await response.body?.cancel();
    },
    async "fetch() fills in the status text"(fetch) {
      await given(fetch, answer("200", "Content-Length: 0"), async (response) => {
        assertEquals(response.statusText, "OK");
        await response.body?.cancel();
      });
    },
    async "fetch() takes any status of three digits"(fetch) {
      await given(fetch, answer("999 Odd", "Content-Length: 2") + "ok", async (response) => {
        assertEquals([response.status, response.ok, await response.text()], [999, false, "ok"]);
      });
    },
    async "headers are found in any case"(fetch) {
      await given(fetch, ok("", "X-Name: value"), async ({ headers, body }) => {
        assertEquals([headers.get("x-NAME"), headers.has("X-name")], ["value", true]);
        assertEquals([headers.get("other"), headers.has("other")], [null, false]);
        await body?.cancel();
      });
    },
    async "headers of one name are joined"(fetch) {
      await given(fetch, ok("", "A: 1", "a: 2"), async ({ headers, body }) => {
        assertEquals(headers.get("a"), "1, 2");
        await body?.cancel();
      });
    },
    async "headers are iterated in order of their names"(fetch) {
      await given(fetch, ok("", "B: 1", "A: 2"), async ({ headers, body }) => {
        assertEquals([...headers], [["a", "2"], ["b", "1"], ["content-length", "0"]]);
        assertEquals([...headers.keys()], ["a", "b", "content-length"]);
        await body?.cancel();
      });
    },
    async "headers keep cookies apart"(fetch) {
      const octets = ok("", "Set-Cookie: a=1", "Set-Cookie: b=2, c");
      await given(fetch, octets, async ({ headers, body }) => {
        assertEquals(headers.getSetCookie(), ["a=1", "b=2, c"]);
        await body?.cancel();
      });
    },
    async "headers cannot be changed"(fetch) {
      await given(fetch, ok(), async ({ headers, body }) => {
        assertThrows(() => headers.set("a", "b"), TypeError);
        assertThrows(() => headers.append("a", "b"), TypeError);
        assertThrows(() => headers.delete("content-length"), TypeError);
        await body?.cancel();
      });
    },
    async "headers are Headers"(fetch) {
      await given(fetch, ok("", "A: 1"), async ({ headers, body }) => {
        assert(headers instanceof Headers);
        assertEquals(new Headers(headers).get("a"), "1");
        await body?.cancel();
      });
    },
    async "headers hold octets above ASCII"(fetch) {
      await given(fetch, ok("", "A: caf\xe9"), async ({ headers, body }) => {
        assertEquals(headers.get("a"), "caf\u00e9");
        await body?.cancel();
      });
    },
    async "headers may have no value"(fetch) {
      await given(fetch, ok("", "A:", "B:   "), async ({ headers, body }) => {
        assertEquals([headers.get("a"), headers.get("b")], ["", ""]);
        await body?.cancel();
      });
    },
    async "a response can be made from it"(fetch) {
      await given(fetch, ok("text", "A: 1"), async (response) => {
        const made = new Response(response.body, response);
        assertEquals([made.status, made.headers.get("a"), await made.text()], [200, "1", "text"]);
      });
    },
    async "a response is read after the server closed"(fetch) {
      await using server = new WireServer(async (_, peer) => {
        await peer.send(ok("text"));
        peer.close();
      });
      const response = await fetch(server.origin);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assertEquals(await response.text(), "text");
    },
  };
}

function readingCases(): FetchCases {
  const cases: FetchCases = {
    async "text() decodes UTF-8"(fetch) {
      await given(fetch, ok("\xc3\xa4\xe2\x82\xac"), async (response) => {
        assertEquals(await response.text(), "\u00e4\u20ac");
      });
    },
    async "text() leaves a byte order mark out"(fetch) {
      await given(fetch, ok("\xef\xbb\xbftext"), async (response) => {
        assertEquals(await response.text(), "text");
      });
    },
    async "text() replaces what is no UTF-8"(fetch) {
      await given(fetch, ok("a\xffb"), async (response) => {
        assertEquals(await response.text(), "a\ufffdb");
      });
    },
    async "text() of nothing is empty"(fetch) {
      await given(fetch, ok(), async (response) => assertEquals(await response.text(), ""));
    },
    async "text() of a long body is all of it"(fetch) {
      const text = "0123456789".repeat(50_000);
      await given(fetch, ok(text), async (response) => assert(await response.text() === text));
    },
    async "json() parses"(fetch) {
      await given(fetch, ok('{"a":[1,null]}'), async (response) => {
        assertEquals(await response.json(), { a: [1, null] });
      });
    },
    async "json() of what is none rejects with SyntaxError"(fetch) {
      await given(fetch, ok("{"), async (response) => {
        await assertRejects(() => response.json(), SyntaxError);
        assert(response.bodyUsed);
      });
    },
    async "json() of nothing rejects with SyntaxError"(fetch) {
      await given(fetch, ok(), async (response) => {
        await assertRejects(() => response.json(), SyntaxError);
      });
    },
    async "bytes() gives the octets"(fetch) {
      await given(fetch, ok("\0\xff"), async (response) => {
        assertEquals(await response.bytes(), Uint8Array.of(0, 255));
      });
    },
    async "arrayBuffer() gives the octets and no more"(fetch) {
      await given(fetch, ok("\0\xff"), async (response) => {
        assertEquals(new Uint8Array(await response.arrayBuffer()), Uint8Array.of(0, 255));
      });
    },
    async "blob() has the content type"(fetch) {
      await given(fetch, ok("text", "Content-Type: text/plain"), async (response) => {
        const blob = await response.blob();
        assertEquals([blob.type, blob.size, await blob.text()], ["text/plain", 4, "text"]);
      });
    },
    async "formData() parses what a form sends"(fetch) {
      const type = "Content-Type: application/x-www-form-urlencoded";
      await given(fetch, ok("a=b+c&d=", type), async (response) => {
        assertEquals([...await response.formData()], [["a", "b c"], ["d", ""]]);
      });
    },
    async "formData() parses parts"(fetch) {
      const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
      const type = "Content-Type: multipart/form-data; boundary=x";
      await given(fetch, ok(body, type), async (response) => {
        assertEquals([...await response.formData()], [["a", "b"]]);
      });
    },
    async "formData() of what is none rejects with TypeError"(fetch) {
      await given(fetch, ok("text"), async (response) => {
        await assertRejects(() => response.formData(), TypeError);
      });
    },
    async "bodyUsed tells whether it was read"(fetch) {
      await given(fetch, ok("text"), async (response) => {
        assertEquals(response.bodyUsed, false);
        await response.text();
        assertEquals(response.bodyUsed, true);
      });
    },
    async "a body is read once, a long one as well"(fetch) {
      await given(fetch, ok("x".repeat(200_000)), async (response) => {
        await response.text();
        await assertRejects(() => response.text(), TypeError);
      });
    },
    async "clone() gives the same once more"(fetch) {
      await given(fetch, ok("text", "A: 1"), async (response) => {
        const copy = response.clone();
        assertEquals([copy.status, copy.url, copy.type], [200, response.url, "basic"]);
        assertEquals([copy.headers.get("a"), await copy.text()], ["1", "text"]);
        assertEquals(await response.text(), "text");
      });
    },
    async "clone() of a long body gives all of it twice"(fetch) {
      const text = "x".repeat(300_000);
      await given(fetch, ok(text), async (response) => {
        const copy = response.clone();
        const [left, right] = await Promise.all([response.text(), copy.text()]);
        assert(left === text && right === text);
      });
    },
    async "clone() of what was read throws"(fetch) {
      await given(fetch, ok("text"), async (response) => {
        await response.text();
        assertThrows(() => response.clone(), TypeError);
      });
    },
  };
  const readers = ["text", "json", "bytes", "arrayBuffer", "blob"] as const;
  for (const reader of readers) {
    cases[`${reader}() of what was read rejects with TypeError`] = async (fetch) => {
      await given(fetch, ok("1"), async (response) => {
        await response[reader]();
        await assertRejects(() => response[reader](), TypeError);
      });
    };
  }
  return cases;
}

function streamCases(): FetchCases {
  return {
    async "body is a stream of bytes"(fetch) {
      await given(fetch, ok("text"), async ({ body }) => {
        assert(body instanceof ReadableStream);
        assertEquals(await collect(body), "text");
      });
    },
    async "body is a stream of all of a long body"(fetch) {
      const text = "0123456789".repeat(50_000);
      await given(fetch, ok(text), async ({ body }) => assert(await collect(body!) === text));
    },
    async "body is the same stream each time"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async (response) => {
        assert(response.body === response.body);
        await response.body!.cancel();
      });
    },
    async "body is read by a reader, and is locked meanwhile"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async (response) => {
        const reader = response.body!.getReader();
        assert(response.body!.locked);
        let length = 0;
        for (let { done, value } = await reader.read(); !done;) {
          length += value!.length;
          ({ done, value } = await reader.read());
        }
        reader.releaseLock();
        assertEquals([length, response.bodyUsed, response.body!.locked], [100_000, true, false]);
      });
    },
    async "body is read into buffers of the reader's own"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async ({ body }) => {
        const reader = body!.getReader({ mode: "byob" });
        let length = 0;
        for (;;) {
          const { done, value } = await reader.read(new Uint8Array(1000));
          if (done) break;
          assert(value.length <= 1000);
          length += value.length;
        }
        assertEquals(length, 100_000);
      });
    },
    async "body is read through a transform"(fetch) {
      await given(fetch, ok("\xc3\xa4".repeat(60_000)), async ({ body }) => {
        let text = "";
        for await (const piece of body!.pipeThrough(new TextDecoderStream())) text += piece;
        assert(text === "\u00e4".repeat(60_000));
      });
    },
    async "body is piped to a writer"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async ({ body }) => {
        let length = 0;
        await body!.pipeTo(new WritableStream({ write: (piece) => void (length += piece.length) }));
        assertEquals(length, 100_000);
      });
    },
    async "body is teed"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async ({ body }) => {
        const [left, right] = body!.tee();
        const texts = await Promise.all([collect(left), collect(right)]);
        assertEquals(texts.map(({ length }) => length), [100_000, 100_000]);
      });
    },
    async "body is the body of another response"(fetch) {
      await given(fetch, ok("x".repeat(100_000)), async ({ body }) => {
        assertEquals((await new Response(body).text()).length, 100_000);
      });
    },
    async "body of a response is the body of a request"(fetch) {
      await using there = new WireServer(() => ok());
      await given(fetch, ok("x".repeat(100_000)), async ({ body }) => {
        await (await fetch(there.origin, { method: "POST", body })).text();
      });
      assertEquals(there.requests[0]!.body.length, 100_000);
    },
    async "body that is left in the middle of a loop is used"(fetch) {
      await given(fetch, ok("x".repeat(3_000_000)), async (response) => {
        for await (const piece of response.body!) {
          assert(piece.length > 0);
          break;
        }
        assert(response.bodyUsed);
        await assertRejects(() => response.text(), TypeError);
      });
    },
    async "body that is being read in a loop is locked"(fetch) {
      await given(fetch, ok("x".repeat(300_000)), async (response) => {
        let pieces = 0;
        for await (const _ of response.body!) {
          if (pieces++ > 0) continue;
          assert(response.body!.locked);
          assertThrows(() => response.body!.getReader(), TypeError);
          await assertRejects(() => response.text(), TypeError);
        }
        assert(pieces > 0);
      });
    },
    async "body that is cancelled is used"(fetch) {
      await given(fetch, ok("x".repeat(3_000_000)), async (response) => {
        await response.body!.cancel("enough");
        assert(response.bodyUsed);
        await assertRejects(() => response.text(), TypeError);
      });
    },
    async "body that is cancelled lets the next fetch go"(fetch) {
      await using server = new WireServer(({ index, connection }) =>
        ok(index + connection === 0 ? "x".repeat(5_000_000) : "next")
      );
      await (await fetch(server.origin)).body!.cancel();
      assertEquals(await (await fetch(server.origin)).text(), "next");
    },
    async "body comes in pieces as the server sends them"(fetch) {
      const next = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      await using server = new WireServer(async (_, peer) => {
        await peer.send(answer("200 OK", "Transfer-Encoding: chunked") + "3\r\none\r\n");
        await next[0]!.promise;
        await peer.send("3\r\ntwo\r\n");
        await next[1]!.promise;
        await peer.send("0\r\n\r\n");
      });
      const reader = (await fetch(server.origin)).body!.getReader();
      const decoder = new TextDecoder();
      assertEquals(decoder.decode((await reader.read()).value), "one");
      next[0]!.resolve();
      assertEquals(decoder.decode((await reader.read()).value), "two");
      next[1]!.resolve();
      assertEquals((await reader.read()).done, true);
    },
    async "body that nobody reads makes the server wait"(fetch) {
      let sent = 0;
      await using server = new WireServer(async (_, peer) => {
        await peer.send(answer("200 OK"));
        const piece = new Uint8Array(1_048_576);
        for (; sent < 64; sent++) await peer.sendBytes(piece);
      });
      const response = await fetch(server.origin);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert(sent < 32, `${sent} MiB were taken of a body that nobody reads`);
      await response.body!.cancel();
    },
    async "textStream() decodes"(fetch) {
      await given(fetch, ok("\xc3\xa4".repeat(60_000)), async (response) => {
        const stream = (response as unknown as { textStream?(): ReadableStream<string> })
          .textStream?.();
        if (stream === undefined) return void await response.body!.cancel();
        let text = "";
        for await (const piece of stream) text += piece;
        assert(text === "\u00e4".repeat(60_000));
      });
    },
  };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of stream) text += decoder.decode(piece, { stream: true });
  return text;
}

function codingCases(): FetchCases {
  const text = "compressed ".repeat(20_000);
  const cases: FetchCases = {
    async "a coding that is not known is left alone"(fetch) {
      await given(fetch, ok("text", "Content-Encoding: other"), async (response) => {
        assertEquals(await response.text(), "text");
      });
    },
    async "a response to HEAD is not decoded"(fetch) {
      await using server = new WireServer(() =>
        answer("200 OK", "Content-Encoding: gzip", "Content-Length: 50")
      );
      const response = await fetch(server.origin, { method: "HEAD" });
      assertEquals(await response.text(), "");
    },
    async "a gzip that is malformed fails"(fetch) {
      await given(fetch, ok("no gzip at all", "Content-Encoding: gzip"), async (response) => {
        await assertRejects(() => response.text(), TypeError);
      });
    },
    async "a gzip that is malformed fails as a stream"(fetch) {
      await given(fetch, ok("no gzip at all", "Content-Encoding: gzip"), async ({ body }) => {
        await assertRejects(() => collect(body!), TypeError);
      });
    },
    async "a gzip that breaks off fails"(fetch) {
      await using server = new WireServer(async (_, peer) => {
        const bytes = (await compressed(text, "gzip")).slice(0, -20);
        await peer.send(
          answer("200 OK", "Content-Encoding: gzip", `Content-Length: ${bytes.length}`),
        );
        await peer.sendBytes(bytes);
      });
      const response = await fetch(server.origin);
      await assertRejects(() => response.text(), TypeError);
    },
    async "a small gzip that becomes very much is decoded no faster than it is read"(fetch) {
      const bomb = await compressed("0".repeat(50_000_000), "gzip");
      await using server = new WireServer(async (_, peer) => {
        await peer.send(
          answer("200 OK", "Content-Encoding: gzip", `Content-Length: ${bomb.length}`),
        );
        await peer.sendBytes(bomb);
      });
      const reader = (await fetch(server.origin)).body!.getReader();
      const { value } = await reader.read();
      assert(value!.length <= 1_048_576, `${value!.length} bytes came at once`);
      await reader.cancel();
    },
  };
  for (const [coding, format] of Object.entries({ gzip: "gzip", br: "brotli" })) {
    const respond = async (_: unknown, peer: { sendBytes(bytes: Uint8Array): Promise<void> }) => {
      const bytes = await compressed(text, format);
      const head = answer(
        "200 OK",
        `Content-Encoding: ${coding}`,
        `Content-Length: ${bytes.length}`,
      );
      await peer.sendBytes(new Uint8Array([...new TextEncoder().encode(head), ...bytes]));
    };
    cases[`a body in ${coding} is decoded`] = async (fetch) => {
      await using server = new WireServer(respond);
      const response = await fetch(server.origin);
      assertEquals(response.headers.get("content-encoding"), coding);
      assert(await response.text() === text);
    };
    cases[`a body in ${coding} is decoded as a stream`] = async (fetch) => {
      await using server = new WireServer(respond);
      assert(await collect((await fetch(server.origin)).body!) === text);
    };
  }
  return cases;
}
