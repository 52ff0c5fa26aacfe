// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { memoryDuplex } from "../io/mod.ts";
import { connect, listen } from "../net/mod.ts";
import { implement, type Interceptor, RpcChannel, RpcError, serve } from "../rpc/mod.ts";
import { yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { rejectsWith } from "./rpc_network.ts";
import { everyHandler, everything, listenerOf, pairOf } from "./rpc_services.ts";

async function* numbers(count: number): AsyncGenerator<{ value: number }> {
  for (let value = 0; value < count; value++) yield { value };
}

/** A promise and what settles it, by hand. */
function gate(): { opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

leakTest("interceptors stand before every handler, the first outermost", async () => {
  const steps: string[] = [];
  const noting = (name: string): Interceptor => async (call, next) => {
    steps.push(`${name} ${call.methodName}`);
    return await next();
  };
  const guard: Interceptor = ({ context }, next) => {
    if (context.metadata.token === "no") throw new RpcError("UNAUTHENTICATED", "Cannot: no");
    return next();
  };
  await using pair = pairOf({ serve: { interceptors: [noting("a"), guard, noting("b")] } });
  await pair.client.echo({ text: "" });
  assertEquals((await Array.fromAsync(pair.client.count({ value: 3 }))).length, 3);
  assertEquals(await pair.client.sum(numbers(3)), { value: 3 });
  assertEquals(steps, ["a echo", "b echo", "a count", "b count", "a sum", "b sum"]);
  const refused = { metadata: { token: "no" } };
  await rejectsWith("UNAUTHENTICATED", () => pair.client.echo({ text: "" }, refused));
  await rejectsWith(
    "UNAUTHENTICATED",
    () => Array.fromAsync(pair.client.count({ value: 1 }, refused)),
  );
});

leakTest("calls beyond a limit are RESOURCE_EXHAUSTED, at either end", async () => {
  for (const serve of [{ callsPerConnectionMax: 2 }, { callsMax: 2 }]) {
    const { opened, open } = gate();
    const handlers = { echo: (request: { text: string }) => opened.then(() => request) };
    await using pair = pairOf({ serve, handlers });
    const two = [pair.client.echo({ text: "1" }), pair.client.echo({ text: "2" })];
    assert(
      (await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.echo({ text: "3" }))).unserved,
    );
    open();
    assertEquals((await Promise.all(two)).length, 2);
    assertEquals(await pair.client.echo({ text: "4" }), { text: "4" });
  }
  await using pair = pairOf({ channel: { callsMax: 1 } });
  const one = pair.client.echo({ text: "1" });
  await rejectsWith("RESOURCE_EXHAUSTED", () => pair.client.echo({ text: "2" }));
  await one;
});

leakTest("shutdown() may be called by a handler, as in no other thread", async () => {
  let gone: Promise<void> | undefined;
  await using pair = pairOf({
    handlers: {
      echo(request) {
        gone = pair.server.shutdown();
        return request;
      },
    },
  });
  assertEquals(await pair.client.echo({ text: "bye" }), { text: "bye" });
  await gone;
});

leakTest("serve() drains when its signal aborts, also when it has before", async () => {
  const [near, far] = memoryDuplex();
  const signal = AbortSignal.abort();
  const server = serve(listenerOf(far), [implement(everything, everyHandler)], { signal });
  await server.finished;
  near.close();
});

leakTest("drain under load loses no call", async () => {
  await using pair = pairOf({ handlers: { echo: async (request) => (await yieldNow(), request) } });
  let answered = 0;
  let asked = 0;
  async function caller() {
    while (pair.channel.usable) {
      asked++;
      await pair.client.echo({ text: "load" });
      answered++;
    }
  }
  const callers = Array.from({ length: 64 }, caller);
  while (answered < 1000) await yieldNow();
  await pair.server.shutdown();
  await Promise.all(callers);
  assertEquals(answered, asked);
});

leakTest("serve() works over TCP and Unix sockets, and drains them", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const unix = { transport: "unix", path } as const;
  const tcp = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  for (
    const [listener, dial] of [
      [tcp, () => connect({ hostname: "127.0.0.1", port })],
      [listen(unix), () => connect(unix)],
    ] as const
  ) {
    const server = serve(listener, [implement(everything, everyHandler)]);
    using channel = new RpcChannel(await dial());
    const client = channel.client(everything);
    const data = crypto.getRandomValues(new Uint8Array(65_536));
    assertEquals((await client.blob({ data })).data, data);
    assertEquals((await Array.fromAsync(client.double(numbers(100)))).length, 100);
    const last = client.count({ value: 10_000 });
    assertEquals((await last.next()).value, { value: 0 });
    const gone = server.shutdown();
    assertEquals((await Array.fromAsync(last)).length, 9_999);
    await gone;
    assertEquals([server.connections, channel.usable], [0, false]);
  }
  await Deno.remove(path).catch(() => {});
});

leakTest(
  "shutdown() waits no longer than its grace for a handler that heeds no signal",
  async () => {
    const { opened, open } = gate();
    let aborted = false;
    await using pair = pairOf({
      serve: { shutdownGraceMs: 20 },
      handlers: {
        async echo(request, { signal }) {
          signal.addEventListener("abort", () => aborted = true);
          await opened;
          return request;
        },
      },
    });
    const call = rejectsWith("UNAVAILABLE", () => pair.client.echo({ text: "a" }));
    while (pair.server.calls === 0) await yieldNow();
    await pair.server.shutdown();
    assertEquals([(await call).unserved, aborted, pair.server.calls], [false, true, 0]);
    open();
  },
);
