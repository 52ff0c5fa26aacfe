// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { changeable, type Handler, vary } from "./middleware.ts";

/** Options of {@linkcode cors}. */
export interface CorsOptions {
  /** Origins that may read responses: `"*"`, a list, or a function that decides. */
  origins: "*" | readonly string[] | ((origin: string) => boolean);
  /**
   * Methods that they may use beside the simple ones.
   *
   * @default {["PUT", "PATCH", "DELETE"]}
   */
  methods?: readonly string[];
  /** Request headers that they may send; by default those that they ask for. */
  headers?: readonly string[];
  /** Response headers that they may read beside the simple ones. */
  exposeHeaders?: readonly string[];
  /**
   * Whether cookies may be sent. Not together with `"*"`.
   *
   * @default {false}
   */
  credentials?: boolean;
  /**
   * How long a browser may keep the answer to a preflight, in seconds.
   *
   * @default {600}
   */
  maxAgeSeconds?: number;
}

/**
 * Lets pages of other origins read responses (Fetch standard, CORS protocol), and answers
 * preflights by itself.
 *
 * @throws {TypeError} when every origin may send credentials
 *
 * @example One origin
 * ```ts
 * import { cors } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = cors(() => new Response(), { origins: ["https://example.com"] });
 * const request = new Request("http://localhost", { headers: { origin: "https://example.com" } });
 * const { headers } = await handler(request, {} as Deno.ServeHandlerInfo<never>);
 * assertEquals(headers.get("access-control-allow-origin"), "https://example.com");
 * ```
 */
export function cors<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  options: CorsOptions,
): Handler<A> {
  const { origins, credentials = false } = options;
  if (origins === "*" && credentials) {
    throw new TypeError('Cannot allow credentials: origins must not be "*"');
  }
  const allows = typeof origins === "function"
    ? origins
    : (origin: string) => origins.includes(origin);
  return async function withCors(request, info) {
    const origin = request.headers.get("origin");
    // What all may read says so to all: a cache may give it to a page later.
    const allowed = origins === "*" || origin !== null && allows(origin);
    const isPreflight = request.method === "OPTIONS" && origin !== null &&
      request.headers.has("access-control-request-method");
    const response = isPreflight
      ? new Response(null, { status: 204 })
      : changeable(await handler(request, info));
    const { headers } = response;
    if (origins !== "*") vary(headers, "Origin");
    if (!allowed) return response;
    headers.set("access-control-allow-origin", origins === "*" ? "*" : origin!);
    if (credentials) headers.set("access-control-allow-credentials", "true");
    if (isPreflight) describe(request, headers, options);
    else if (options.exposeHeaders) {
      headers.set("access-control-expose-headers", options.exposeHeaders.join(", "));
    }
    return response;
  };
}

/** What a preflight is told. */
function describe(request: Request, headers: Headers, options: CorsOptions): void {
  const { methods = ["PUT", "PATCH", "DELETE"], maxAgeSeconds = 600 } = options;
  const asked = request.headers.get("access-control-request-headers");
  const names = options.headers?.join(", ") ?? asked;
  headers.set("access-control-allow-methods", methods.join(", "));
  if (names !== null) headers.set("access-control-allow-headers", names);
  if (options.headers === undefined) vary(headers, "Access-Control-Request-Headers");
  headers.set("access-control-max-age", String(maxAgeSeconds));
}
