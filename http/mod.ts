// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * HTTP on the ring: {@linkcode serve} with the contract of `Deno.serve`.
 *
 * ```ts
 * import { serve } from "@photon/std/http";
 *
 * const server = serve({ port: 0, onListen() {} }, () => new Response("Hello, World!"));
 * await server.shutdown();
 * ```
 *
 * @module
 */
export * from "./serve.ts";
export { DEFAULT_LIMITS, type ServeLimits } from "./limits.ts";
export { type TrailerSource, withTrailers } from "./trailers.ts";
