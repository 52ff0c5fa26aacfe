// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { answer, compressed, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";
import { given } from "./http_fetch_contract_response.ts";

const text = "compressed ".repeat(20_000);

/** The body as a stream. */
export const streamCases: FetchCases = {
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
      const { body } = response;
      assert(response.body === body);
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

/** Contents that are coded, and those that only say so. */
export const codingCases: FetchCases = {
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

/** Contents in each coding that is known. */
export function decodedCases(): FetchCases {
  const cases: FetchCases = {};
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

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of stream) text += decoder.decode(piece, { stream: true });
  return text;
}
