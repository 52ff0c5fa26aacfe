// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { reverseProxy, type ReverseProxyOptions, serve } from "../http/mod.ts";
import { DirectForwarder } from "../http/proxy_direct.ts";
import { get, post } from "./http_contract_case.ts";
import { RawClient, type RawResponse } from "./http_raw_client.ts";
import { RawUpstream } from "./http_raw_upstream.ts";
import { leakTest } from "./leak.ts";

// A reverse proxy has two ways, and what goes one is to be what goes the other: octets from head to
// head, and a `Request` that is read and made anew.

const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** Two fronts of one proxy: requests to the second never go as octets. */
interface Ways {
  /** Asks both for the same, and compares; gives the answer of the first. */
  ask(request: string): Promise<RawResponse>;
  /** Requests that went as octets. */
  direct(): number;
}

async function withWays(
  upstream: string,
  use: (ways: Ways) => Promise<void>,
  options: Partial<ReverseProxyOptions> = {},
): Promise<void> {
  using proxy = reverseProxy({ upstreams: [upstream], ...options });
  await using first = serve(OPTIONS, proxy);
  // Information of somebody else's: the request did not come as it is given on.
  await using second = serve(OPTIONS, (request, { remoteAddr, completed }) => {
    return proxy(request, { remoteAddr, completed });
  });
  using firstClient = await RawClient.open(first.addr);
  using secondClient = await RawClient.open(second.addr);
  let direct = 0;
  const { begin } = DirectForwarder.prototype;
  DirectForwarder.prototype.begin = function (...args) {
    const exchange = begin.apply(this, args);
    if (exchange !== null) direct++;
    return exchange;
  };
  try {
    await use({
      ask: async (request) => {
        const [one, other] = [await firstClient.ask(request), await secondClient.ask(request)];
        assertEquals(told(one), told(other), request);
        return one;
      },
      direct: () => direct,
    });
  } finally {
    DirectForwarder.prototype.begin = begin;
  }
}

function told({ status, headers, body }: RawResponse): unknown {
  return { status, headers: { ...headers, date: "date" in headers }, body };
}

/** Says what came to the server. */
async function mirror(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return Response.json({
    method: request.method,
    target: pathname + search,
    headers: [...request.headers].sort(),
    body: await request.text(),
  });
}

const CLAIMS = [
  ...["X-Forwarded-For: 1.2.3.4", "x-forwarded-proto: https", "X-FORWARDED-HOST: evil"],
  ...["X-Forwarded-Anything: x", "Forwarded: for=1.2.3.4", "forwarded: for=5.6.7.8"],
  ...["X-Real-IP: 1.2.3.4", "X-Client-IP: 1.2.3.4", "True-Client-IP: 1.2.3.4"],
];

// Data: fields of a request, and whether it goes as octets.
const FIELDS: [direct: boolean, lines: string[]][] = [
  [true, []],
  [true, ["Accept: text/plain", "X-Own:  spaced  ", "User-Agent: a b", "Cookie: a=1", "X-Empty:"]],
  [true, ["X-Twice: 1", "X-Between: 0", "x-twice: 2", "Set-Cookie: a=1"]],
  [true, ["Connection: keep-alive", "Keep-Alive: timeout=5", "TE: trailers", "Trailer: x"]],
  [true, ["Proxy-Authorization: Basic x", "Proxy-Connection: close", "Proxy-Authenticate: x"]],
  [true, CLAIMS],
  [true, ["Accept: a/b", ...CLAIMS, "X-Last: 1"]],
  [true, ["X-Forward: stays", "X-Forwarded: stays", "From: me", "Via: 1.1 x", "Expect: y"]],
  [true, ["Content-Length: 0"]],
  [false, ["Connection: keep-alive, X-Secret", "X-Secret: 1"]],
  [false, ["Connection: x-secret", ...CLAIMS, "X-Secret: 1"]],
];

leakTest("a request goes the same as octets and as a Request", async () => {
  await using server = serve(OPTIONS, mirror);
  await withWays(`http://127.0.0.1:${server.addr.port}`, async ({ ask, direct }) => {
    for (const [isDirect, lines] of FIELDS) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const before = direct();
        const { status, body } = await ask(get("/a?b", ...lines).replace("GET", method));
        assertEquals(status, 200);
        assertEquals(direct() - before, isDirect ? 1 : 0, `${method} ${lines}`);
        const seen = new Map<string, string>(JSON.parse(body).headers);
        assertEquals(seen.get("x-forwarded-for"), "127.0.0.1");
        assertEquals(seen.get("forwarded"), "for=127.0.0.1;proto=http;host=example.com");
        assert(!body.includes("1.2.3.4") && !body.includes("evil"), body);
        assert(!body.toLowerCase().includes("secret"), body);
      }
    }
    const before = direct();
    await ask(get("/").replace("GET", "HEAD"));
    await ask(post("/", "content"));
    assertEquals(direct(), before);
  });
});

// Data: targets, and whether they go as octets.
const TARGETS: [direct: boolean, target: string][] = [
  [true, "/"],
  [true, "/a/b.c?d=e&f=/g;h,i:j@k!$(l)*+~m_n-o"],
  [true, "/a%2Fb?x=%20"],
  [true, "//a///b/"],
  [false, "/a/../b"],
  [false, "/./a"],
  [false, "/%2e%2E/a"],
  [false, "/a/.%2e/b"],
  [false, "/.well-known/x"],
  [false, "/a|b'c?d'e"],
  [false, "/a\\b"],
  [false, "http://example.com/absolute?x"],
];

for (const prefix of ["", "/base", "/base/"]) {
  leakTest(`a target goes the same as octets and as a URL, behind '${prefix}'`, async () => {
    await using server = serve(OPTIONS, mirror);
    const upstream = `http://127.0.0.1:${server.addr.port}${prefix}`;
    await withWays(upstream, async ({ ask, direct }) => {
      for (const [isDirect, target] of TARGETS) {
        const before = direct();
        await ask(get(target));
        assertEquals(direct() - before, isDirect ? 1 : 0, target);
      }
    }, { preserveHost: prefix === "/base" });
  });
}

leakTest("nothing goes as octets where what clients say is believed", async () => {
  await using server = serve(OPTIONS, mirror);
  await withWays(`http://127.0.0.1:${server.addr.port}`, async ({ ask, direct }) => {
    const { body } = await ask(get("/", ...CLAIMS));
    assert(body.includes("1.2.3.4, 127.0.0.1"), body);
    assertEquals(direct(), 0);
  }, { trustForwarded: true });
});

// Data: whole answers of a server.
const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
  "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
  "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\nContent-Type: a/b\r\n\r\nno",
  "HTTP/1.1 200 OK\r\nConnection: x-own, close\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\n\r\n",
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 50\r\n\r\n',
  "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nProxy-Authenticate: x\r\nContent-Length: 1\r\n\r\nx",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x01\x02\x03",
  "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
  `HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${"x".repeat(30_000)}`,
];

leakTest("an answer comes back the same as octets and as a Response", async () => {
  for (const answer of ANSWERS) {
    using upstream = new RawUpstream(answer);
    await withWays(upstream.url, async ({ ask, direct }) => {
      const { headers, body } = await ask(get("/"));
      assertEquals(direct(), 1);
      assertEquals(headers.connection, undefined, answer);
      assertEquals([headers["keep-alive"], headers["x-own"]], [undefined, undefined], answer);
      assert(answer.includes(body));
    }, { health: { failuresMax: 1000 } });
  }
});

leakTest("what stands around a proxy can change an answer that came as octets", async () => {
  await using server = serve(OPTIONS, () => new Response("hello", { headers: { "x-a": "1" } }));
  using proxy = reverseProxy({ upstreams: [`http://127.0.0.1:${server.addr.port}`] });
  await using front = serve(OPTIONS, async (request, info) => {
    const response = await proxy(request, info);
    assert(response instanceof Response && response.ok);
    response.headers.set("x-b", `${response.headers.get("x-a")}2`);
    return response;
  });
  using client = await RawClient.open(front.addr);
  const { headers, body } = await client.ask(get("/"));
  assertEquals([headers["x-a"], headers["x-b"], body], ["1", "12", "hello"]);
});

leakTest("a client that leaves takes a request that went as octets with it", async () => {
  const asked = Promise.withResolvers<Request>();
  const answer = Promise.withResolvers<Response>();
  await using server = serve(OPTIONS, (request) => {
    asked.resolve(request);
    return answer.promise;
  });
  using proxy = reverseProxy({ upstreams: [`http://127.0.0.1:${server.addr.port}`] });
  await using front = serve(OPTIONS, proxy);
  const client = await RawClient.open(front.addr);
  await client.send(get("/"));
  const { signal } = await asked.promise;
  assertEquals(proxy.upstreams()[0]!.active, 1);
  client[Symbol.dispose]();
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  answer.resolve(new Response("late"));
  assertEquals([proxy.upstreams()[0]!.active, proxy.upstreams()[0]!.failures], [0, 0]);
});
