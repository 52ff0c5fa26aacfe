// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { implement, type Implementation } from "./handlers.ts";
import { array, bool, string, struct, type Type, u32 } from "./schema.ts";
import {
  defineService,
  isStream,
  itemSchema,
  type Method,
  method,
  type Service,
} from "./service.ts";

const REFLECTION_ID = 0xffff_0002;

/** A request or a reply, as reflection tells it. */
export interface DescribedMessage {
  /** Whether there are any number of them. */
  stream: boolean;
  /** JSON of its `Schema`. */
  schema: string;
}

/** A method, as reflection tells it. */
export interface DescribedMethod {
  /** Its number. */
  id: number;
  /** Its name. */
  name: string;
  /** What it takes. */
  request: DescribedMessage;
  /** What it gives. */
  response: DescribedMessage;
}

/** A service, as reflection tells it. */
export interface DescribedService {
  /** Its number. */
  id: number;
  /** Its name. */
  name: string;
  /** Its methods. */
  methods: DescribedMethod[];
}

/** Methods of {@linkcode reflectionService}. */
export type ReflectionMethods = {
  /** All services of the server. */
  readonly list: Method<Type<Record<never, never>>, Type<{ services: DescribedService[] }>>;
};

/** The service that lists a server's services. */
export const reflectionService: Service<ReflectionMethods> = defineReflection();

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

function defineReflection(): Service<ReflectionMethods> {
  const message = struct({ stream: bool, schema: string });
  const described = struct({
    id: u32,
    name: string,
    methods: array(struct({ id: u32, name: string, request: message, response: message })),
  });
  return defineService({
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
}
