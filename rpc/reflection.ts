// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { implement, type Implementation } from "./handlers.ts";
import { array, bool, string, struct, u32 } from "./schema.ts";
import { defineService, isStream, itemSchema, method, type Service } from "./service.ts";

const REFLECTION_ID = 0xffff_0002;

const message = struct({ stream: bool, schema: string });
const described = struct({
  id: u32,
  name: string,
  methods: array(struct({ id: u32, name: string, request: message, response: message })),
});

const definition = defineService({
  id: REFLECTION_ID,
  name: "reflection",
  methods: {
    list: method({
      id: 1,
      request: struct({}),
      response: struct({ services: array(described) }),
      idempotent: true,
    }),
  },
});

/** The service that lists a server's services; schemas come as JSON of `Schema`. */
export const reflectionService: Service<typeof definition.methods> = definition;

/**
 * Lets clients ask which services there are, and of which types.
 *
 * @example What a server serves
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { Health, reflection, reflectionService, RpcChannel, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const services = [new Health().implementation];
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using server = serve(listener, [...services, reflection(services)]);
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * const list = await channel.client(reflectionService).list({});
 * assertEquals(list.services.map(({ name }) => name), ["health"]);
 * ```
 */
export function reflection(implementations: readonly Implementation[]): Implementation {
  const services = implementations.map(({ service }) => ({
    id: service.id,
    name: service.name,
    methods: Object.entries(service.methods).map(([name, { id, request, response }]) => ({
      id,
      name,
      request: { stream: isStream(request), schema: JSON.stringify(itemSchema(request)) },
      response: { stream: isStream(response), schema: JSON.stringify(itemSchema(response)) },
    })),
  }));
  return implement(reflectionService, { list: () => ({ services }) });
}
