// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import {
  answer,
  type Fetch,
  type FetchCases,
  ok,
  type WireRequest,
  WireServer,
} from "./http_fetch_contract_case.ts";

/** What becomes of redirects. */
export const redirectCases: FetchCases = {
  ...statusCases(),

  async "fetch() tells the last URL, and that it was redirected"(fetch) {
    await using server = redirecting(302, "/there?a=b");
    const response = await fetch(`${server.origin}/here`);
    assertEquals([response.url, response.redirected], [`${server.origin}/there?a=b`, true]);
    await response.body?.cancel();
  },
  async "fetch() follows a whole URL"(fetch) {
    await using there = new WireServer(() => ok("there"));
    await using server = redirecting(302, `${there.origin}/x`);
    assertEquals(await (await fetch(server.origin)).text(), "there");
  },
  async "fetch() follows a path that is relative"(fetch) {
    await using server = redirecting(302, "../c");
    await (await fetch(`${server.origin}/a/b/here`)).text();
    assertEquals(server.requests[1]!.target, "/a/c");
  },
  async "fetch() does not send the fragment of a redirect"(fetch) {
    await using server = redirecting(302, "/there#part");
    await (await fetch(`${server.origin}/here`)).text();
    assertEquals(server.requests[1]!.target, "/there");
  },
  async "fetch() follows twenty redirects"(fetch) {
    await using server = new WireServer(({ target }) => {
      const left = Number(target.slice(1));
      return left === 0 ? ok("done") : redirect(302, `/${left - 1}`);
    });
    assertEquals(await (await fetch(`${server.origin}/20`)).text(), "done");
    await assertRejects(() => fetch(`${server.origin}/21`), TypeError, "redirect");
  },
  async "fetch() with redirect: error rejects"(fetch) {
    await using server = redirecting(302, "/there");
    const act = () => fetch(`${server.origin}/here`, { redirect: "error" });
    await assertRejects(act, TypeError, "redirect");
  },
  async "fetch() with redirect: error gives what is no redirect"(fetch) {
    await using server = redirecting(302, "/there");
    const response = await fetch(`${server.origin}/there`, { redirect: "error" });
    assertEquals(await response.text(), "there");
  },
  async "fetch() with redirect: manual gives the redirect itself"(fetch) {
    await using server = redirecting(302, "/there");
    const response = await fetch(`${server.origin}/here`, { redirect: "manual" });
    const { status, redirected, headers } = response;
    assertEquals([status, redirected, headers.get("location")], [302, false, "/there"]);
    await response.body?.cancel();
  },
  async "fetch() gives a redirect that says no place"(fetch) {
    await using server = new WireServer(() => answer("302 Found", "Content-Length: 0"));
    const response = await fetch(server.origin);
    assertEquals([response.status, response.redirected], [302, false]);
    await response.body?.cancel();
  },
  async "fetch() rejects a redirect to another scheme"(fetch) {
    await using server = redirecting(302, "ftp://127.0.0.1/");
    await assertRejects(() => fetch(`${server.origin}/here`), TypeError);
  },
  async "fetch() rejects a redirect to no URL"(fetch) {
    await using server = redirecting(302, "http://[");
    await assertRejects(() => fetch(`${server.origin}/here`), TypeError);
  },
  async "fetch() leaves fields of the content behind when it turns to GET"(fetch) {
    const headers = { "content-type": "a/b", "content-language": "de", "x-a": "b" };
    const second = await follow(fetch, 303, { method: "POST", body: "text", headers });
    assertEquals(second.headers["content-type"], undefined);
    assertEquals(second.headers["content-language"], undefined);
    assertEquals([second.headers["x-a"], second.body], ["b", ""]);
  },
  async "fetch() keeps fields of the content when it sends it again"(fetch) {
    const headers = { "content-type": "a/b" };
    const second = await follow(fetch, 307, { method: "POST", body: "text", headers });
    assertEquals([second.headers["content-type"], second.headers["content-length"]], ["a/b", "4"]);
  },
  async "fetch() sends a blob again"(fetch) {
    const second = await follow(fetch, 308, { method: "POST", body: new Blob(["blob"]) });
    assertEquals(second.body, "blob");
  },
  async "fetch() rejects a redirect that wants a stream again"(fetch) {
    await using server = redirecting(307, "/there");
    const init = { method: "POST", body: new Blob(["stream"]).stream() };
    await assertRejects(() => fetch(`${server.origin}/here`, init), TypeError);
  },
  async "fetch() follows a redirect that wants no stream again"(fetch) {
    const body = new Blob(["stream"]).stream();
    const second = await follow(fetch, 303, { method: "POST", body });
    assertEquals([second.method, second.body], ["GET", ""]);
  },
  async "fetch() keeps credentials within the origin"(fetch) {
    const headers = { authorization: "Bearer a" };
    assertEquals((await follow(fetch, 302, { headers })).headers.authorization, "Bearer a");
  },
  async "fetch() sends no credentials to another origin"(fetch) {
    await using there = new WireServer(() => ok("there"));
    await using server = redirecting(307, there.origin);
    const headers = { authorization: "Bearer a", "proxy-authorization": "b", "x-a": "kept" };
    await (await fetch(`${server.origin}/here`, { headers })).text();
    const [asked] = there.requests;
    assertEquals(asked!.headers.authorization, undefined);
    assertEquals(asked!.headers["proxy-authorization"], undefined);
    assertEquals(asked!.headers["x-a"], "kept");
  },
  async "fetch() sends no credentials of its URL to another origin"(fetch) {
    await using there = new WireServer(() => ok("there"));
    await using server = redirecting(302, there.origin);
    await (await fetch(`${server.origin.replace("//", "//user:secret@")}/here`)).text();
    assertEquals(there.requests[0]!.headers.authorization, undefined);
  },
  async "fetch() follows a redirect whose body it does not read"(fetch) {
    await using server = new WireServer(({ target }) =>
      target === "/there"
        ? ok("there")
        : answer("302 Found", "Location: /there", "Content-Length: 100000") + "x".repeat(100_000)
    );
    assertEquals(await (await fetch(`${server.origin}/here`)).text(), "there");
  },
  async "fetch() with a Request follows as its redirect mode says"(fetch) {
    await using server = redirecting(302, "/there");
    const request = new Request(`${server.origin}/here`, { redirect: "manual" });
    const response = await fetch(request);
    assertEquals(response.status, 302);
    await response.body?.cancel();
  },
};

function redirect(status: number, location: string): string {
  return answer(`${status} Elsewhere`, `Location: ${location}`, "Content-Length: 0");
}

/** Says of every path but /there where to go. */
function redirecting(status: number, location: string): WireServer {
  return new WireServer(({ target, index, connection }) =>
    target.endsWith("/there") || index + connection > 0 ? ok("there") : redirect(status, location)
  );
}

/** The second request of a fetch that is redirected once. */
async function follow(fetch: Fetch, status: number, init: RequestInit): Promise<WireRequest> {
  await using server = redirecting(status, "/there");
  await (await fetch(`${server.origin}/here`, init)).text();
  return server.requests[1]!;
}

function statusCases(): FetchCases {
  const cases: FetchCases = {};
  // Data: what a method and its body become.
  const methods: Record<number, Record<string, string>> = {
    301: { GET: "GET", POST: "GET", PUT: "PUT", HEAD: "HEAD" },
    302: { GET: "GET", POST: "GET", PUT: "PUT", HEAD: "HEAD" },
    303: { GET: "GET", POST: "GET", PUT: "GET", HEAD: "HEAD" },
    307: { GET: "GET", POST: "POST", PUT: "PUT", HEAD: "HEAD" },
    308: { GET: "GET", POST: "POST", PUT: "PUT", HEAD: "HEAD" },
  };
  for (const [status, becomes] of Object.entries(methods)) {
    for (const [method, expected] of Object.entries(becomes)) {
      cases[`fetch() sends ${expected} after a ${status} to ${method}`] = async (fetch) => {
        const sends = method === "POST" || method === "PUT";
        const init = sends ? { method, body: "text" } : { method };
        const second = await follow(fetch, Number(status), init);
        assertEquals([second.method, second.body], [
          expected,
          sends && expected === method ? "text" : "",
        ]);
      };
    }
  }
  for (const status of [300, 304, 305, 306]) {
    cases[`fetch() does not follow a ${status}`] = async (fetch) => {
      await using server = redirecting(status, "/there");
      const response = await fetch(`${server.origin}/here`);
      assertEquals(response.status, status);
      await response.body?.cancel();
    };
  }
  return cases;
}
