// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { changeable, type Handler, originOf } from "./middleware.ts";

/** Options of {@linkcode requestId}. */
export interface RequestIdOptions {
  /**
   * The field that carries the id.
   *
   * @default {"x-request-id"}
   */
  header?: string;
  /**
   * Takes over the id that a request brings, when it looks like one: behind a proxy of one's own.
   *
   * @default {false}
   */
  trust?: boolean;
}

const ids: WeakMap<Request, string> = new WeakMap();
const ID_REGEXP = /^[\w.:+/=-]{1,128}$/;

/**
 * Gives every request an id, which {@linkcode requestIdOf} tells and the response carries.
 *
 * @example The id in handler and response
 * ```ts
 * import { requestId, requestIdOf } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = requestId((request) => new Response(requestIdOf(request)));
 * const info = {} as Deno.ServeHandlerInfo<never>;
 * const response = await handler(new Request("http://localhost"), info);
 * assertEquals(response.headers.get("x-request-id"), await response.text());
 * ```
 */
export function requestId<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  options: RequestIdOptions = {},
): Handler<A> {
  const { header = "x-request-id", trust = false } = options;
  return async function withRequestId(request, info) {
    const brought = trust ? request.headers.get(header) : null;
    const id = brought !== null && ID_REGEXP.test(brought) ? brought : crypto.randomUUID();
    ids.set(originOf(request), id);
    const response = changeable(await handler(request, info));
    response.headers.set(header, id);
    return response;
  };
}

/**
 * The id of a request that went through {@linkcode requestId}, else undefined.
 *
 * @example A request without one
 * ```ts
 * import { requestIdOf } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(requestIdOf(new Request("http://localhost")), undefined);
 * ```
 */
export function requestIdOf(request: Request): string | undefined {
  return ids.get(originOf(request));
}
