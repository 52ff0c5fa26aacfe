// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve, upgradeHttp } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { get, type Serve } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";
import "./tls_warm_up.ts";

/** Set in the run that this file starts. */
const ENGINE_RUN = "PHOTON_HTTP_TLS_RUN";
const RUN_LIMIT_MS = 60_000;

// Data: an authority of this test, its certificate for localhost, and the key of that.
const CA = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUK/Y8uU5CSeF64kIJ71nbINpHf78wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNjEyNTBaGA8yMTI2MTAyODE2MTI1
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKm/
7uH1w+aiUE7jIes9YbOTKDwfjQILqZmm14lTX+CCXO7rq8LRjZyW779ytczNmdBT
8zKtQ8/DdeoMvdIqOsejUzBRMB0GA1UdDgQWBBT/loTCIyELTPphGxjf9SSJUMmc
bzAfBgNVHSMEGDAWgBT/loTCIyELTPphGxjf9SSJUMmcbzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQClLgErSoyZv+Z1WNhwnGpPgnNrfkvdr7AU
puS3Cy5X5wIhAItt0f0tPJ0s5VRsoPMxEy64/VZSnp/mwBpxS5VXGD6D
-----END CERTIFICATE-----`;
const CERT = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUC6barUsJ53WAdbAIn19+QBLGwxowCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNjEyNTFaGA8yMTI2MTAyODE2MTI1
MVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAE5Lx5XmeQKZZ8rUKsFFehZ2+5CCVae7nMJf9xmwtZ3f9lE8hluj0fZ7qq1hv+
3hi+Rt7wtzQEK6lYnB1LIR5uJKNpMGcwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAkGA1UdEwQCMAAwHQYDVR0OBBYEFOoDcTurnmiBV+KzIemwH59cFBrYMB8G
A1UdIwQYMBaAFP+WhMIjIQtM+mEbGN/1JIlQyZxvMAoGCCqGSM49BAMCA0kAMEYC
IQDr/94Hb+81fYPIHZFEIqctk/WvrbB/jEB5DRoyUEXS3QIhAPp4fRZEIacgr+B1
ZS6A/uBoLkLsqsw5C8mChS1upu01
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggwO2TyrloYHTNF3B
7exMmNyd39qFfEUqLmi1LYhBfxehRANCAATkvHleZ5AplnytQqwUV6Fnb7kIJVp7
ucwl/3GbC1nd/2UTyGW6PR9nuqrWG/7eGL5G3vC3NAQrqVicHUshHm4k
-----END PRIVATE KEY-----`;

const OPTIONS = { hostname: "127.0.0.1", port: 0, cert: CERT, key: KEY, onListen() {} };

const { engine } = engineInfo();

register(`Photon on ${engine}`, serve as unknown as Serve, leakTest);

if (!Deno.env.has(ENGINE_RUN)) {
  register("Deno", Deno.serve, (name, body) => Deno.test(name, body));

  Deno.test("serve() over TLS holds with PHOTON_ENGINE=deno", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/http_tls_test.ts"], env, RUN_LIMIT_MS);
  });
}

function register(
  label: string,
  subject: Serve,
  test: (name: string, body: () => Promise<void>) => void,
): void {
  test(`[${label}] serve() answers over TLS`, async () => {
    using client = Deno.createHttpClient({ caCerts: [CA] });
    await using server = subject(OPTIONS, async (request) => {
      return new Response(`${request.url.split(":")[0]} ${await request.text()}`);
    });
    const url = `https://localhost:${server.addr.port}/`;
    for (const body of ["a", "b".repeat(100_000)]) {
      const response = await fetch(url, { client, method: "POST", body });
      assertEquals(await response.text(), `https ${body}`);
    }
  });

  test(`[${label}] serve() answers pipelined requests over TLS in order`, async () => {
    const big = "b".repeat(1_000_000);
    await using server = subject(OPTIONS, (request) => {
      return new Response(request.url.endsWith("/big") ? big : "small");
    });
    using client = await dial(server.addr);
    await client.send(get("/big") + get("/small") + get("/big", "Connection: close"));
    for (const body of [big, "small", big]) assertEquals((await client.response()).body, body);
    assertEquals(await client.rest(), "");
  });

  test(`[${label}] server.shutdown() ends TLS connections that wait with a goodbye`, async () => {
    const server = subject(OPTIONS, () => new Response("ok"));
    using client = await dial(server.addr);
    assertEquals((await client.ask(get("/"))).body, "ok");
    await server.shutdown();
    // Without close_notify this would reject with UnexpectedEof.
    assertEquals(await client.rest(), "");
  });

  // deno-lint-ignore require-await -- all tests are
  test(`[${label}] serve() refuses a certificate that is none`, async () => {
    assertThrows(
      () => subject({ ...OPTIONS, cert: "x" }, () => new Response()),
      Deno.errors.InvalidData,
    );
  });

  test(`[${label}] serve() goes on beside clients that speak no TLS`, async () => {
    using client = Deno.createHttpClient({ caCerts: [CA] });
    await using server = subject(OPTIONS, () => new Response("ok"));
    using plain = await RawClient.open(server.addr);
    await plain.send(get("/"));
    await plain.rest();
    const response = await fetch(`https://localhost:${server.addr.port}/`, { client });
    assertEquals(await response.text(), "ok");
  });
}

leakTest("serve() chooses http/1.1 of what a client offers", async () => {
  await using server = serve(OPTIONS, () => new Response("ok"));
  const { port } = server.addr;
  const alpnProtocols = ["h2", "http/1.1"];
  using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts: [CA], alpnProtocols });
  assertEquals((await conn.handshake()).alpnProtocol, "http/1.1");
});

// Deno closes a connection only behind its handshake.
leakTest("serve() hangs up on a client that never says hello", async () => {
  const limits = { headerTimeoutMs: 50, idleTimeoutMs: 50 };
  await using server = serve({ ...OPTIONS, limits }, () => new Response("ok"));
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
}, { ignore: engine !== "uring" });

leakTest("server.shutdown() does not wait for a client that never says hello", async () => {
  const server = serve(OPTIONS, () => new Response("ok"));
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  using client = await dial(server.addr);
  assertEquals((await client.ask(get("/"))).body, "ok");
  await server.shutdown();
});

leakTest("upgradeHttp() gives a connection over TLS", async () => {
  await using server = serve(OPTIONS, (request) => {
    const { response, conn } = upgradeHttp(request);
    conn.then((conn) => conn.readable.pipeTo(conn.writable)).catch(() => {});
    return response;
  });
  using client = await dial(server.addr);
  await client.send(get("/", "Connection: Upgrade", "Upgrade: echo"));
  assertEquals((await client.response()).status, 101);
  await client.send("hello");
  assertEquals(await client.until("hello"), "hello");
});

leakTest("serve() over TLS takes a handshake and requests byte for byte", async () => {
  await using server = serve(OPTIONS, async (request) => new Response(await request.text()));
  await using relay = passOn(server.addr.port, (bytes) => Array.from(bytes, (b) => [b]));
  using client = await dial({ ...server.addr, port: relay.port });
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
  await client.send(`${post}ab${post}cd`);
  assertEquals((await client.response()).body, "ab");
  assertEquals((await client.response()).body, "cd");
});

leakTest("serve() over TLS answers more clients at once than shake hands in a round", async () => {
  await using server = serve(OPTIONS, () => new Response("ok"));
  const answers = await Promise.all(Array.from({ length: 40 }, async () => {
    using client = await dial(server.addr);
    return (await client.ask(get("/", "Connection: close"))).body;
  }));
  assertEquals(answers, Array(40).fill("ok"));
});

leakTest("serve() ends a TLS connection whose record is wrong", async () => {
  let count = 0;
  let wrong = false;
  await using server = serve(OPTIONS, () => new Response(`${++count}`));
  await using relay = passOn(server.addr.port, (bytes) => {
    if (wrong) bytes[bytes.length - 1]! ^= 1;
    return [bytes];
  });
  using client = await dial({ ...server.addr, port: relay.port });
  assertEquals((await client.ask(get("/"))).body, "1");
  wrong = true;
  await client.send(get("/"));
  // An alert, which Deno tells as an error.
  await assertRejects(() => client.rest());
  assertEquals(count, 1);
}, { ignore: engine !== "uring" });

leakTest(
  "serve() over TLS sends all of a last response to a client that reads slowly",
  async () => {
    const big = "b".repeat(4_000_000);
    await using server = serve(OPTIONS, () => new Response(big));
    using client = await dial(server.addr);
    await client.send(get("/", "Connection: close"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals((await client.response()).body, big);
    assertEquals(await client.rest(), "");
  },
);

// Deno closes a connection only behind its handshake, as above.
leakTest("server.abort() ends TLS handshakes that are under way", async () => {
  const abort = new AbortController();
  const server = serve({ ...OPTIONS, signal: abort.signal }, () => new Response("ok"));
  await using relay = passOn(server.addr.port, (bytes) => [bytes.subarray(0, 20)]);
  using client = await dial({ ...server.addr, port: relay.port });
  const asking = client.ask(get("/"));
  await relay.passed;
  abort.abort();
  await assertRejects(() => asking);
  await server.finished;
}, { ignore: engine !== "uring" });

/** Passes connections on to a port, what clients send in pieces that `change` makes of it. */
function passOn(port: number, change: (bytes: Uint8Array) => Iterable<ArrayLike<number>>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const passed = Promise.withResolvers<void>();
  const open: Promise<unknown>[] = [];
  const pass = async (client: Deno.TcpConn) => {
    using inner = await Deno.connect({ hostname: "127.0.0.1", port });
    inner.setNoDelay();
    const back = inner.readable.pipeTo(client.writable).catch(() => {});
    const buffer = new Uint8Array(65_536);
    try {
      for (
        let count = await client.read(buffer);
        count !== null;
        count = await client.read(buffer)
      ) {
        for (const piece of change(buffer.slice(0, count))) {
          await inner.write(Uint8Array.from(piece));
        }
        passed.resolve();
      }
      await inner.closeWrite();
    } catch {
      // One of both has gone, which the other one hears of.
    }
    await back;
  };
  const accepting = (async () => {
    for await (const client of listener) open.push(pass(client));
  })();
  return {
    port: listener.addr.port,
    /** Something was passed on. */
    passed: passed.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

async function dial({ port }: Deno.NetAddr): Promise<RawClient> {
  const options = { hostname: "127.0.0.1", port, caCerts: [CA] };
  return new RawClient(await Deno.connectTls(options));
}
