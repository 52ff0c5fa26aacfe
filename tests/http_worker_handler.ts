// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const name = crypto.randomUUID();

/** Answers in a worker of `serveWorkers`; `/name` tells which. */
export async function handler(request: Request): Promise<Response> {
  if (request.url.endsWith("/name")) return new Response(name);
  if (request.url.endsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, 50));
  return new Response("from a worker");
}
