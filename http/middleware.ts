// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A handler as `serve` takes it, of requests from addresses of one kind. */
export type Handler<A extends Deno.Addr = Deno.Addr> = Deno.ServeHandler<A>;

/** A response whose headers can be changed: itself, or a copy where they are immutable. */
export function changeable(response: Response): Response {
  try {
    response.headers.delete("x-photon-immutable");
    return response;
  } catch {
    // Of `Response.redirect` and `fetch`.
    return new Response(response.body, response);
  }
}

/** Adds a name to `Vary`. */
export function vary(headers: Headers, name: string): void {
  const names = (headers.get("vary") ?? "").split(",").map((each) => each.trim().toLowerCase());
  if (!names.includes("*") && !names.includes(name.toLowerCase())) headers.append("vary", name);
}

const origins: WeakMap<Request, Request> = new WeakMap();

/** Another request in place of one, about which the same is known. */
export function derived(request: Request, init: RequestInit): Request {
  const changed = new Request(request, init);
  origins.set(changed, originOf(request));
  return changed;
}

/** The request as it came, where what is known of it was noted. */
export function originOf(request: Request): Request {
  return origins.get(request) ?? request;
}
