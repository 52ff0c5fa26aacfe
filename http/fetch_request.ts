// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A function like `fetch` around which others are put. */
export type FetchRequest = (request: Request) => Promise<Response>;
