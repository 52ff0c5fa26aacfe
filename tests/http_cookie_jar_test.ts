// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CookieJar } from "../http/cookie_jar.ts";
import { siteOf } from "../http/public_suffix.ts";
import { isPublicSuffix } from "../http/public_suffix.ts";
import { parseCookieDate, parseSetCookie } from "../http/set_cookie.ts";

const HTTPS = "https://www.example.com/a/b/page";
const HTTP = "http://www.example.com/a/b/page";

// Data: where it is set, what is set, from where it is asked for, and what is sent there.
// deno-fmt-ignore
const CASES: readonly (readonly [string, string, string, string | undefined])[] = [
  [HTTPS, "a=b",                                        HTTPS,                            "a=b"],
  [HTTPS, " a = b c ; x=y",                             HTTPS,                            "a=b c"],
  [HTTPS, "a=b=c",                                      HTTPS,                            "a=b=c"],
  [HTTPS, "a=\"b\"",                                    HTTPS,                            "a=\"b\""],
  [HTTPS, "a=",                                         HTTPS,                            "a="],
  [HTTPS, "b",                                          HTTPS,                            "b"],
  [HTTPS, "=b",                                         HTTPS,                            "b"],
  [HTTPS, "=",                                          HTTPS,                            undefined],
  [HTTPS, "",                                           HTTPS,                            undefined],
  [HTTPS, "a=b\x01",                                    HTTPS,                            undefined],
  [HTTPS, "a=b\tc",                                     HTTPS,                            "a=b\tc"],
  [HTTPS, `a=${"x".repeat(4095)}`,                      HTTPS,                            `a=${"x".repeat(4095)}`],
  [HTTPS, `a=${"x".repeat(4096)}`,                      HTTPS,                            undefined],
  // The default path is that of the page's folder.
  [HTTPS, "a=b",                                        "https://www.example.com/a/b",    "a=b"],
  [HTTPS, "a=b",                                        "https://www.example.com/a/b/c/", "a=b"],
  [HTTPS, "a=b",                                        "https://www.example.com/a/bc",   undefined],
  [HTTPS, "a=b",                                        "https://www.example.com/a/",     undefined],
  ["https://www.example.com", "a=b",                    "https://www.example.com/x",      "a=b"],
  [HTTPS, "a=b; Path=/",                                "https://www.example.com/x",      "a=b"],
  [HTTPS, "a=b; Path=/x/",                              "https://www.example.com/x/y",    "a=b"],
  [HTTPS, "a=b; Path=/x/",                              "https://www.example.com/x",      undefined],
  [HTTPS, "a=b; Path=x",                                "https://www.example.com/a/b/c",  "a=b"],
  [HTTPS, "a=b; Path=/x; path=/",                       "https://www.example.com/y",      "a=b"],
  // Hosts and domains.
  [HTTPS, "a=b; Path=/",                                "https://example.com/",           undefined],
  [HTTPS, "a=b; Path=/",                                "https://x.www.example.com/",     undefined],
  [HTTPS, "a=b; Path=/; Domain=example.com",            "https://example.com/",           "a=b"],
  [HTTPS, "a=b; Path=/; Domain=.EXAMPLE.com",           "https://x.y.example.com/",       "a=b"],
  [HTTPS, "a=b; Path=/; Domain=example.com",            "https://notexample.com/",        undefined],
  [HTTPS, "a=b; Path=/; Domain=www.example.com",        "https://www.example.com/",       "a=b"],
  [HTTPS, "a=b; Path=/; Domain=x.www.example.com",      "https://x.www.example.com/",     undefined],
  [HTTPS, "a=b; Path=/; Domain=other.com",              "https://other.com/",             undefined],
  [HTTPS, "a=b; Path=/; Domain=com",                    HTTPS,                            undefined],
  [HTTPS, "a=b; Path=/; Domain=",                       HTTPS,                            "a=b"],
  ["https://a.co.uk/", "a=b; Domain=co.uk",             "https://b.co.uk/",               undefined],
  ["https://co.uk/", "a=b; Domain=co.uk",               "https://co.uk/",                 "a=b"],
  ["https://co.uk/", "a=b; Domain=co.uk",               "https://a.co.uk/",               undefined],
  ["https://evil.com./", "a=b; Domain=com.",            "https://other.com./",            undefined],
  ["https://a.co.uk./", "a=b; Domain=co.uk.",           "https://b.co.uk./",              undefined],
  ["http://localhost:1/", "a=b; Domain=localhost",      "http://localhost:2/",            "a=b"],
  ["http://127.0.0.1/", "a=b",                          "http://127.0.0.1/",              "a=b"],
  ["http://127.0.0.1/", "a=b; Domain=127.0.0.1",        "http://127.0.0.1/",              "a=b"],
  ["http://127.0.0.1/", "a=b; Domain=0.0.1",            "http://127.0.0.1/",              undefined],
  ["http://[::1]/", "a=b",                              "http://[::1]/",                  "a=b"],
  ["http://WWW.Example.COM/", "a=b",                    "http://www.example.com/",        "a=b"],
  // Secure, prefixes, SameSite.
  [HTTPS, "a=b; Secure",                                HTTPS,                            "a=b"],
  [HTTPS, "a=b; secure=x",                              HTTP,                             undefined],
  [HTTP,  "a=b; Secure",                                HTTPS,                            undefined],
  [HTTPS, "a=b; HttpOnly",                              HTTP,                             "a=b"],
  [HTTPS, "__Secure-a=b; Secure",                       HTTPS,                            "__Secure-a=b"],
  [HTTPS, "__secure-a=b",                               HTTPS,                            undefined],
  [HTTPS, "__Host-a=b; Secure; Path=/",                 HTTPS,                            "__Host-a=b"],
  [HTTPS, "__Host-a=b; Secure",                         "https://www.example.com/a/b/c",  undefined],
  [HTTPS, "__Host-a=b; Secure; Path=/; Domain=example.com", HTTPS,                        undefined],
  [HTTPS, "=__Host-a; Secure; Path=/",                  HTTPS,                            undefined],
  [HTTPS, "a=b; SameSite=None",                         HTTPS,                            undefined],
  [HTTPS, "a=b; SameSite=None; Secure",                 HTTPS,                            "a=b"],
  // Expiry: 1970-01-12 is now.
  [HTTPS, "a=b; Max-Age=10",                            HTTPS,                            "a=b"],
  [HTTPS, "a=b; Max-Age=0",                             HTTPS,                            undefined],
  [HTTPS, "a=b; Max-Age=-5",                            HTTPS,                            undefined],
  [HTTPS, "a=b; Max-Age=1x",                            HTTPS,                            "a=b"],
  [HTTPS, "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HTTPS,                            undefined],
  [HTTPS, "a=b; Expires=Thu, 01 Jan 2099 00:00:00 GMT", HTTPS,                            "a=b"],
  [HTTPS, "a=b; Expires=nonsense",                      HTTPS,                            "a=b"],
  [HTTPS, "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5", HTTPS,                 "a=b"],
  [HTTPS, `a=b; Path=/${"x".repeat(1024)}`,             "https://www.example.com/a/b/c",  "a=b"],
];

Deno.test("CookieJar sends back what it should, where it should", () => {
  for (const [from, text, to, expected] of CASES) {
    const jar = new CookieJar({ nowMs: () => 1_000_000_000 });
    jar.store(from, [text]);
    assertEquals(jar.cookiesFor(to), expected, `${text} from ${from} to ${to}`);
  }
});

// Data: dates as they are met, and what they mean.
// deno-fmt-ignore
const DATES: readonly (readonly [string, number])[] = [
  ["Wed, 21 Oct 2015 07:28:00 GMT",  Date.UTC(2015, 9, 21, 7, 28)],
  ["Wed, 21-Oct-15 07:28:00 GMT",    Date.UTC(2015, 9, 21, 7, 28)],
  ["Wed Oct 21 07:28:00 2015",       Date.UTC(2015, 9, 21, 7, 28)],
  ["21 october 2015 7:28:0",         Date.UTC(2015, 9, 21, 7, 28)],
  ["07:28:00 21 Oct 70",             Date.UTC(1970, 9, 21, 7, 28)],
  ["07:28:00 21 Oct 69",             Date.UTC(2069, 9, 21, 7, 28)],
  ["07:28:00GMT 21st Oct 2015AD",    Date.UTC(2015, 9, 21, 7, 28)],
  ["31 Feb 2015 07:28:00",           NaN],
  ["21 Oct 1600 07:28:00",           NaN],
  ["21 Oct 2015 24:00:00",           NaN],
  ["21 Oct 2015",                    NaN],
  ["",                               NaN],
];

Deno.test("parseCookieDate() reads what servers write", () => {
  for (const [text, ms] of DATES) assertEquals(parseCookieDate(text), ms, text);
});

Deno.test("parseSetCookie() lets nothing last for more than 400 days", () => {
  const most = 400 * 86_400_000;
  assertEquals(parseSetCookie("a=b; Max-Age=99999999999999", 0)!.expiresMs, most);
  assertEquals(parseSetCookie("a=b; Expires=Wed, 21 Oct 2099 07:28:00 GMT", 0)!.expiresMs, most);
});

Deno.test("parseSetCookie() takes any text without an error, and keeps to its bound", () => {
  const piece = fc.constantFrom("a", "=", ";", " ", "\t", "\0", "Domain", "Expires", "é", "1:1:1");
  fc.assert(fc.property(fc.array(piece).map((pieces) => pieces.join("")), (text) => {
    const cookie = parseSetCookie(text, 0);
    if (cookie === null) return;
    assert(!cookie.name.includes("=") && !`${cookie.name}${cookie.value}`.includes(";"));
    const jar = new CookieJar({ nowMs: () => 0 });
    jar.store(HTTPS, [text]);
    assert(jar.size <= 1);
  }));
});

Deno.test("CookieJar sends the longest path first, then the oldest", () => {
  let now = 0;
  const jar = new CookieJar({ nowMs: () => now++ });
  jar.store(HTTPS, ["a=1; Path=/", "b=2; Path=/a/b", "c=3; Path=/", "d=4; Path=/a"]);
  jar.store(HTTPS, ["a=5; Path=/"]);
  assertEquals(jar.cookiesFor(HTTPS), "b=2; d=4; a=5; c=3");
});

Deno.test("CookieJar keeps a host's cookie apart from its domain's", () => {
  const jar = new CookieJar();
  jar.store(HTTPS, ["a=host; Path=/", "a=domain; Path=/; Domain=www.example.com"]);
  assertEquals(jar.cookiesFor(HTTPS), "a=host; a=domain");
  assertEquals(jar.cookiesFor("https://x.www.example.com/"), "a=domain");
});

Deno.test("CookieJar forgets what has expired, and what is set anew with a past date", () => {
  let now = 1_000_000;
  const jar = new CookieJar({ nowMs: () => now });
  jar.store(HTTPS, ["a=b; Max-Age=10", "c=d", "e=f; Max-Age=100"]);
  now += 10_000;
  assertEquals(jar.cookiesFor(HTTPS), "c=d; e=f");
  jar.store(HTTPS, ["e=; Max-Age=0"]);
  assertEquals([jar.cookiesFor(HTTPS), jar.size], ["c=d", 1]);
  jar.clear();
  assertEquals([jar.cookiesFor(HTTPS), jar.size], [undefined, 0]);
});

Deno.test("CookieJar lets no plain connection overlay a Secure cookie", () => {
  const jar = new CookieJar();
  jar.store(HTTPS, ["id=good; Secure; Path=/a; Domain=example.com"]);
  jar.store(HTTP, ["id=evil; Path=/a/b", "id=evil; Path=/a/b; Domain=example.com"]);
  assertEquals(jar.cookiesFor(HTTPS), "id=good");
  jar.store(HTTP, ["id=other; Path=/", "more=x; Path=/"]);
  assertEquals(jar.cookiesFor(HTTP), "id=other; more=x");
});

Deno.test("CookieJar minds SameSite where a page of another site causes the request", () => {
  const jar = new CookieJar();
  jar.store(HTTPS, [
    ...["s=1; SameSite=Strict", "l=2; SameSite=Lax", "d=3", "n=4; SameSite=None; Secure"],
  ]);
  const all = "s=1; l=2; d=3; n=4";
  assertEquals(jar.cookiesFor(HTTPS), all);
  assertEquals(jar.cookiesFor(HTTPS, { from: "https://shop.example.com/" }), all);
  assertEquals(jar.cookiesFor(HTTPS, { from: "https://other.com/" }), "n=4");
  assertEquals(jar.cookiesFor(HTTPS, { from: "http://example.com/" }), "n=4");
  const from = "https://other.com/";
  assertEquals(jar.cookiesFor(HTTPS, { from, navigates: true }), "l=2; d=3; n=4");
});

Deno.test("siteOf() goes up to the name below a public suffix", () => {
  const site = (host: string) => siteOf(host, isPublicSuffix);
  assertEquals(site("a.b.example.co.uk"), "example.co.uk");
  assertEquals(site("example.com"), "example.com");
  assertEquals(site("me.github.io"), "me.github.io");
  assertEquals([site("localhost"), site("127.0.0.1"), site("[::1]")], [
    ...["localhost", "127.0.0.1", "[::1]"],
  ]);
});

Deno.test("CookieJar takes a list of public suffixes from its caller", () => {
  const jar = new CookieJar({ isPublicSuffix: (domain) => domain === "example.com" });
  jar.store(HTTPS, ["a=b; Domain=example.com; Path=/", "c=d; Path=/"]);
  assertEquals(jar.cookiesFor(HTTPS), "c=d");
});

Deno.test("CookieJar keeps no more than it may, of a domain and in all", () => {
  let now = 0;
  const jar = new CookieJar({ cookiesMax: 10, cookiesPerDomainMax: 3, nowMs: () => ++now });
  jar.store(HTTPS, ["a=1; Secure; Path=/", "b=2; Path=/", "c=3; Path=/"]);
  jar.cookiesFor(HTTPS);
  jar.store(HTTPS, ["d=4; Path=/"]);
  // Not the Secure one, and of the others the one unused for longest.
  assertEquals(jar.cookiesFor(HTTPS), "a=1; c=3; d=4");
  for (let i = 0; i < 20; i++) jar.store(`https://host${i}.com/`, ["x=y"]);
  assertEquals(jar.size, 10);
  assertEquals(jar.cookiesFor("https://host19.com/"), "x=y");
});

Deno.test("CookieJar keeps to its bounds whatever servers send", () => {
  const url = fc.constantFrom(HTTPS, HTTP, "https://a.example.com/", "https://b.com/x/");
  const cookie = fc.tuple(
    fc.constantFrom("a", "b", "c", "d", "e"),
    fc.constantFrom("", "; Domain=example.com", "; Max-Age=1", "; Secure", "; Path=/"),
  ).map(([name, rest]) => `${name}=x${rest}`);
  fc.assert(fc.property(fc.array(fc.tuple(url, cookie)), (sets) => {
    let [now, stepMs] = [0, 300];
    const nowMs = () => now += stepMs;
    const jar = new CookieJar({ cookiesMax: 5, cookiesPerDomainMax: 3, nowMs });
    for (const [from, text] of sets) {
      jar.store(from, [text]);
      assert(jar.size <= 5);
      assertEquals([...jar].length, jar.size);
      jar.cookiesFor(HTTPS);
    }
    stepMs = 0;
    const copy = CookieJar.fromJSON(JSON.parse(JSON.stringify(jar)), { nowMs });
    assertEquals(copy.cookiesFor(HTTPS), jar.cookiesFor(HTTPS));
  }));
});

Deno.test("CookieJar.fromJSON() refuses what no jar has saved", () => {
  const saved = JSON.parse(JSON.stringify(filled()));
  assertEquals(CookieJar.fromJSON(saved).cookiesFor(HTTPS), "a=b");
  for (const value of [null, [], {}, { cookies: [null] }, { cookies: [{ name: "a" }] }]) {
    assertThrows(() => CookieJar.fromJSON(value), TypeError, "Cannot restore cookies");
  }
  saved.cookies[0].expiresMs = "soon";
  assertThrows(() => CookieJar.fromJSON(saved), TypeError, "expiresMs must be a number or null");
});

function filled(): CookieJar {
  const jar = new CookieJar();
  jar.store(HTTPS, ["a=b"]);
  return jar;
}
