// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientCall } from "./client.ts";
import { type ClientInterceptor, withMetadata } from "./client_interceptor.ts";
import type { InterceptedCall, Interceptor } from "./handlers.ts";
import { RpcError } from "./rpc_error.ts";
import type { Service } from "./service.ts";

/** Who may call, for {@linkcode bearerTokenInterceptor}. */
export interface BearerTokenOptions {
  /** Tokens that are good, or who knows them. */
  tokens:
    | readonly string[]
    | ((token: string, call: InterceptedCall) => boolean | Promise<boolean>);
  /** Services that need no token, as the health service may. */
  open?: readonly Service[];
}

/** Name of the metadata, as HTTP has it (RFC 6750, section 2.1). */
const METADATA_NAME = "authorization";
const SCHEME = "Bearer ";

/**
 * For `serve`: lets only those calls through that come with a good token; others fail with
 * `UNAUTHENTICATED`, and no handler sees them. How long a comparison takes tells nothing about the
 * tokens but their lengths. Tokens travel as they are: use TLS.
 *
 * @throws {RangeError} When a token is empty
 *
 * @example A server for those who know the token, and whose health everybody may ask for
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { bearerTokenInterceptor, Health, healthService, reflection } from "@photon/std/rpc";
 * import { reflectionService, RpcChannel, RpcError, serve } from "@photon/std/rpc";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const health = new Health();
 * const guard = bearerTokenInterceptor({ tokens: ["secret"], open: [healthService] });
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using server = serve(listener, [health.implementation, reflection([])], {
 *   interceptors: [guard],
 * });
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * assertEquals((await channel.client(healthService).check({ service: "" })).status, "SERVING");
 * const list = () => channel.client(reflectionService).list({});
 * assertEquals((await assertRejects(list, RpcError)).code, "UNAUTHENTICATED");
 * ```
 */
export function bearerTokenInterceptor(options: BearerTokenOptions): Interceptor {
  const { tokens, open = [] } = options;
  const isGood = typeof tokens === "function" ? tokens : comparing(tokens);
  const openIds = new Set(open.map(({ id }) => id));
  return (call, next) => {
    if (openIds.has(call.service.id)) return next();
    const text = call.context.metadata[METADATA_NAME] ?? "";
    if (!text.startsWith(SCHEME)) throw unauthenticated();
    const good = isGood(text.slice(SCHEME.length), call);
    if (good instanceof Promise) {
      return good.then((good) => {
        if (good !== true) throw unauthenticated();
        return next();
      });
    }
    if (good !== true) throw unauthenticated();
    return next();
  };
}

/**
 * For `interceptCalls`: sends a token with every call.
 *
 * @param token The token, or what gives one that is good now
 *
 * @example A client that may call
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { bearerTokenClientInterceptor, bearerTokenInterceptor } from "@photon/std/rpc";
 * import { clientOf, Health, healthService, interceptCalls } from "@photon/std/rpc";
 * import { RpcChannel, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const guard = bearerTokenInterceptor({ tokens: ["secret"] });
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const options = { interceptors: [guard] };
 * await using server = serve(listener, [new Health().implementation], options);
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * const caller = interceptCalls(channel, bearerTokenClientInterceptor("secret"));
 * const { status } = await clientOf(healthService, caller).check({ service: "" });
 * assertEquals(status, "SERVING");
 * ```
 */
export function bearerTokenClientInterceptor(token: string | (() => string)): ClientInterceptor {
  return (call: ClientCall, next) => {
    const text = typeof token === "string" ? token : token();
    return next(withMetadata(call, { [METADATA_NAME]: `${SCHEME}${text}` }));
  };
}

function unauthenticated(): RpcError {
  const text = "Cannot serve call: it needs a good bearer token";
  return new RpcError("UNAUTHENTICATED", text);
}

/** Compares with all tokens to the end, whatever it finds. */
function comparing(tokens: readonly string[]): (token: string) => boolean {
  if (tokens.includes("")) throw new RangeError("Cannot check tokens: one of them is empty");
  const encoder = new TextEncoder();
  const known = tokens.map((token) => encoder.encode(token));
  return (token) => {
    const given = encoder.encode(token);
    let found = 0;
    for (const bytes of known) found |= sameBytes(bytes, given);
    return found === 1;
  };
}

/** 1 when they are the same, else 0; it takes as long for any bytes of the same lengths. */
function sameBytes(known: Uint8Array, given: Uint8Array): number {
  let difference = known.length ^ given.length;
  for (let index = 0; index < given.length; index++) {
    difference |= given[index] ^ known[index % known.length];
  }
  return difference === 0 ? 1 : 0;
}
