// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { closeIdleConnections, fetch } from "../http/fetch.ts";
import { FsResponseStore } from "../http/fs_response_store.ts";
import { ResponseCache, type ResponseCacheOptions } from "../http/response_cache.ts";
import type { ResponseStore } from "../http/response_store.ts";
import { serve } from "../http/serve.ts";
import { leakTest } from "./leak.ts";
import { hasNginx, startNginx } from "./nginx.ts";

const URL_ = "http://localhost/a";
const NOW = Date.UTC(2026, 0, 1);

function get(headers: Record<string, string> = {}, init: RequestInit = {}): Request {
  return new Request(URL_, { headers, ...init });
}

/** A server whose answers are counted, and a cache around it with a clock that is set by hand. */
function origin(
  answer: (request: Request, count: number) => Response | Promise<Response>,
  options: ResponseCacheOptions = {},
) {
  const asked: Request[] = [];
  const clock = { nowMs: NOW };
  const cache = new ResponseCache({ nowMs: () => clock.nowMs, ...options });
  const cached = cache.wrap(async (request) => {
    asked.push(request);
    return await answer(request, asked.length);
  });
  const text = async (headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const content = await (await cached(get(headers, init))).text();
    await cache.whenIdle();
    return content;
  };
  return { asked, cache, cached, clock, text };
}

/** Answers with a number that counts up, or with 304 for the tag `"a"`. */
function numbered(headers: Record<string, string>) {
  return (request: Request, count: number) => {
    const isKnown = headers.etag !== undefined &&
      request.headers.get("if-none-match") === headers.etag;
    const fields = { ...headers, "x-count": `${count}` };
    return isKnown
      ? new Response(null, { status: 304, headers: fields })
      : new Response(`${count}`, { headers: fields });
  };
}

leakTest("ResponseCache answers while a response is fresh, and says how old it is", async () => {
  const { asked, cache, cached, clock, text } = origin(numbered({ "cache-control": "max-age=10" }));
  assertEquals(await text(), "1");
  clock.nowMs += 9_500;
  const response = await cached(get());
  assertEquals([response.headers.get("age"), response.url, response.type], ["9", URL_, "basic"]);
  assertEquals([await response.text(), asked.length], ["1", 1]);
  clock.nowMs += 500;
  assertEquals([await text(), asked.length], ["2", 2]);
  const { hits, misses, stored } = cache.statistics;
  assertEquals({ hits, misses, stored }, { hits: 1, misses: 2, stored: 2 });
});

leakTest(
  "ResponseCache asks whether what it has is still good, and takes the new fields",
  async () => {
    const headers = { "cache-control": "max-age=10", etag: '"a"' };
    const { asked, cache, cached, clock, text } = origin(numbered(headers));
    await text();
    clock.nowMs += 20_000;
    const response = await cached(get());
    assertEquals([response.status, await response.text()], [200, "1"]);
    assertEquals(response.headers.get("x-count"), "2");
    assertEquals(asked[1]!.headers.get("if-none-match"), '"a"');
    await cache.whenIdle();
    clock.nowMs += 9_000;
    assertEquals([await text(), asked.length, cache.statistics.validated], ["1", 2, 1]);
  },
);

leakTest("ResponseCache asks for the whole when a 304 is about something else", async () => {
  const { asked, clock, text } = origin((request, count) => {
    const fields = { "cache-control": "max-age=10", etag: `"${count}"` };
    const isAsked = request.headers.has("if-none-match");
    return new Response(isAsked ? null : `${count}`, {
      status: isAsked ? 304 : 200,
      headers: fields,
    });
  });
  await text();
  clock.nowMs += 20_000;
  assertEquals([await text(), asked.length], ["3", 3]);
});

leakTest("ResponseCache keeps variants apart, up to a bound", async () => {
  const { asked, text } = origin((request, count) =>
    new Response(`${request.headers.get("accept-language")} ${count}`, {
      headers: { "cache-control": "max-age=10", vary: "Accept-Language" },
    })
  );
  for (let round = 0; round < 2; round++) {
    for (const language of ["de", "fr"]) await text({ "accept-language": language });
  }
  assertEquals([await text({ "accept-language": "de" }), asked.length], ["de 1", 2]);
  for (let i = 0; i < 8; i++) await text({ "accept-language": `x${i}` });
  assertEquals(await text({ "accept-language": "de" }), "de 11");
});

leakTest("ResponseCache answers at once with what is stale, and validates meanwhile", async () => {
  const headers = { "cache-control": "max-age=10, stale-while-revalidate=10" };
  const { asked, cache, clock, text } = origin(numbered(headers));
  await text();
  clock.nowMs += 15_000;
  assertEquals(await text(), "1");
  assertEquals([await text(), asked.length], ["2", 2]);
  assertEquals(cache.statistics.staleHits, 1);
});

leakTest("ResponseCache hides an error behind what is stale, for as long as it may", async () => {
  let broken: "" | "500" | "error" = "";
  const { clock, text, cache } = origin((_, count) => {
    if (broken === "error") throw new TypeError("unreachable");
    if (broken === "500") return new Response("broken", { status: 500 });
    const headers = { "cache-control": "max-age=10, stale-if-error=10" };
    return new Response(`${count}`, { headers });
  });
  await text();
  clock.nowMs += 15_000;
  for (broken of ["500", "error"] as const) assertEquals(await text(), "1");
  assertEquals(cache.statistics.staleHits, 2);
  clock.nowMs += 10_000;
  await assertRejects(() => text(), TypeError, "unreachable");
  broken = "500";
  assertEquals(await text(), "broken");
});

leakTest("ResponseCache minds what the request says", async () => {
  const { asked, cached, text } = origin(numbered({ "cache-control": "max-age=10" }));
  const only = await cached(get({ "cache-control": "only-if-cached" }));
  assertEquals([only.status, asked.length], [504, 0]);
  assertEquals(await text({ "cache-control": "no-store" }), "1");
  assertEquals(await text(), "2");
  assertEquals(await text({ "cache-control": "only-if-cached" }), "2");
  assertEquals(await text({ pragma: "no-cache" }), "3");
  assertEquals(await text(), "3");
  assertEquals(await text({ range: "bytes=0-0" }), "4");
  assertEquals(await text({ "if-none-match": '"x"' }), "5");
  assertEquals(await text({}, { method: "HEAD" }), "6");
  assertEquals(await text(), "3");
});

leakTest("ResponseCache forgets what an unsafe method may have changed", async () => {
  for (
    const [method, status, forgets] of [["POST", 200, true], ["DELETE", 204, true], [
      "PUT",
      500,
      false,
    ]] as const
  ) {
    const { asked, text } = origin((request, count) =>
      request.method === "GET"
        ? new Response(`${count}`, { headers: { "cache-control": "max-age=10" } })
        : new Response(null, { status })
    );
    await text();
    await text({}, { method });
    await text();
    assertEquals(asked.length, forgets ? 3 : 2, method);
  }
});

leakTest("ResponseCache forgets what Location names, of the same origin only", async () => {
  const asked: string[] = [];
  const cache = new ResponseCache();
  const cached = cache.wrap((request) => {
    asked.push(`${request.method} ${request.url}`);
    const headers = {
      "cache-control": "max-age=10",
      location: "/b",
      "content-location": "http://other/",
    };
    return Promise.resolve(new Response("", { headers }));
  });
  const ask = async (url: string, method = "GET") => {
    await (await cached(new Request(url, { method }))).text();
    await cache.whenIdle();
  };
  const urls = ["http://localhost/b", "http://other/"];
  for (const url of urls) await ask(url);
  await ask(URL_, "POST");
  for (const url of urls) await ask(url);
  assertEquals(asked.slice(3), ["GET http://localhost/b"]);
});

leakTest("ResponseCache keeps nothing that was on its way when it was invalidated", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { asked, clock, text } = origin(async (request, count) => {
    if (count === 1) await promise;
    return new Response(`${count} ${request.method}`, {
      headers: { "cache-control": "max-age=10" },
    });
  });
  const early = text();
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve));
  clock.nowMs += 10;
  await text({}, { method: "POST" });
  resolve();
  assertEquals(await early, "1 GET");
  clock.nowMs += 10;
  assertEquals([await text(), asked.length], ["3 GET", 3]);
});

leakTest("ResponseCache makes one request of many that ask for the same", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { asked, cached } = origin(async (_, count) => {
    await promise;
    return new Response(`${count}`, { headers: { "cache-control": "max-age=10" } });
  });
  const answers = Array.from({ length: 20 }, () => cached(get()));
  resolve();
  const texts = await Promise.all(answers.map(async (answer) => await (await answer).text()));
  assertEquals([texts, asked.length], [Array(20).fill("1"), 1]);
});

leakTest("ResponseCache lets those go on who waited for what is not kept, or failed", async () => {
  for (const fails of [true, false]) {
    const { asked, cached } = origin(async (_, count) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (fails && count === 1) throw new TypeError("reset");
      return new Response("x", { headers: { "cache-control": "no-store" } });
    });
    const answers = await Promise.allSettled([cached(get()), cached(get()), cached(get())]);
    assertEquals(answers.map(({ status }) => status), [
      ...[fails ? "rejected" : "fulfilled", "fulfilled", "fulfilled"],
    ]);
    assertEquals(asked.length, 3);
  }
});

leakTest("ResponseCache lets one who waits for another give up", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { cached, cache } = origin(async () => (await promise, new Response("x")));
  const first = cached(get());
  const waits = cached(get({}, { signal: AbortSignal.timeout(5) }));
  await assertRejects(() => waits, DOMException);
  resolve();
  await (await first).text();
  await cache.whenIdle();
});

leakTest("ResponseCache hands out a long content, and does not keep it", async () => {
  const long = "x".repeat(1000);
  const headers = { "cache-control": "max-age=10" };
  for (const known of [true, false]) {
    const { asked, text, cache } = origin(() => {
      const body = new Blob([long]).stream();
      return new Response(body, {
        headers: known ? { ...headers, "content-length": "1000" } : headers,
      });
    }, { responseBytesMax: 999 });
    assertEquals([await text(), await text(), asked.length], [long, long, 2]);
    assertEquals(cache.statistics.stored, 0);
  }
});

leakTest("ResponseCache keeps nothing of a content that breaks off or is given up", async () => {
  let cancelled = 0;
  const { asked, cached, cache } = origin((_, count) => {
    const body = new ReadableStream({
      pull(controller) {
        if (count === 1) controller.error(new TypeError("reset"));
        else controller.enqueue(new Uint8Array(10));
      },
      cancel: () => void cancelled++,
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "cache-control": "max-age=10" } });
  });
  await assertRejects(async () => await (await cached(get())).text(), TypeError, "reset");
  await (await cached(get())).body!.cancel();
  await cache.whenIdle();
  assertEquals([asked.length, cancelled, cache.statistics.stored], [2, 1, 0]);
});

leakTest("ResponseCache gives each caller bytes of its own", async () => {
  const { cached, cache } = origin(numbered({ "cache-control": "max-age=10" }));
  for (let i = 0; i < 3; i++) {
    const bytes = await (await cached(get())).bytes();
    assertEquals(bytes, new Uint8Array([0x31]));
    bytes.fill(0);
    await cache.whenIdle();
  }
});

leakTest(
  "ResponseCache keeps what came, whatever a reader does to its chunks meanwhile",
  async () => {
    const rest = Promise.withResolvers<void>();
    const { cache, cached } = origin(() => {
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("one "));
          await rest.promise;
          controller.enqueue(new TextEncoder().encode("two"));
          controller.close();
        },
      });
      return new Response(body, { headers: { "cache-control": "max-age=10" } });
    });
    for await (const chunk of (await cached(get())).body!) {
      chunk.fill(0);
      structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
      rest.resolve();
    }
    await cache.whenIdle();
    assertEquals(await (await cached(get())).text(), "one two");
  },
);

leakTest("ResponseCache answers although its store fails", async () => {
  const fail = () => Promise.reject(new Error("disk gone"));
  const store: ResponseStore = { get: fail, set: fail, delete: fail, clear: fail };
  const { cache, text } = origin(numbered({ "cache-control": "max-age=10" }), { store });
  assertEquals([await text(), await text()], ["1", "2"]);
  assertEquals([cache.statistics.stored, cache.statistics.storeErrors > 0], [0, true]);
});

leakTest("ResponseCache works with fetch and serve, and a store on the disk", async () => {
  const folder = await Deno.makeTempDir();
  const conditions: (string | null)[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = serve(options, (request) => {
    conditions.push(request.headers.get("if-none-match"));
    const headers = { etag: '"1"', "cache-control": "no-cache" };
    const status = request.headers.get("if-none-match") === '"1"' ? 304 : 200;
    return new Response(status === 304 ? null : "hello", { status, headers });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  for (let i = 0; i < 3; i++) {
    const cache = new ResponseCache({ store: new FsResponseStore(folder) });
    const response = await cache.wrap((request) => fetch(request))(new Request(url));
    assertEquals([response.status, await response.text()], [200, "hello"]);
    await cache.whenIdle();
  }
  assertEquals(conditions, [null, '"1"', '"1"']);
  closeIdleConnections();
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});

leakTest("ResponseCache validates a file of nginx", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/www`);
  await Deno.writeTextFile(`${folder}/www/file`, "hello");
  {
    await using nginx = await startNginx(folder, "expires -1;");
    const cache = new ResponseCache();
    const cached = cache.wrap((request) => fetch(request));
    for (let i = 0; i < 3; i++) {
      const response = await cached(new Request(`${nginx.url}/file`));
      assertEquals([response.status, await response.text()], [200, "hello"]);
      await cache.whenIdle();
    }
    assertEquals([cache.statistics.validated, cache.statistics.misses], [2, 1]);
    closeIdleConnections();
  }
  await Deno.remove(folder, { recursive: true });
}, { ignore: !hasNginx() });
