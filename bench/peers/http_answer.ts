// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The handler of every server in TypeScript: a text for `GET`, and for `POST` the JSON that came,
 * parsed and written again.
 */
export function answer(request: Request): Response | Promise<Response> {
  if (request.method === "POST") return echo(request);
  return new Response("Hello, World!");
}

async function echo(request: Request): Promise<Response> {
  return Response.json(await request.json());
}
