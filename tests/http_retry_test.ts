// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseHttpDate } from "../http/http_date.ts";
import { retry, type RetryOptions } from "../http/retry.ts";
import { retryAfterMs } from "../http/retry_after.ts";
import { serve } from "../http/serve.ts";
import { leakTest } from "./leak.ts";

const QUICK: RetryOptions = { backoff: { firstMs: 1, mostMs: 2 }, budgetShare: 1 };

/** A fetch that gives these outcomes in turn, and keeps what was sent. */
function scripted(outcomes: readonly (number | Error | Response)[]) {
  const sent: string[] = [];
  const fetch = async (request: Request) => {
    const outcome = outcomes[sent.length]!;
    sent.push(await request.text());
    if (outcome instanceof Error) throw outcome;
    return typeof outcome === "number" ? new Response(null, { status: outcome }) : outcome;
  };
  return { fetch, sent };
}

function request(init?: RequestInit): Request {
  return new Request("http://localhost/", init);
}

/** A stream whose pieces are handed out one at a time. */
function slowBody(pieces: readonly string[]) {
  let cancelled: unknown;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const left = [...pieces];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await new Promise((resolve) => timer = setTimeout(resolve, 1));
      if (cancelled !== undefined) return;
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
    cancel(reason) {
      cancelled = reason ?? true;
      clearTimeout(timer);
    },
  }, { highWaterMark: 0 });
  return { body, cancelled: () => cancelled };
}

Deno.test("parseHttpDate() reads the three forms, and nothing else", () => {
  const ms = Date.UTC(1994, 10, 6, 8, 49, 37);
  assertEquals(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), ms);
  assertEquals(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), ms);
  assertEquals(parseHttpDate("Sun Nov  6 08:49:37 1994"), ms);
  assertEquals(parseHttpDate(new Date(ms).toUTCString()), ms);
  for (const bad of ["", "0", "-1", "1994-11-06", "Sun, 31 Feb 1994 08:49:37 GMT"]) {
    assert(Number.isNaN(parseHttpDate(bad)), bad);
  }
  assert(Number.isNaN(parseHttpDate("Sun, 06 Foo 1994 08:49:37 GMT")));
  assert(Number.isNaN(parseHttpDate("Sun, 06 Nov 1994 24:00:00 GMT")));
});

Deno.test("retryAfterMs() reads seconds and dates", () => {
  const of = (value: string) => retryAfterMs(new Headers({ "retry-after": value }), 1_000_000);
  assertEquals(of("120"), 120_000);
  assertEquals(of(new Date(1_005_000).toUTCString()), 5000);
  assertEquals(of(new Date(0).toUTCString()), 0);
  assertEquals([of("soon"), of("-1"), of("1.5"), retryAfterMs(new Headers())], [0, 0, 0, 0]);
});

// Data: what a server answers, how often it is asked, and what the caller gets.
// deno-fmt-ignore
const OUTCOMES: readonly (readonly [string, (number | Error)[], RequestInit, number, number | string, RetryOptions?])[] = [
  ["answers 200",                       [200],                       {},                          1, 200],
  ["answers 503 once",                  [503, 200],                  {},                          2, 200],
  ["answers 503 always",                [503, 503, 503, 200],        {},                          3, 503],
  ["answers 500",                       [500, 200],                  {},                          1, 500],
  ["answers 404",                       [404, 200],                  {},                          1, 404],
  ["fails once",                        [new TypeError("reset"), 200], {},                        2, 200],
  ["fails always",                      Array(3).fill(new TypeError("reset")), {},                3, "reset"],
  ["fails, and it is POST",             [new TypeError("reset"), 200], { method: "POST" },        1, "reset"],
  ["answers 503, and it is POST",       [503, 200],                  { method: "POST" },          1, 503],
  ["answers 503, and POST may",         [503, 200],                  { method: "POST" },          2, 200, { methods: ["POST"] }],
  ["answers 503, and PUT has a body",   [503, 429, 201],             { method: "PUT", body: "a" }, 3, 201],
  ["answers 418, which was chosen",     [418, 200],                  {},                          2, 200, { statuses: [418] }],
  ["answers 503, and one try is all",   [503, 200],                  {},                          1, 503, { triesMax: 1 }],
];

for (const [what, outcomes, init, tries, expected, options] of OUTCOMES) {
  leakTest(`retry() asks a server ${tries} times that ${what}`, async () => {
    const { fetch, sent } = scripted(outcomes);
    const result = await retry(fetch, { ...QUICK, ...options })(request(init)).then(
      (response) => response.status,
      (error) => error.message,
    );
    assertEquals([result, sent], [expected, Array(tries).fill(init.body ?? "")]);
  });
}

leakTest("retry() sends a streamed body again from its first byte", async () => {
  const { body } = slowBody(["one ", "two ", "three"]);
  let tries = 0;
  const flaky = retry(async (request) => {
    tries++;
    if (tries === 3) return new Response(await request.text());
    const reader = request.body!.getReader();
    for (let i = 0; i < tries; i++) await reader.read();
    // Its last read is under way when it gives up.
    reader.read().catch(() => {});
    reader.releaseLock();
    throw new TypeError("reset");
  }, QUICK);
  assertEquals(await (await flaky(request({ method: "PUT", body }))).text(), "one two three");
});

leakTest(
  "retry() does not try again with a body longer than its bound, and passes it on",
  async () => {
    const { body, cancelled } = slowBody(["one ", "two ", "three"]);
    const { fetch, sent } = scripted([503, 200]);
    const once = retry(fetch, { ...QUICK, bodyBytesMax: 6 });
    assertEquals((await once(request({ method: "PUT", body }))).status, 503);
    assertEquals([sent, cancelled()], [["one two three"], undefined]);
  },
);

leakTest("retry() does not try again when the caller's stream fails", async () => {
  const body = new ReadableStream({ pull: (c) => c.error(new Error("disk gone")) });
  let tries = 0;
  const put = retry((request) => (tries++, request.text().then(() => new Response())), QUICK);
  await assertRejects(() => put(request({ method: "PUT", body })), Error, "disk gone");
  assertEquals(tries, 1);
});

leakTest("retry() gives up a stream that no try wants any more", async () => {
  const { body, cancelled } = slowBody(Array(1000).fill("x"));
  const early = retry(async (request) => {
    await request.body!.cancel("enough");
    return new Response("no", { status: 413 });
  }, QUICK);
  assertEquals((await early(request({ method: "PUT", body }))).status, 413);
  assert(cancelled() !== undefined);
  const failing = slowBody(Array(1000).fill("x"));
  const error = new TypeError("reset");
  const never = retry(() => Promise.reject(error), QUICK);
  await assertRejects(() => never(request({ method: "PUT", body: failing.body })), TypeError);
  assertEquals(failing.cancelled(), error);
});

leakTest("retry() ends with the reason of the request's signal, also while it waits", async () => {
  const aborter = new AbortController();
  let tries = 0;
  const waiting = retry(() => {
    tries++;
    queueMicrotask(() => aborter.abort(new Error("enough")));
    return Promise.resolve(new Response("", { status: 503, headers: { "retry-after": "50" } }));
  });
  const { signal } = aborter;
  await assertRejects(() => waiting(request({ signal })), Error, "enough");
  assertEquals(tries, 1);
});

leakTest("retry() waits as Retry-After says, and not when it asks for too long", async () => {
  const after = (seconds: string) =>
    new Response("", { status: 429, headers: { "retry-after": seconds } });
  const { fetch, sent } = scripted([after("1"), 200]);
  const begin = performance.now();
  assertEquals((await retry(fetch, QUICK)(request())).status, 200);
  assert(performance.now() - begin >= 1000);
  assertEquals(sent.length, 2);
  const long = scripted([after("61"), 200]);
  assertEquals((await retry(long.fetch, QUICK)(request())).status, 429);
});

leakTest("retry() gives up the bodies of the responses that it does not hand out", async () => {
  let cancelled = 0;
  const body = new ReadableStream({ cancel: () => void cancelled++ });
  const { fetch } = scripted([new Response(body, { status: 503 }), 200]);
  assertEquals((await retry(fetch, QUICK)(request())).status, 200);
  assertEquals(cancelled, 1);
});

leakTest("retry() asks a broken server little more often than it is asked to", async () => {
  let tries = 0;
  const broken = retry(() => (tries++, Promise.resolve(new Response("", { status: 503 }))), {
    ...QUICK,
    budgetShare: 0.1,
  });
  for (let i = 0; i < 100; i++) await broken(request());
  assert(tries <= 100 + 10 + 10, `${tries} tries`);
});

leakTest("retry() sends bodies of one piece with their length, to a real server", async () => {
  const lengths: (string | null)[] = [];
  const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    lengths.push(request.headers.get("content-length"));
    return new Response(await request.text(), { status: lengths.length < 3 ? 503 : 200 });
  });
  using client = Deno.createHttpClient({});
  const init = { method: "PUT", body: "text".repeat(1000) };
  const reliable = retry((request) => fetch(request, { client }), QUICK);
  const { port } = server.addr;
  const response = await reliable(new Request(`http://127.0.0.1:${port}/`, init));
  assertEquals([response.status, await response.text()], [200, init.body]);
  assertEquals(lengths, ["4000", "4000", "4000"]);
  await server.shutdown();
});
