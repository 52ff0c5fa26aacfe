// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  connectSocks5,
  encodeProxyV1,
  encodeProxyV2,
  encodeSocksConnect,
  encodeSocksGreeting,
  encodeSocksLogin,
  listen,
  parseProxyHeader,
  parseSocksReply,
  type ProxyHeader,
  readProxyHeader,
  type TcpConn,
  tunnel,
} from "../net/mod.ts";
import { leakTest } from "./leak.ts";
import { ringTest, tcpPair } from "./net_pair.ts";
import { runTestFiles } from "./subprocess.ts";

const { ConnectionRefused, InvalidData, PermissionDenied, TimedOut, UnexpectedEof } = Deno.errors;
const ENGINE_RUN = "PHOTON_PROXY_RUN";

function tcp(hostname: string, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

function proxied(
  source: ProxyHeader["source"],
  destination: ProxyHeader["destination"],
  fields: ProxyHeader["fields"] = [],
): ProxyHeader {
  return { command: "proxy", source, destination, fields };
}

function unix(path: string): Deno.UnixAddr {
  return { transport: "unix", path };
}

// Data: headers, and the encoder that can say them.
// deno-fmt-ignore
const HEADERS: [string, (header: ProxyHeader) => Uint8Array<ArrayBuffer>, ProxyHeader][] = [
  ["v1 TCP4",       encodeProxyV1, proxied(tcp("192.0.2.1", 56324), tcp("198.51.100.7", 443))],
  ["v1 TCP6",       encodeProxyV1, proxied(tcp("2001:db8::1", 0), tcp("::1", 65535))],
  ["v1 UNKNOWN",    encodeProxyV1, proxied(null, null)],
  ["v2 inet",       encodeProxyV2, proxied(tcp("192.0.2.1", 1), tcp("198.51.100.7", 2))],
  ["v2 inet6",      encodeProxyV2, proxied(tcp("2001:db8::1", 3), tcp("::1", 4))],
  ["v2 unix",       encodeProxyV2, proxied(unix("/run/a"), unix("\0b"))],
  ["v2 unknown",    encodeProxyV2, proxied(null, null)],
  ["v2 local",      encodeProxyV2, { ...proxied(null, null), command: "local" }],
  ["v2 with fields", encodeProxyV2, proxied(tcp("192.0.2.1", 1), tcp("198.51.100.7", 2), [
    { type: 1, value: new TextEncoder().encode("h2") }, { type: 4, value: new Uint8Array(300) },
  ])],
];

for (const [name, encode, header] of HEADERS) {
  Deno.test(`parseProxyHeader() reads ${name} at every split`, () => {
    const encoded = encode(header);
    const bytes = new Uint8Array([...encoded, 71, 69, 84]);
    for (let length = 0; length < encoded.length; length++) {
      assertEquals(parseProxyHeader(bytes.subarray(0, length)), null);
    }
    assertEquals(parseProxyHeader(bytes), { header, byteLength: encoded.length });
  });

  leakTest(`readProxyHeader() takes ${name} and not one byte more`, async () => {
    using pair = await tcpPair();
    const encoded = encode(header);
    for (let split = 1; split < Math.min(encoded.length, 40); split += 7) {
      await pair.client.writeAll(encoded.subarray(0, split));
      const reading = readProxyHeader(pair.server);
      await pair.client.writeAll(new Uint8Array([...encoded.subarray(split), 65]));
      assertEquals(await reading, header);
      assertEquals(await pair.server.readFull(new Uint8Array(1)), 1);
    }
  });
}

// Data: what is no header.
const NO_HEADERS = [
  "GET / HTTP/1.1\r\n",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
  "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
  "PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
  "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n",
  "PROXY TCP6 fe80::1%1 ::1 1 1\r\n",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
  "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
  `PROXY UNKNOWN ${"x".repeat(120)}`,
  "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0",
  "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\0",
  "\r\n\r\n\0\r\nQUIT\n\x21\x41\0\0",
  "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04aaaa",
  "\r\n\r\n\0\r\nQUIT\n\x21\x00\0\x04\x01\0\x05a",
];

Deno.test("parseProxyHeader() throws InvalidData at what is no header", () => {
  for (const text of NO_HEADERS) {
    const bytes = new TextEncoder().encode(text);
    assertThrows(() => parseProxyHeader(bytes), InvalidData, "Cannot read a PROXY header");
  }
});

Deno.test("parseProxyHeader() reads or refuses whatever comes, the same at every split", () => {
  const outcome = (bytes: Uint8Array) => {
    try {
      return parseProxyHeader(bytes);
    } catch (error) {
      assert(error instanceof InvalidData);
      return "invalid";
    }
  };
  const head = fc.constantFrom("PROXY TCP4 ", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "");
  fc.assert(
    fc.property(head, fc.uint8Array({ maxLength: 40 }), (head, tail) => {
      const bytes = new Uint8Array([...new TextEncoder().encode(head), ...tail]);
      const whole = outcome(bytes);
      for (let length = 0; length < bytes.length; length++) {
        const part = outcome(bytes.subarray(0, length));
        // More bytes may end a header or refuse it, but never change what was said.
        if (part !== null) assertEquals(part, whole);
      }
    }),
    { seed: 5, numRuns: 2000 },
  );
});

Deno.test("encodeProxyV1() and encodeProxyV2() refuse addresses of two families", () => {
  const mixed = proxied(tcp("1.2.3.4", 1), tcp("::1", 1));
  assertThrows(() => encodeProxyV1(mixed), TypeError, "two families");
  assertThrows(() => encodeProxyV2(mixed), TypeError, "two families");
  const named = proxied(tcp("localhost", 1), tcp("::1", 1));
  assertThrows(() => encodeProxyV2(named), TypeError, "not an IP address");
});

leakTest("readProxyHeader() rejects when the connection ends before", async () => {
  using pair = await tcpPair();
  await pair.client.writeAll(new TextEncoder().encode("PROXY TCP4 "));
  await pair.client.closeWrite();
  await assertRejects(() => readProxyHeader(pair.server), UnexpectedEof);
});

Deno.test("parseSocksReply() reads every type of address at every split", () => {
  const replies = [
    [5, 0, 0, 1, 127, 0, 0, 1, 1, 2],
    [5, 0, 0, 3, 3, 97, 46, 98, 0, 80],
    [5, 4, 0, 4, ...new Array(15).fill(0), 1, 0, 80],
  ];
  const hosts = ["127.0.0.1", "a.b", "::1"];
  for (const [index, reply] of replies.entries()) {
    const bytes = new Uint8Array([...reply, 99]);
    for (let length = 0; length < reply.length; length++) {
      assertEquals(parseSocksReply(bytes.subarray(0, length)), null);
    }
    const parsed = parseSocksReply(bytes)!;
    assertEquals([parsed.byteLength, parsed.bound.hostname], [reply.length, hosts[index]]);
  }
  assertThrows(() => parseSocksReply(new Uint8Array([4])), InvalidData);
  assertThrows(() => parseSocksReply(new Uint8Array([5, 0, 0, 9, 0])), InvalidData);
});

Deno.test("encodeSocksLogin() and encodeSocksConnect() refuse what does not fit", () => {
  assertThrows(() => encodeSocksLogin("", "x"), RangeError);
  assertThrows(() => encodeSocksLogin("x", "y".repeat(256)), RangeError);
  assertThrows(() => encodeSocksConnect("x".repeat(256), 80), RangeError);
  assertThrows(() => encodeSocksConnect("a", 0), RangeError);
  assertEquals([...encodeSocksConnect("[::1]", 1).subarray(3, 5)], [4, 0]);
});

/** Answers one client with these replies, each after as many bytes as it waits for. */
async function proxyOnce(
  script: readonly (readonly [awaits: number, reply: readonly number[]])[],
  run: (port: number) => Promise<void>,
): Promise<Uint8Array[]> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const heard: Uint8Array[] = [];
  const serving = (async () => {
    using conn = await listener.accept();
    for (const [awaits, reply] of script) {
      const bytes = new Uint8Array(awaits);
      await conn.readFull(bytes);
      heard.push(bytes);
      for (const byte of reply) await conn.write(new Uint8Array([byte]));
    }
    await conn.closeWrite();
    // Until the client hangs up.
    await conn.read(new Uint8Array(1)).catch(() => {});
  })();
  await run(listener.addr.port);
  await serving;
  return heard;
}

const SUCCESS = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

leakTest("connectSocks5() greets, asks, and leaves the rest to its caller", async () => {
  const request = encodeSocksConnect("example.com", 80);
  const script = [[3, [5, 0]], [request.length, [...SUCCESS, 72, 105]]] as const;
  const heard = await proxyOnce(script, async (port) => {
    using conn = await connectSocks5({ proxy: { port }, hostname: "example.com", port: 80 });
    const answer = new Uint8Array(2);
    await conn.readFull(answer);
    assertEquals([...answer], [72, 105]);
  });
  assertEquals(heard, [encodeSocksGreeting([0]), request]);
});

leakTest("connectSocks5() logs in where the proxy asks", async () => {
  const login = encodeSocksLogin("me", "secret");
  const script = [[4, [5, 2]], [login.length, [1, 0]], [10, SUCCESS]] as const;
  const heard = await proxyOnce(script, async (port) => {
    const credentials = { username: "me", password: "secret" };
    const host = { hostname: "127.0.0.1", port: 9 };
    (await connectSocks5({ proxy: { port }, ...host, ...credentials })).close();
  });
  assertEquals(heard[1], login);
});

// Data: what a proxy says, and the error that it is.
// deno-fmt-ignore
const REFUSALS = [
  ["refuses the login",        [[3, [5, 0xff]]],                               PermissionDenied],
  ["wants a login",            [[3, [5, 2]]],                                  PermissionDenied],
  ["says that the host refuses", [[3, [5, 0]], [10, [5, 5, ...SUCCESS.slice(2)]]], ConnectionRefused],
  ["is none",                  [[3, [72, 84]]],                                InvalidData],
  ["hangs up",                 [[3, [5]]],                                     UnexpectedEof],
] as const;

for (const [name, script, errorClass] of REFUSALS) {
  leakTest(`connectSocks5() rejects when the proxy ${name}`, async () => {
    await proxyOnce(script, async (port) => {
      const request = { proxy: { port }, hostname: "1.2.3.4", port: 80 };
      await assertRejects(() => connectSocks5(request), errorClass);
    });
  });
}

leakTest("connectSocks5() gives up when its signal says so", async () => {
  await proxyOnce([], async (port) => {
    const signal = AbortSignal.timeout(10);
    const request = { proxy: { port }, hostname: "1.2.3.4", port: 80, signal };
    await assertRejects(() => connectSocks5(request));
  });
});

/** Two connections joined in the middle: what the outer ends see. */
async function joined(options: Parameters<typeof tunnel>[2] = {}) {
  const front = await tcpPair();
  const back = await tcpPair();
  const done = tunnel(front.server, back.client, options);
  done.catch(() => {});
  const close = () => [front, back].forEach((pair) => pair[Symbol.dispose]());
  return { left: front.client, right: back.server, done, [Symbol.dispose]: close };
}

async function readAll(conn: TcpConn): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) total += n;
  return total;
}

leakTest("tunnel() passes on the end of one direction while the other goes on", async () => {
  using ends = await joined();
  await ends.left.writeAll(new Uint8Array(100_000));
  await ends.left.closeWrite();
  assertEquals(await readAll(ends.right), 100_000);
  await ends.right.writeAll(new Uint8Array(300_000));
  await ends.right.closeWrite();
  assertEquals(await readAll(ends.left), 300_000);
  assertEquals(await ends.done, { forward: 100_000, back: 300_000 });
});

ringTest("tunnel() ends both connections when one is reset", async () => {
  using ends = await joined();
  await ends.left.write(new Uint8Array(1));
  await ends.right.read(new Uint8Array(1));
  ends.left.setLinger(0);
  ends.left.close();
  await assertRejects(() => ends.done);
  assertEquals(await readAll(ends.right).catch(() => 0), 0);
});

leakTest("tunnel() ends when nothing moves for too long", async () => {
  using ends = await joined({ idleTimeoutMs: 60 });
  const hold = setInterval(() => {}, 10);
  for (let step = 0; step < 5; step++) {
    // What moves keeps it up, whichever way it goes.
    const [from, to] = step % 2 ? [ends.left, ends.right] : [ends.right, ends.left];
    await from.write(new Uint8Array(1));
    await to.read(new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await assertRejects(() => ends.done, TimedOut, "60 ms");
  assertEquals(await readAll(ends.right).catch(() => 0), 0);
  clearInterval(hold);
});

leakTest("tunnel() ends when its signal says so", async () => {
  const abort = new AbortController();
  using ends = await joined({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => ends.done, Error, "enough");
  using pair = await tcpPair();
  await assertRejects(
    () => tunnel(pair.client, pair.server, { idleTimeoutMs: 0 }),
    RangeError,
  );
});

if (!Deno.env.has(ENGINE_RUN)) {
  Deno.test("proxies and tunnels hold with PHOTON_ENGINE=deno", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/net_proxy_test.ts"], env, 60_000);
  });
}
