// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// With the packages that applications use, which the library itself does not import.
import * as api from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { assert, assertEquals } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { clientOf, interceptCalls, openTelemetry } from "../rpc/mod.ts";
import { leakTest } from "./leak.ts";
import { rejectsWith } from "./rpc_network.ts";
import { everything, pairOf } from "./rpc_services.ts";

/** Contexts that follow coroutines, as those of the SDKs do. */
class StorageContextManager implements api.ContextManager {
  readonly #storage = new AsyncLocalStorage<api.Context>();

  active(): api.Context {
    return this.#storage.getStore() ?? api.ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: api.Context,
    call: F,
    _this?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => call(...args));
  }

  bind<T>(_context: api.Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

/** Runs with the SDK set up; gives the spans that were made. */
async function recorded(run: () => Promise<void>): Promise<ReadableSpan[]> {
  exporter.reset();
  api.trace.setGlobalTracerProvider(provider);
  api.context.setGlobalContextManager(new StorageContextManager());
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  try {
    await run();
  } finally {
    await provider.forceFlush();
    for (const part of [api.trace, api.context, api.propagation]) part.disable();
  }
  return exporter.getFinishedSpans();
}

function tracedPair() {
  const { interceptor, clientInterceptor } = openTelemetry(api);
  const inner = () => api.trace.getTracer("test").startSpan("inner").end();
  const pair = pairOf({
    serve: { interceptors: [interceptor] },
    handlers: {
      echo: (request) => (inner(), request),
      async *count({ value }) {
        for (let at = 0; at < value; at++) {
          inner();
          yield { value: at };
        }
      },
    },
  });
  return { pair, client: clientOf(everything, interceptCalls(pair.channel, clientInterceptor)) };
}

leakTest("openTelemetry() puts client, server and handler in one trace", async () => {
  const spans = await recorded(async () => {
    const { pair, client } = tracedPair();
    await using _pair = pair;
    await api.trace.getTracer("test").startActiveSpan("request", async (span) => {
      assertEquals(await client.echo({ text: "a" }, { metadata: { user: "ada" } }), { text: "a" });
      span.end();
    });
  });
  const named = (name: string, kind = api.SpanKind.INTERNAL) =>
    spans.find((span) => span.name === name && span.kind === kind)!;
  const chain = [
    named("request"),
    named("everything/echo", api.SpanKind.CLIENT),
    named("everything/echo", api.SpanKind.SERVER),
    named("inner"),
  ];
  assertEquals(spans.length, 4);
  for (const [index, span] of chain.entries()) {
    assertEquals(span.parentSpanContext?.spanId, chain[index - 1]?.spanContext().spanId);
    assertEquals(span.spanContext().traceId, chain[0].spanContext().traceId);
  }
  assertEquals(chain[2].attributes, {
    "rpc.system": "photon",
    "rpc.service": "everything",
    "rpc.method": "echo",
  });
});

leakTest("openTelemetry() says how a call failed", async () => {
  const spans = await recorded(async () => {
    const { pair, client } = tracedPair();
    await using _pair = pair;
    await rejectsWith("NOT_FOUND", () => client.fail({ text: "no" }));
  });
  assertEquals(spans.map(({ status }) => status.code), Array(2).fill(api.SpanStatusCode.ERROR));
  assertEquals(spans.map(({ attributes }) => attributes["error.type"]), ["NOT_FOUND", "NOT_FOUND"]);
});

leakTest("openTelemetry() has a stream's handler in its span, which ends with it", async () => {
  const spans = await recorded(async () => {
    const { pair, client } = tracedPair();
    await using _pair = pair;
    assertEquals((await Array.fromAsync(client.count({ value: 2 }))).length, 2);
    for await (const _ of client.count({ value: 2 })) break;
  });
  const inner = spans.filter(({ name }) => name === "inner");
  const servers = spans.filter(({ kind }) => kind === api.SpanKind.SERVER);
  assert(inner.length >= 3);
  const ids = new Set(servers.map((span) => span.spanContext().spanId));
  for (const span of inner) assert(ids.has(span.parentSpanContext!.spanId));
  assertEquals(spans.filter(({ kind }) => kind === api.SpanKind.CLIENT).length, 2);
});

leakTest("openTelemetry() costs nothing but calls where no SDK is set up", async () => {
  const { pair, client } = tracedPair();
  await using _pair = pair;
  assertEquals(await client.echo({ text: "a" }), { text: "a" });
});
