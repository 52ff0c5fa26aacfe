// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { CacheControl } from "../http/cache_control.ts";
import {
  ageMs,
  decide,
  isStorable,
  isVariantFor,
  lifetimeMs,
  mayHideError,
  stored,
} from "../http/cache_policy.ts";

const NOW = Date.UTC(2026, 0, 1);

function date(offsetSeconds: number): string {
  return new Date(NOW + offsetSeconds * 1000).toUTCString();
}

function get(headers: Record<string, string> = {}, init: RequestInit = {}): Request {
  return new Request("http://localhost/a", { headers, ...init });
}

/** A response that came now. */
function entry(headers: Record<string, string>, status = 200) {
  const response = new Response(status === 204 ? null : "a", { status, headers });
  return stored(get(), response, new Uint8Array(1), NOW, NOW);
}

Deno.test("CacheControl reads directives, quoted or not, and takes the first", () => {
  const control = new CacheControl(
    new Headers({ "cache-control": 'No-Store , max-age="10", MAX-AGE=20,x="a, max-age=5",y' }),
  );
  assertEquals([control.has("no-store"), control.has("y"), control.has("z")], [true, true, false]);
  assertEquals(control.milliseconds("max-age"), 10_000);
  const odd = new CacheControl(new Headers({ "cache-control": "max-age=-1, s-maxage=1.5" }));
  assertEquals([odd.milliseconds("max-age"), odd.milliseconds("s-maxage")], [0, 0]);
  const old = new Headers({ pragma: "no-cache" });
  assertEquals(
    [new CacheControl(old, true).has("no-cache"), new CacheControl(old).has("no-cache")],
    [
      ...[true, false],
    ],
  );
});

// Data: what is asked, what is answered, and whether it is kept.
// deno-fmt-ignore
const STORABLE: readonly (readonly [Record<string, string>, Record<string, string>, number, boolean])[] = [
  [{},                                { "cache-control": "max-age=1" },               200, true],
  [{},                                { "etag": '"a"' },                              200, true],
  [{},                                { "last-modified": date(-9) },                  404, true],
  [{},                                {},                                             200, false],
  [{},                                { "etag": '"a"' },                              500, false],
  [{},                                { "etag": '"a"', "cache-control": "private" },  500, true],
  [{},                                { "cache-control": "max-age=1" },               500, true],
  [{},                                { "expires": "0" },                             200, true],
  [{},                                { "cache-control": "no-store, max-age=1" },     200, false],
  [{},                                { "cache-control": "no-store, max-age=1, must-understand" }, 200, true],
  [{},                                { "cache-control": "max-age=1, must-understand" }, 500, false],
  [{},                                { "cache-control": "no-cache, max-age=1" },     200, true],
  [{},                                { "cache-control": "private, max-age=1" },      200, true],
  [{},                                { "cache-control": "max-age=1" },               206, false],
  [{},                                { "cache-control": "max-age=1", "vary": "a, *" }, 200, false],
  [{ "cache-control": "no-store" },   { "cache-control": "max-age=1" },               200, false],
  [{ "authorization": "Basic eA==" }, { "cache-control": "max-age=1" },               200, true],
];

Deno.test("isStorable() keeps what a private cache may, and what is of use", () => {
  for (const [asked, answered, status, expected] of STORABLE) {
    const response = new Response("", { status, headers: answered });
    const label = JSON.stringify([asked, answered, status]);
    assertEquals(isStorable(get(asked), response), expected, label);
  }
  const response = new Response("", { headers: { "cache-control": "max-age=1" } });
  assertEquals(isStorable(get({}, { method: "POST" }), response), false);
});

// Data: fields of a response, and for how many seconds it is fresh.
// deno-fmt-ignore
const LIFETIMES: readonly (readonly [Record<string, string>, number, number?])[] = [
  [{ "cache-control": "max-age=60" },                                        60],
  [{ "cache-control": "s-maxage=5, max-age=60", "expires": date(7) },        60],
  [{ "cache-control": "max-age=x", "expires": date(7) },                     0],
  [{ "expires": date(30) },                                                  30],
  [{ "expires": date(30), "date": date(-10) },                               40],
  [{ "expires": "0" },                                                       0],
  [{ "expires": date(-30) },                                                 0],
  [{ "last-modified": date(-1000) },                                         100],
  [{ "last-modified": date(-100 * 86_400) },                                 86_400],
  [{ "last-modified": date(1000) },                                          0],
  [{ "last-modified": date(-1000) },                                         0, 500],
  [{ "etag": '"a"' },                                                        0],
];

Deno.test("lifetimeMs() is max-age, or Expires, or a share of the time since a change", () => {
  for (const [headers, seconds, status] of LIFETIMES) {
    assertEquals(lifetimeMs(entry(headers, status)), seconds * 1000, JSON.stringify(headers));
  }
});

Deno.test("ageMs() counts the time on the way, and at other caches", () => {
  const response = { ...entry({ age: "100", date: date(-10) }), requestMs: NOW - 2000 };
  assertEquals(ageMs(response, NOW + 5000), 107_000);
  assertEquals(ageMs(entry({ date: date(-10) }), NOW + 5000), 15_000);
  assertEquals(ageMs(entry({ date: date(10) }), NOW), 0);
  assertEquals(ageMs(entry({ age: "10, 20" }), NOW), 10_000);
  assertEquals(ageMs(entry({ age: "9".repeat(400) }), NOW), 2 ** 31 * 1000);
});

// Data: fields of a stored response and of a request, seconds since it came, and what may be done.
// deno-fmt-ignore
const DECISIONS: readonly (readonly [string, string, number, string])[] = [
  ["max-age=10",                                "",                              5,  "serve"],
  ["max-age=10",                                "",                              10, "validate"],
  ["max-age=10, no-cache",                      "",                              0,  "validate"],
  ["max-age=10",                                "no-cache",                      0,  "validate"],
  ["max-age=10",                                "max-age=3",                     5,  "validate"],
  ["max-age=10",                                "max-age=5",                     5,  "serve"],
  ["max-age=10",                                "min-fresh=6",                   5,  "validate"],
  ["max-age=10",                                "min-fresh=4",                   5,  "serve"],
  ["max-age=10",                                "max-stale",                     99, "serve"],
  ["max-age=10",                                "max-stale=5",                   15, "serve"],
  ["max-age=10",                                "max-stale=5",                   16, "validate"],
  ["max-age=10, must-revalidate",               "max-stale",                     11, "validate"],
  ["max-age=10, stale-while-revalidate=5",      "",                              15, "serve and validate"],
  ["max-age=10, stale-while-revalidate=5",      "",                              16, "validate"],
  ["max-age=10, stale-while-revalidate=5",      "max-age=12",                    13, "validate"],
  ["max-age=10, stale-while-revalidate=5, must-revalidate", "",                  12, "validate"],
];

Deno.test("decide() minds the directives of both sides", () => {
  for (const [kept, asked, seconds, expected] of DECISIONS) {
    const headers = new Headers(asked === "" ? {} : { "cache-control": asked });
    const response = entry({ "cache-control": kept });
    assertEquals(decide(response, headers, NOW + seconds * 1000), expected, `${kept} / ${asked}`);
  }
});

Deno.test("mayHideError() allows what either side or the cache says", () => {
  const hides = (kept: string, asked: string, seconds: number, byDefault = 0) =>
    mayHideError(
      entry({ "cache-control": kept }),
      new Headers(asked === "" ? {} : { "cache-control": asked }),
      NOW + seconds * 1000,
      byDefault,
    );
  assertEquals([hides("max-age=1", "", 5), hides("max-age=1", "", 5, 4000)], [false, true]);
  assertEquals(hides("max-age=1, stale-if-error=4", "", 5), true);
  assertEquals(hides("max-age=1, stale-if-error=4", "", 6), false);
  assertEquals(hides("max-age=1", "stale-if-error=9", 6), true);
  assertEquals(hides("max-age=1, must-revalidate", "stale-if-error=9", 6), false);
});

Deno.test("isVariantFor() compares what Vary names, whatever the blanks", () => {
  const response = new Response("", { headers: { vary: "Accept, x-a", etag: '"a"' } });
  const kept = stored(get({ accept: "a,  b" }), response, new Uint8Array(), NOW, NOW);
  const is = (headers: Record<string, string>) => isVariantFor(kept, new Headers(headers));
  assertEquals([is({ accept: "a,b" }), is({ accept: "a" }), is({})], [true, false, false]);
  assertEquals(is({ accept: "a,b", "x-a": "1" }), false);
});
