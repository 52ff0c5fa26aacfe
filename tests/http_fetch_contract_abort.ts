// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { answer, type Fetch, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** Fetches that are given up, and answers that come before all was sent. */
export const abortCases: FetchCases = {
  async "fetch() with a signal that is aborted rejects"(fetch) {
    const error = await aborts(fetch, "http://127.0.0.1:9999/", { signal: AbortSignal.abort() });
    assertEquals(error.name, "AbortError");
  },
  async "fetch() with a signal that is aborted rejects with its reason"(fetch) {
    const signal = AbortSignal.abort(new RangeError("mine"));
    await assertRejects(() => fetch("http://127.0.0.1:9999/", { signal }), RangeError, "mine");
  },
  async "fetch() with a Request whose signal is aborted rejects"(fetch) {
    const request = new Request("http://127.0.0.1:9999/", { signal: AbortSignal.abort() });
    await aborts(fetch, request);
  },
  async "fetch() is aborted while it waits for an answer"(fetch) {
    await using server = silent();
    const controller = new AbortController();
    const asked = aborts(fetch, server.origin, { signal: controller.signal });
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort();
    assertEquals((await asked).name, "AbortError");
  },
  async "fetch() is aborted at once"(fetch) {
    await using server = silent();
    const controller = new AbortController();
    const asked = aborts(fetch, server.origin, { signal: controller.signal });
    controller.abort();
    assertEquals((await asked).name, "AbortError");
  },
  async "fetch() is aborted by a timeout"(fetch) {
    await using server = silent();
    const error = await aborts(fetch, server.origin, { signal: AbortSignal.timeout(20) });
    assertEquals(error.name, "TimeoutError");
  },
  async "fetch() that is aborted closes its connection"(fetch) {
    const gone = Promise.withResolvers<void>();
    await using server = new WireServer((_, peer) => peer.closed.then(gone.resolve), true);
    await aborts(fetch, server.origin, { signal: AbortSignal.timeout(20) });
    await gone.promise;
  },
  async "fetch() is aborted while the body is read"(fetch) {
    await using server = new WireServer((_, peer) =>
      peer.send(answer("200 OK", "Content-Length: 100") + "text")
    );
    const controller = new AbortController();
    const response = await fetch(server.origin, { signal: controller.signal });
    const reading = assertRejects(() => response.text(), DOMException);
    controller.abort();
    assertEquals((await reading).name, "AbortError");
  },
  async "fetch() is aborted while the stream is read"(fetch) {
    await using server = new WireServer((_, peer) =>
      peer.send(answer("200 OK", "Content-Length: 100") + "text")
    );
    const controller = new AbortController();
    const reader = (await fetch(server.origin, { signal: controller.signal })).body!.getReader();
    assertEquals((await reader.read()).value!.length, 4);
    const reading = assertRejects(() => reader.read(), DOMException);
    controller.abort();
    await reading;
  },
  async "fetch() is aborted while its body is sent"(fetch) {
    await using server = silent();
    let cancelled = false;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => void (cancelled = true),
    });
    const signal = AbortSignal.timeout(30);
    await aborts(fetch, server.origin, { method: "POST", body, signal });
    for (let round = 0; round < 100 && !cancelled; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert(cancelled);
  },
  async "fetch() is aborted between two redirects"(fetch) {
    await using server = new WireServer(async ({ target }, peer) => {
      if (target === "/") return answer("302 Found", "Location: /next", "Content-Length: 0");
      await peer.closed;
    }, true);
    await aborts(fetch, server.origin, { signal: AbortSignal.timeout(50) });
    assertEquals(server.requests.length, 2);
  },
  async "an abort after the end changes nothing"(fetch) {
    await using server = new WireServer(() => ok("text"));
    const controller = new AbortController();
    const response = await fetch(server.origin, { signal: controller.signal });
    assertEquals(await response.text(), "text");
    controller.abort();
    assertEquals(await (await fetch(server.origin)).text(), "text");
  },
  async "an abort ends all that have the signal, and no other"(fetch) {
    await using server = new WireServer(async ({ target }, peer) => {
      if (target === "/other") return ok("text");
      await peer.closed;
    }, true);
    const signal = AbortSignal.timeout(30);
    const both = Promise.all([1, 2].map(() => aborts(fetch, server.origin, { signal })));
    assertEquals(await (await fetch(`${server.origin}/other`)).text(), "text");
    await both;
  },
  async "fetch() gives an answer that comes before the body is sent"(fetch) {
    const server = new WireServer(
      () => answer("413 Too Large", "Content-Length: 2") + "no",
      true,
    );
    const { promise: answered, resolve: end } = Promise.withResolvers<void>();
    let sent = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (sent++ === 0) return controller.enqueue(new Uint8Array(1000));
        await answered;
        controller.close();
      },
    });
    const response = await fetch(server.origin, { method: "POST", body });
    assertEquals([response.status, await response.text()], [413, "no"]);
    end();
    await server[Symbol.asyncDispose]();
  },
  async "fetch() sends and receives at the same time"(fetch) {
    await using server = new WireServer(async (_, peer) => {
      await peer.send(answer("200 OK", "Transfer-Encoding: chunked") + "3\r\none\r\n");
    }, true);
    const { promise: first, resolve: next } = Promise.withResolvers<void>();
    let sent = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (sent++ === 0) return controller.enqueue(new Uint8Array(10));
        await first;
        controller.close();
      },
    });
    const response = await fetch(server.origin, { method: "POST", body });
    const reader = response.body!.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "one");
    next();
    await reader.cancel();
  },
};

/** What a fetch that is given up fails with. */
async function aborts(
  fetch: Fetch,
  input: string | Request,
  init?: RequestInit,
): Promise<DOMException> {
  return await assertRejects(() => fetch(input, init), DOMException);
}

/** Never answers. */
function silent(): WireServer {
  return new WireServer((_, peer) => peer.closed.then(() => {}), true);
}
