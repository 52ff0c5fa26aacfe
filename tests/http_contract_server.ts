// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { get, type HttpCases, pause, type Serve, withClient } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";

const QUIET = { hostname: "127.0.0.1", port: 0, onListen() {} } as const;
function ok(): Response {
  return new Response("ok");
}

// Data: arguments that are refused.
// deno-fmt-ignore
const MISUSES: readonly (readonly [string, readonly unknown[], abstract new (...args: never[]) => Error, string])[] = [
  ["nothing",                    [],                                         TypeError,  "either a `handler` or `options` must be specified"],
  ["options without a handler",  [{ port: 0 }],                              TypeError,  "handler must be a function, received undefined"],
  ["a handler that is none",     [{ port: 0, handler: 1 }],                  TypeError,  "handler must be a function, received number"],
  ["a port that is too large",   [{ port: 70_000 }, ok],                     RangeError, "Invalid port (out of range): 70000"],
  ["a port that is no number",   [{ port: "x" }, ok],                        TypeError,  "Invalid port: 'x'"],
  ["a certificate file",         [{ port: 0, certFile: "x" }, ok],           TypeError,  "Unsupported 'certFile' / 'keyFile' options"],
  ["protocols",                  [{ port: 0, alpnProtocols: ["x"] }, ok],    TypeError,  "Unsupported 'alpnProtocols' option"],
  ["a certificate without key",  [{ port: 0, cert: "x" }, ok],               TypeError,  "Both 'cert' and 'key' must be provided"],
  ["a key without certificate",  [{ port: 0, key: "x" }, ok],                TypeError,  "Both 'cert' and 'key' must be provided"],
  ["a host that does not exist", [{ port: 0, hostname: "a.invalid" }, ok],   Error,      "failed to lookup address information"],
  ["a path in no folder",        [{ path: "/nowhere/x" }, ok],               Deno.errors.NotFound, "os error 2"],
];

function misuses(): HttpCases {
  const cases: HttpCases = {};
  for (const [name, args, errorClass, message] of MISUSES) {
    cases[`serve() refuses ${name}`] = (serve) => {
      const call = serve as unknown as (...args: readonly unknown[]) => void;
      assertThrows(() => call(...args), errorClass, message);
    };
  }
  return cases;
}

async function body(server: Deno.HttpServer<Deno.Addr>): Promise<string> {
  using client = await RawClient.open(server.addr);
  return (await client.ask(get("/", "Connection: close"))).body;
}

/** Behaviours of the function and of the server that it gives. */
export const serverCases: HttpCases = {
  ...misuses(),

  "serve() takes options and a handler": async (serve) => {
    await using server = serve({ ...QUIET }, ok);
    assertEquals(await body(server), "ok");
  },
  "serve() takes options with the handler among them": async (serve) => {
    await using server = serve({ ...QUIET, handler: ok });
    assertEquals(await body(server), "ok");
  },
  "serve() prefers the second argument": async (serve) => {
    const call = serve as unknown as (...args: unknown[]) => Deno.HttpServer<Deno.NetAddr>;
    await using server = call({ ...QUIET, handler: () => new Response("no") }, ok);
    assertEquals(await body(server), "ok");
  },
  "serve() calls onListen with the address before it returns": async (serve) => {
    let addr: Deno.NetAddr | undefined;
    await using server = serve({ hostname: "127.0.0.1", port: 0, onListen: (a) => addr = a }, ok);
    assertEquals(addr?.port, server.addr.port);
    assertEquals([addr?.transport, addr?.hostname], ["tcp", "127.0.0.1"]);
  },
  "server.addr has the port that was assigned": async (serve) => {
    await using server = serve({ ...QUIET }, ok);
    assert(server.addr.port > 0);
    assertEquals([server.addr.transport, server.addr.hostname], ["tcp", "127.0.0.1"]);
  },
  "serve() resolves a hostname": async (serve) => {
    await using server = serve({ ...QUIET, hostname: "localhost" }, ok);
    assertEquals(await body(server), "ok");
  },
  "serve() throws AddrInUse when the port is taken": async (serve) => {
    await using server = serve({ ...QUIET }, ok);
    const { port } = server.addr;
    assertThrows(() => serve({ ...QUIET, port }, ok), Deno.errors.AddrInUse);
  },
  "serve() listens on a Unix socket": async (serve) => {
    const path = `${Deno.makeTempDirSync()}/socket`;
    let seen: unknown;
    await using server = serve({ path, onListen() {} }, (_request, { remoteAddr }) => {
      seen = { ...remoteAddr };
      return ok();
    });
    assertEquals(server.addr.path, path);
    assertEquals(await body(server), "ok");
    assertEquals(seen, { transport: "unix", path });
  },
  "serve() tells URLs of a Unix socket": async (serve) => {
    const path = `${Deno.makeTempDirSync()}/socket`;
    await using server = serve({ path, onListen() {} }, ({ url }) => new Response(url));
    assertEquals(await body(server), "http+unix://example.com/");
  },
  "server.shutdown() removes the Unix socket": async (serve) => {
    const path = `${Deno.makeTempDirSync()}/socket`;
    await serve({ path, onListen() {} }, ok).shutdown();
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  },
  "serve() answers with 500 when onError fails": async (serve) => {
    const onError = () => {
      throw new Error("also");
    };
    await using server = serve({ ...QUIET, onError }, () => {
      throw new Error("boom");
    });
    using client = await RawClient.open(server.addr);
    const { status, body } = await client.ask(get("/"));
    assertEquals([status, body], [500, "Internal Server Error"]);
  },
  "serve() takes an onError that needs time": async (serve) => {
    const onError = async () => {
      await pause(1);
      return new Response("late", { status: 503 });
    };
    await using server = serve({ ...QUIET, onError }, () => {
      throw new Error("boom");
    });
    using client = await RawClient.open(server.addr);
    const { status, body } = await client.ask(get("/"));
    assertEquals([status, body], [503, "late"]);
  },
  "serve() gives onError what was thrown, whatever it is": async (serve) => {
    const onError = (error: unknown) => new Response(String(error));
    await using server = serve({ ...QUIET, onError }, () => {
      // deno-lint-ignore no-throw-literal -- whatever it is
      throw "a text";
    });
    assertEquals(await body(server), "a text");
  },
  "server.shutdown() resolves, and finished with it": async (serve) => {
    const server = serve({ ...QUIET }, ok);
    await server.shutdown();
    await server.finished;
  },
  "server.shutdown() can be called twice": async (serve) => {
    const server = serve({ ...QUIET }, ok);
    await Promise.all([server.shutdown(), server.shutdown()]);
    await server.shutdown();
  },
  "server.shutdown() ends idle connections": async (serve) => {
    const server = serve({ ...QUIET }, ok);
    using client = await RawClient.open(server.addr);
    await client.ask(get("/"));
    await server.shutdown();
    assertEquals(await client.rest(), "");
  },
  "server.shutdown() waits for the response under way": async (serve) => {
    const begun = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const server = serve({ ...QUIET }, () => {
      begun.resolve();
      return answer.promise;
    });
    using client = await RawClient.open(server.addr);
    await client.send(get("/"));
    await begun.promise;
    let over = false;
    const shutdown = server.shutdown().then(() => over = true);
    await pause(20);
    assertEquals(over, false);
    answer.resolve(new Response("late"));
    assertEquals((await client.response()).body, "late");
    assertEquals(await client.rest(), "");
    await shutdown;
  },
  "server.shutdown() waits for a stream under way": async (serve) => {
    const last = Promise.withResolvers<void>();
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue(new Uint8Array([46]));
        await last.promise;
        controller.enqueue(new Uint8Array([33]));
        controller.close();
      },
    });
    const server = serve({ ...QUIET }, () => new Response(stream));
    using client = await RawClient.open(server.addr);
    await client.send(get("/"));
    await client.until(".");
    const shutdown = server.shutdown();
    last.resolve();
    await client.until("!\r\n0\r\n\r\n");
    await shutdown;
  },
  "server.shutdown() takes no more connections": async (serve) => {
    const server = serve({ ...QUIET }, ok);
    await server.shutdown();
    await assertRejects(() => RawClient.open(server.addr), Deno.errors.ConnectionRefused);
  },
  "server[Symbol.asyncDispose]() shuts it down": async (serve) => {
    let port: number;
    {
      await using server = serve({ ...QUIET }, ok);
      port = server.addr.port;
    }
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  },
  "the signal ends server and connections": async (serve) => {
    const controller = new AbortController();
    const begun = Promise.withResolvers<void>();
    const server = serve({ ...QUIET, signal: controller.signal }, () => {
      begun.resolve();
      return new Promise<Response>(() => {});
    });
    using client = await RawClient.open(server.addr);
    await client.send(get("/"));
    await begun.promise;
    controller.abort();
    await server.finished;
    assertEquals(await client.rest(), "");
  },
  "server.finished waits for no one after an abort": async (serve) => {
    const controller = new AbortController();
    const server = serve({ ...QUIET, signal: controller.signal }, ok);
    controller.abort();
    await server.finished;
    await server.shutdown();
  },
  "serve() answers fetch()": async (serve) => {
    await using server = serve({ ...QUIET }, async (request) => {
      return new Response(await request.text(), { headers: { "x-method": request.method } });
    });
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const response = await fetch(url, { method: "PUT", body: "abc" });
    assertEquals([response.headers.get("x-method"), await response.text()], ["PUT", "abc"]);
  },
  "serve() takes a stream from fetch()": async (serve) => {
    await using server = serve({ ...QUIET }, async (request) => {
      let length = 0;
      for await (const piece of request.body!) length += piece.length;
      return new Response(String(length));
    });
    const body = ReadableStream.from(Array.from({ length: 32 }, () => new Uint8Array(65_536)));
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const response = await fetch(url, { method: "POST", body });
    assertEquals(await response.text(), String(32 * 65_536));
  },
  "serve() answers many clients at once": async (serve) => {
    await using server = serve({ ...QUIET }, async ({ url }) => {
      await pause(1);
      return new Response(url.split("/").at(-1)!);
    });
    const { port } = server.addr;
    const texts = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      return await (await fetch(`http://127.0.0.1:${port}/${i}`)).text();
    }));
    assertEquals(texts, Array.from({ length: 100 }, (_, i) => String(i)));
  },
  "server.ref() and unref() may be called at any time": async (serve) => {
    const server = serve({ ...QUIET }, ok);
    server.unref();
    server.ref();
    assertEquals(await body(server), "ok");
    await server.shutdown();
    server.unref();
    server.ref();
  },
  "a handler sees none of the caller's async context": async (serve) => {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    const storage = new AsyncLocalStorage<string>();
    await withClient(
      serve as Serve,
      () => new Response(String(storage.getStore())),
      (client) =>
        storage.run("inside", async () => {
          assertEquals((await client.ask(get("/"))).body, "undefined");
        }),
    );
  },
};
