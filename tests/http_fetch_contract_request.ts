// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ask, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** What leaves for what is asked. */
export const requestCases: FetchCases = {
  ...methodCases(),
  ...refusedCases(),

  async "fetch() with a URL object asks for it"(fetch) {
    const { line } = await ask((origin) => fetch(new URL("/a?b=c", origin)));
    assertEquals(line, "GET /a?b=c HTTP/1.1");
  },
  async "fetch() with a Request takes method, fields and body of it"(fetch) {
    const { line, headers, body } = await ask((origin) =>
      fetch(new Request(origin + "/r", { method: "PUT", headers: { "x-a": "b" }, body: "text" }))
    );
    assertEquals(line, "PUT /r HTTP/1.1");
    assertEquals([headers["x-a"], headers["content-length"], body], ["b", "4", "text"]);
  },
  async "fetch() with a Request and options takes those of the options first"(fetch) {
    const { method, headers, body } = await ask((origin) =>
      fetch(new Request(origin, { method: "POST", body: "old", headers: { a: "1" } }), {
        method: "PUT",
        body: "new",
        headers: { b: "2" },
      })
    );
    assertEquals([method, headers.a, headers.b, body], ["PUT", undefined, "2", "new"]);
  },
  async "fetch() with a Request marks its body as used"(fetch) {
    const requests: Request[] = [];
    await ask((origin) => {
      requests.push(new Request(origin, { method: "POST", body: "text" }));
      return fetch(requests[0]!);
    });
    assert(requests[0]!.bodyUsed);
  },
  async "fetch() with a Request whose body was used rejects"(fetch) {
    const request = new Request("http://127.0.0.1:9999/", { method: "POST", body: "text" });
    await request.text();
    await assertRejects(() => fetch(request), TypeError);
  },
  async "fetch() with an object takes its text as the URL"(fetch) {
    const { target } = await ask((origin) =>
      fetch({ toString: () => `${origin}/text` } as unknown as string)
    );
    assertEquals(target, "/text");
  },
  async "fetch() does not send the fragment"(fetch) {
    assertEquals((await ask((origin) => fetch(`${origin}/a#b`))).target, "/a");
  },
  async "fetch() asks for / where the URL has no path"(fetch) {
    assertEquals((await ask((origin) => fetch(origin))).target, "/");
  },
  async "fetch() encodes what is not ASCII in path and query"(fetch) {
    assertEquals((await ask((origin) => fetch(`${origin}/ä?ö=ü`))).target, "/%C3%A4?%C3%B6=%C3%BC");
  },
  async "fetch() names the host with its port"(fetch) {
    let host = "";
    const { headers } = await ask((origin) => {
      host = new URL(origin).host;
      return fetch(origin);
    });
    assertEquals(headers.host, host);
  },
  async "fetch() sends credentials of the URL as Authorization"(fetch) {
    const { headers } = await ask((origin) => fetch(origin.replace("//", "//us%20er:p%40ss@")));
    assertEquals(headers.authorization, `Basic ${btoa("us er:p@ss")}`);
  },
  async "fetch() asks for any type, any language and what it can decode"(fetch) {
    const { headers } = await ask((origin) => fetch(origin));
    assertEquals(
      [headers.accept, headers["accept-language"], headers["accept-encoding"]],
      ["*/*", "*", "gzip,br"],
    );
    assertEquals(headers["user-agent"], `Deno/${Deno.version.deno}`);
  },
  async "fetch() leaves these fields to the caller"(fetch) {
    const own = {
      "accept": "a/b",
      "accept-language": "de",
      "accept-encoding": "identity",
      "user-agent": "me",
    };
    const { headers } = await ask((origin) => fetch(origin, { headers: own }));
    for (const [name, value] of Object.entries(own)) assertEquals(headers[name], value);
  },
  async "fetch() takes fields as Headers"(fetch) {
    const headers = new Headers([["X-A", "1"], ["x-a", "2"]]);
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "1, 2");
  },
  async "fetch() takes fields as pairs, and joins those of one name"(fetch) {
    const headers: [string, string][] = [["X-A", "1"], ["x-a", "2"]];
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "1, 2");
  },
  async "fetch() trims values"(fetch) {
    const headers = { "x-a": "  value\t" };
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "value");
  },
  async "fetch() sends octets above ASCII in values"(fetch) {
    const headers = { "x-a": "caf\u00e9" };
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "caf\u00e9");
  },
  async "fetch() sends an empty value"(fetch) {
    const { headers } = await ask((origin) => fetch(origin, { headers: { "x-a": "" } }));
    assertEquals(headers["x-a"], "");
  },
  async "fetch() does not let the caller name another host"(fetch) {
    const { headers } = await ask((origin) => fetch(origin, { headers: { host: "example.com" } }));
    assertMatch(headers.host!, /^127\.0\.0\.1:/);
  },
  async "fetch() does not let the caller say a length"(fetch) {
    const { headers, body } = await ask((origin) =>
      fetch(origin, { method: "POST", body: "text", headers: { "content-length": "99" } })
    );
    assertEquals([headers["content-length"], body], ["4", "text"]);
  },
  async "fetch() with keepalive, mode, cache and credentials asks all the same"(fetch) {
    const { line } = await ask((origin) =>
      fetch(origin, { keepalive: true, mode: "cors", cache: "no-store", credentials: "include" })
    );
    assertEquals(line, "GET / HTTP/1.1");
  },
  async "fetch() of a data: URL gives what is in it"(fetch) {
    const response = await fetch("data:text/plain,hello%20world");
    assertEquals(await response.text(), "hello world");
    assertEquals(response.headers.get("content-type"), "text/plain");
  },
  async "fetch() of a blob: URL gives the blob"(fetch) {
    const url = URL.createObjectURL(new Blob(["blob"]));
    assertEquals(await (await fetch(url)).text(), "blob");
    URL.revokeObjectURL(url);
  },
  async "fetch() asks twice on one connection"(fetch) {
    await using server = new WireServer(() => ok("ok"));
    for (let round = 0; round < 3; round++) await (await fetch(server.origin)).text();
    assertEquals(server.connections, 1);
  },
  async "fetch() asks at the same time on several connections"(fetch) {
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    await using server = new WireServer(async () => {
      if (++waiting === 8) all.resolve();
      await all.promise;
      return ok("ok");
    });
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () => await (await fetch(server.origin)).text()),
    );
    assertEquals([texts.length, server.connections], [8, 8]);
  },
};

function methodCases(): FetchCases {
  const sent = {
    "get": "GET",
    "Post": "POST",
    "put": "PUT",
    "delete": "DELETE",
    "options": "OPTIONS",
    "head": "HEAD",
    "patch": "patch",
    "PROPFIND": "PROPFIND",
  };
  const cases: FetchCases = {};
  for (const [given, expected] of Object.entries(sent)) {
    cases[`fetch() with the method ${given} sends ${expected}`] = async (fetch) => {
      const { method } = await ask((origin) => fetch(origin, { method: given }), () => ok());
      assertEquals(method, expected);
    };
  }
  for (const method of ["CONNECT", "TRACE", "track", "A B", ""]) {
    cases[`fetch() with the method "${method}" rejects with TypeError`] = async (fetch) => {
      await assertRejects(() => fetch("http://127.0.0.1:9999/", { method }), TypeError);
    };
  }
  return cases;
}

function refusedCases(): FetchCases {
  const nowhere = "http://127.0.0.1:9999/";
  const refused: Record<string, [string, RequestInit?]> = {
    "no URL": ["nonsense"],
    "an empty URL": [""],
    "a scheme that is not known": ["ftp://127.0.0.1/"],
    "a blocked port": ["http://127.0.0.1:25/"],
    "GET and a body": [nowhere, { body: "text" }],
    "HEAD and a body": [nowhere, { method: "HEAD", body: "text" }],
    "a field name that is none": [nowhere, { headers: { "a b": "c" } }],
    "a field value with a line end": [nowhere, { headers: { a: "b\r\nc: d" } }],
    "a field value beyond Latin-1": [nowhere, { headers: { a: "\u20ac" } }],
    "a redirect mode that is none": [nowhere, { redirect: "maybe" as "follow" }],
    "a signal that is none": [nowhere, { signal: {} as AbortSignal }],
    "a port that is none": ["http://127.0.0.1:99999/"],
  };
  const cases: FetchCases = {};
  for (const [what, [url, init]] of Object.entries(refused)) {
    cases[`fetch() with ${what} rejects with TypeError`] = async (fetch) => {
      await assertRejects(() => fetch(url, init), TypeError);
    };
  }
  return cases;
}
