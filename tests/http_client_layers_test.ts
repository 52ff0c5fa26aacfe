// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { CookieJar } from "../http/cookie_jar.ts";
import { HttpClient } from "../http/http_client.ts";
import { ResponseCache } from "../http/response_cache.ts";
import { retry } from "../http/retry.ts";
import { serve } from "../http/serve.ts";
import { leakTest } from "./leak.ts";

leakTest("HttpClient caches, tries again and keeps cookies, all at once", async () => {
  const asked: string[] = [];
  const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(`${pathname} ${request.headers.get("cookie") ?? ""}`.trim());
    if (asked.length % 2 === 1) return new Response("busy", { status: 503 });
    return new Response(pathname, {
      headers: { "cache-control": "max-age=60", "set-cookie": `last=${asked.length}; Path=/` },
    });
  });
  const cookieJar = new CookieJar();
  const cache = new ResponseCache();
  const client = new HttpClient({
    cookieJar,
    around: [(next) => cache.wrap(next), (next) => retry(next, { backoff: { firstMs: 1 } })],
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (const path of ["/a", "/a", "/b", "/a"]) {
    const response = await client.fetch(url + path);
    assertEquals([response.status, response.url, await response.text()], [200, url + path, path]);
    await cache.whenIdle();
  }
  assertEquals(asked, ["/a", "/a", "/b last=2", "/b last=2"]);
  assertEquals(cookieJar.cookiesFor(url), "last=4");
  assertEquals(cache.statistics.hits, 2);
  client.close();
  await server.shutdown();
});
