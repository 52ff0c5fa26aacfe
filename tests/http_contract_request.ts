// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  get,
  type HttpCases,
  post,
  request,
  type Serve,
  withClient,
} from "./http_contract_case.ts";

/** What a handler says of its request, for a request given as text. */
type Look = (request: Request) => unknown;

/** Asks with a request, and gives what `look` saw in the handler. */
async function seen(serve: Serve, text: string, look: Look): Promise<unknown> {
  let found: unknown;
  await withClient(serve, async (request) => {
    found = await look(request);
    return new Response("ok");
  }, async (client) => {
    const { status, body } = await client.ask(text);
    assertEquals([status, body], [200, text.startsWith("HEAD") ? "" : "ok"]);
  });
  return found;
}

// Data: what `url` is for a request target.
// deno-fmt-ignore
const URLS: readonly (readonly [string, string, string])[] = [
  ["a path",                     get("/a/b"),                     "http://example.com/a/b"],
  ["a path with a query",        get("/a?b=1&c=2"),               "http://example.com/a?b=1&c=2"],
  ["an empty query",             get("/a?"),                      "http://example.com/a?"],
  ["dots and double slashes",    get("//a/../b"),                 "http://example.com//a/../b"],
  ["percent escapes",            get("/%41%2f"),                  "http://example.com/%41%2f"],
  ["UTF-8",                      get("/\xc3\xa9"),                "http://example.com/é"],
  ["a fragment",                 get("/a#b"),                     "http://example.com/a#b"],
  ["quotes and brackets",        get('/"<>`{|}'),                 'http://example.com/"<>`{|}'],
  ["the absolute form",          get("http://other/x?y"),         "http://other/x?y"],
  ["OPTIONS *",                  request("OPTIONS", "*"),         "http://example.com/*"],
  ["CONNECT",                    request("CONNECT", "a.b:443"),   "http://a.b:443"],
  ["a host with a port",         "GET / HTTP/1.1\r\nHost: a:81\r\n\r\n", "http://a:81/"],
  ["an IPv6 host",               "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", "http://[::1]:81/"],
];

const METHODS = [
  ..."GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split(" "),
  ..."PROPFIND FOO M-SEARCH get Post".split(" "),
];

function urlCases(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, text, url] of URLS) {
    cases[`request.url tells ${name}`] = async (serve) => {
      assertEquals(await seen(serve, text, ({ url }) => url), url);
    };
  }
  for (const method of METHODS) {
    cases[`request.method is ${method}`] = async (serve) => {
      assertEquals(await seen(serve, request(method, "/"), ({ method }) => method), method);
    };
  }
  return cases;
}

// Data: header lines of a request, and what `[...headers]` is without the host.
// deno-fmt-ignore
const HEADERS: readonly (readonly [string, readonly string[], readonly [string, string][]])[] = [
  ["no field but the host",   [],                           []],
  ["names in lower case",     ["X-Name: Value"],            [["x-name", "Value"]]],
  ["values without blanks",   ["A:  \t v \t"],              [["a", "v"]]],
  ["blanks inside a value",   ["A: b  c"],                  [["a", "b  c"]]],
  ["an empty value",          ["A:"],                       [["a", ""]]],
  ["several of one name",     ["A: 1", "a: 2"],             [["a", "1, 2"]]],
  ["several cookies",         ["Cookie: a", "Cookie: b"],   [["cookie", "a; b"]]],
  ["octets beyond ASCII",     ["A: \xe9"],                  [["a", "é"]]],
  ["sorted by name",          ["B: 1", "A: 2"],             [["a", "2"], ["b", "1"]]],
  ["punctuation in names",    ["!#$%&'*+.^_`|~-9: x"],      [["!#$%&'*+.^_`|~-9", "x"]]],
  ["a colon in a value",      ["A: b:c"],                   [["a", "b:c"]]],
];

function headerCases(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, lines, expected] of HEADERS) {
    cases[`request.headers gives ${name}`] = async (serve) => {
      const found = await seen(serve, get("/", ...lines), ({ headers }) => [...headers]);
      const others = (found as [string, string][]).filter(([name]) => name !== "host");
      assertEquals(others, [...expected]);
    };
  }
  return cases;
}

type Body = (request: Request) => Promise<unknown>;

// Data: what each way to read a body gives, for a body of `{"a":1}` and for none.
const READERS: readonly (readonly [string, Body, unknown, unknown])[] = [
  ["text()", (r) => r.text(), '{"a":1}', ""],
  ["json()", (r) => r.json(), { a: 1 }, undefined],
  ["bytes()", async (r) => (await r.bytes()).length, 7, 0],
  ["arrayBuffer()", async (r) => (await r.arrayBuffer()).byteLength, 7, 0],
  ["blob()", async (r) => await (await r.blob()).text(), '{"a":1}', ""],
  ["clone()", async (r) => await r.clone().text() + await r.text(), '{"a":1}{"a":1}', ""],
  ["body", async (r) => await new Response(r.body).text(), '{"a":1}', ""],
  ["new Request()", async (r) => await new Request(r).text(), '{"a":1}', ""],
  ["textStream()", async (r) => (await Array.fromAsync(r.textStream())).join(""), '{"a":1}', ""],
];

const CHUNKED = '4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n';

function bodyCases(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, read, expected, nothing] of READERS) {
    cases[`request.${name} reads a body of known length`] = async (serve) => {
      assertEquals(await seen(serve, post("/", '{"a":1}'), read), expected);
    };
    cases[`request.${name} reads a chunked body`] = async (serve) => {
      const text = request("POST", "/", ["Transfer-Encoding: chunked"]) + CHUNKED;
      assertEquals(await seen(serve, text, read), expected);
    };
    cases[`request.${name} reads a body that comes octet by octet`] = async (serve) => {
      await withClient(serve, async (request) => {
        assertEquals(await read(request), expected);
        return new Response("ok");
      }, async (client) => {
        for (const octet of post("/", '{"a":1}')) await client.send(octet);
        assertEquals((await client.response()).body, "ok");
      });
    };
    if (nothing === undefined) continue;
    cases[`request.${name} reads nothing of a request without a body`] = async (serve) => {
      assertEquals(await seen(serve, get("/"), read), nothing);
    };
  }
  return cases;
}

/** Behaviours of the `Request` that a handler gets. */
export const requestCases: HttpCases = {
  ...urlCases(),
  ...headerCases(),
  ...bodyCases(),

  "request is a Request, and its headers are Headers": async (serve) => {
    const look: Look = (request) =>
      request instanceof Request && request.headers instanceof Headers &&
      request.constructor === Request;
    assertEquals(await seen(serve, get("/"), look), true);
  },
  "request has the defaults of the standard": async (serve) => {
    const look: Look = (
      r,
    ) => [r.cache, r.credentials, r.integrity, r.keepalive, r.mode, r.referrer];
    assertEquals(await seen(serve, get("/"), look), [
      ...["default", "same-origin", "", false, "cors", "about:client"],
    ]);
  },
  "request can be inspected": async (serve) => {
    const text = await seen(serve, get("/x"), (request) => Deno.inspect(request)) as string;
    assert(text.includes("http://example.com/x") && text.includes('"GET"'), text);
  },
  "request.headers cannot be changed": async (serve) => {
    await seen(serve, get("/"), ({ headers }) => {
      assertThrows(() => headers.set("a", "b"), TypeError, "immutable");
      assertThrows(() => headers.append("a", "b"), TypeError, "immutable");
      assertThrows(() => headers.delete("host"), TypeError, "immutable");
    });
  },
  "request.headers.get() finds a name in any case": async (serve) => {
    const look: Look = ({ headers }) => [headers.get("X-a"), headers.get("x-A"), headers.get("b")];
    assertEquals(await seen(serve, get("/", "x-a: 1"), look), ["1", "1", null]);
  },
  "request.headers.has() tells whether there is a field": async (serve) => {
    const look: Look = ({ headers }) => [headers.has("A"), headers.has("b")];
    assertEquals(await seen(serve, get("/", "a: 1"), look), [true, false]);
  },
  "request.headers.get() throws for what is no name": async (serve) => {
    await seen(serve, get("/"), ({ headers }) => {
      assertThrows(() => headers.get("a b"), TypeError);
    });
  },
  "request.headers can be copied": async (serve) => {
    const look: Look = ({ headers }) => new Headers(headers).get("a");
    assertEquals(await seen(serve, get("/", "A: 1"), look), "1");
  },
  "request.headers can be read after an await": async (serve) => {
    const look: Look = async (request) => {
      const { headers } = request;
      await Promise.resolve();
      return [headers.get("a"), request.url, request.method];
    };
    assertEquals(await seen(serve, get("/p", "A: 1"), look), ["1", "http://example.com/p", "GET"]);
  },
  "request.body is null for GET, HEAD and CONNECT, whatever they send": async (serve) => {
    const look: Look = async (request) => [request.body, await request.text()];
    const length = "Content-Length: 0";
    assertEquals(await seen(serve, get("/", length), look), [null, ""]);
    assertEquals(await seen(serve, request("HEAD", "/", [length]), look), [null, ""]);
    assertEquals(await seen(serve, get("/", "Content-Length: 3") + "abc", look), [null, ""]);
  },
  "request.body is a stream for POST": async (serve) => {
    const look: Look = ({ body }) => body instanceof ReadableStream;
    assertEquals(await seen(serve, post("/", "abc"), look), true);
  },
  "request.bodyUsed tells whether the body was read": async (serve) => {
    const look: Look = async (request) => {
      const before = request.bodyUsed;
      await request.text();
      return [before, request.bodyUsed];
    };
    assertEquals(await seen(serve, post("/", "abc"), look), [false, true]);
  },
  "request.text() rejects when the body was read": async (serve) => {
    await seen(serve, post("/", "abc"), async (request) => {
      await request.text();
      await assertRejects(() => request.text(), TypeError);
      await assertRejects(() => request.json(), TypeError);
      await assertRejects(() => request.bytes(), TypeError);
    });
  },
  "request.clone() throws when the body was read": async (serve) => {
    await seen(serve, post("/", "abc"), async (request) => {
      await request.text();
      assertThrows(() => request.clone(), TypeError);
      assertThrows(() => new Request(request), TypeError);
    });
  },
  "request.json() rejects what is no JSON": async (serve) => {
    await seen(serve, post("/", "{"), async (request) => {
      await assertRejects(() => request.json(), SyntaxError);
    });
  },
  "request.text() decodes UTF-8": async (serve) => {
    assertEquals(await seen(serve, post("/", "\xe2\x82\xac\xff"), (r) => r.text()), "€\ufffd");
  },
  "request.formData() reads a form": async (serve) => {
    const type = "Content-Type: application/x-www-form-urlencoded";
    const look: Look = async (request) => [...await request.formData()];
    assertEquals(await seen(serve, post("/", "a=1&b=%20", type), look), [["a", "1"], ["b", " "]]);
  },
  "request.formData() reads a multipart form": async (serve) => {
    const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
    const type = "Content-Type: multipart/form-data; boundary=x";
    const look: Look = async (request) => (await request.formData()).get("a");
    assertEquals(await seen(serve, post("/", body, type), look), "1");
  },
  "request.blob() has the content type": async (serve) => {
    const look: Look = async (request) => (await request.blob()).type;
    assertEquals(await seen(serve, post("/", "a", "Content-Type: a/b"), look), "a/b");
  },
  "new Request(request) takes what is to be changed": async (serve) => {
    const look: Look = async (request) => {
      const changed = new Request(request, { headers: { z: "1" } });
      return [changed.method, changed.headers.get("z"), await changed.text()];
    };
    assertEquals(await seen(serve, post("/", "abc"), look), ["POST", "1", "abc"]);
  },
  "new Request(url, request) takes over method and body": async (serve) => {
    const look: Look = async (request) => {
      const other = new Request("http://other/", request);
      return [other.url, other.method, await other.text()];
    };
    assertEquals(await seen(serve, post("/", "abc"), look), ["http://other/", "POST", "abc"]);
  },
  "fetch(request) sends it on": async (serve) => {
    await withClient(serve, async (request) => {
      return new Response(`${request.headers.get("x")} ${await request.text()}`);
    }, async (target, { addr }) => {
      void target;
      await withClient(
        serve,
        (request) => fetch(new Request(`http://127.0.0.1:${addr.port}/`, request)),
        async (client) => {
          const { body } = await client.ask(post("/", "abc", "X: 1"));
          assertEquals(body, "1 abc");
        },
      );
    });
  },
  "request.signal is not aborted while the handler runs": async (serve) => {
    assertEquals(await seen(serve, get("/"), ({ signal }) => signal.aborted), false);
  },
  "info.remoteAddr is the client's": async (serve) => {
    await withClient(serve, (_request, info) => {
      const { transport, hostname, port } = info.remoteAddr;
      return Response.json([transport, hostname, port > 0]);
    }, async (client) => {
      assertEquals((await client.ask(get("/"))).body, '["tcp","127.0.0.1",true]');
    });
  },
};
