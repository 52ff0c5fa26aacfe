// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/mod.ts";
import {
  bytes,
  defineService,
  type Handlers,
  implement,
  method,
  RpcChannel,
  type RpcChannelOptions,
  RpcError,
  type RpcServer,
  serve,
  type ServeOptions,
  stream,
  string,
  struct,
  u32,
} from "../rpc/mod.ts";
import { memoryDuplex, type MemoryDuplexOptions } from "../io/mod.ts";

const text = struct({ text: string });
const number = struct({ value: u32 });
const blob = struct({ data: bytes });

/** A service with a method of every kind. */
export const everything = defineService({
  id: 1,
  name: "everything",
  methods: {
    echo: method({ id: 1, request: text, response: text, idempotent: true }),
    blob: method({ id: 2, request: blob, response: blob }),
    count: method({ id: 3, request: number, response: stream(number) }),
    sum: method({ id: 4, request: stream(number), response: number }),
    double: method({ id: 5, request: stream(number), response: stream(number) }),
    fail: method({ id: 6, request: text, response: text }),
    hang: method({ id: 7, request: text, response: text }),
  },
});

/** Handlers that do what the names say; `hang` answers when its caller gives up. */
export const everyHandler: Handlers<typeof everything.methods> = {
  echo: (request) => request,
  blob: (request) => request,
  async *count({ value }) {
    for (let index = 0; index < value; index++) yield { value: index };
  },
  async sum(requests) {
    let value = 0;
    for await (const request of requests) value += request.value;
    return { value };
  },
  async *double(requests) {
    for await (const { value } of requests) yield { value: value * 2 };
  },
  fail({ text }) {
    throw new RpcError("NOT_FOUND", text, { details: new Uint8Array([1, 2, 3]) });
  },
  hang: (_request, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    }),
};

/** A listener that gives these connections and then no more. */
export function listenerOf(...conns: Duplex[]): AsyncIterable<Duplex> & { close(): void } {
  return {
    close() {},
    async *[Symbol.asyncIterator]() {
      yield* conns;
    },
  };
}

/** A client and a server in memory. */
export interface Pair extends AsyncDisposable {
  readonly channel: RpcChannel;
  readonly server: RpcServer;
  readonly client: ReturnType<typeof clientOfEverything>;
}

/** Connects a client to a server of {@linkcode everything}. */
export function pairOf(
  options: {
    handlers?: Partial<Handlers<typeof everything.methods>>;
    serve?: ServeOptions;
    channel?: RpcChannelOptions;
    duplex?: MemoryDuplexOptions;
  } = {},
): Pair {
  const [near, far] = memoryDuplex(options.duplex);
  const handlers = { ...everyHandler, ...options.handlers };
  const server = serve(listenerOf(far), [implement(everything, handlers)], options.serve);
  const channel = new RpcChannel(near, options.channel);
  return {
    channel,
    server,
    client: clientOfEverything(channel),
    async [Symbol.asyncDispose]() {
      channel.close();
      await server.shutdown();
    },
  };
}

function clientOfEverything(channel: RpcChannel) {
  return channel.client(everything);
}
