// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { implement, type Implementation } from "./handlers.ts";
import { oneOf, string, struct, type Type } from "./schema.ts";
import { defineService, type Method, method, type Service } from "./service.ts";

/** Number of the service that every server may have. */
const HEALTH_ID = 0xffff_0001;

/** Whether a server, or one of its services, takes calls. */
export type HealthStatus = "SERVING" | "NOT_SERVING" | "UNKNOWN";

/** Methods of {@linkcode healthService}. */
export type HealthMethods = {
  /** What is known of a service, or of the server under the empty name. */
  readonly check: Method<Type<{ service: string }>, Type<{ status: HealthStatus }>>;
};

/** The service by which load balancers and pools ask whether a server is well. */
export const healthService: Service<HealthMethods> = defineService({
  id: HEALTH_ID,
  name: "health",
  methods: {
    check: method({
      id: 1,
      request: struct({ service: string }),
      response: struct({ status: oneOf("UNKNOWN", "SERVING", "NOT_SERVING") }),
      idempotent: true,
    }),
  },
});

/**
 * What a server says of its health.
 *
 * @example A server that says it is well
 * ```ts
 * import { listen, connect } from "@photon/std/net";
 * import { Health, healthService, RpcChannel, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const health = new Health();
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using server = serve(listener, [health.implementation]);
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * const reply = await channel.client(healthService).check({ service: "" });
 * assertEquals(reply.status, "SERVING");
 * ```
 */
export class Health {
  /** To be served beside the services. */
  readonly implementation: Implementation;
  readonly #statuses = new Map<string, HealthStatus>([["", "SERVING"]]);

  /** Says that the server as a whole is well. */
  constructor() {
    this.implementation = implement(healthService, {
      check: ({ service }) => ({ status: this.#statuses.get(service) ?? "UNKNOWN" }),
    });
  }

  /** Sets what is said of a service; of the server as a whole under the empty name. */
  set(service: string, status: HealthStatus): void {
    this.#statuses.set(service, status);
  }
}
