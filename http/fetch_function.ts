// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * What answers requests for a client: `fetch` itself, or a layer around another one. Layers stack:
 * `cacheResponses(retry(fetch))`.
 */
export type FetchFunction = (request: Request) => Promise<Response>;
