// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Handler } from "./middleware.ts";

/** One row of a {@linkcode router}. */
export interface Route<A extends Deno.Addr = Deno.Addr> {
  /** Method, or several; `GET` answers `HEAD` as well. Any when left out. */
  method?: string | readonly string[];
  /** Path as `URLPattern` has it: `/users/:id`, `/files/*`; or a pattern of the whole URL. */
  path: string | URLPattern;
  /** Answers; `params` are the named groups of the path. */
  handler: (
    request: Request,
    params: Record<string, string | undefined>,
    info: Deno.ServeHandlerInfo<A>,
  ) => Response | Promise<Response>;
}

/**
 * Chooses a handler by method and path: the first row that fits. Rows without groups are found in
 * a map, so that their number costs nothing. A path that fits with no method that does is answered
 * 405 with `Allow`.
 *
 * @param fallback Answers when no path fits; 404 by default
 *
 * @example Two rows
 * ```ts
 * import { router } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = router([
 *   { method: "GET", path: "/", handler: () => new Response("home") },
 *   { method: "GET", path: "/users/:id", handler: (_request, { id }) => new Response(id) },
 * ]);
 * const info = {} as Deno.ServeHandlerInfo<never>;
 * const response = await handler(new Request("http://localhost/users/7"), info);
 * assertEquals(await response.text(), "7");
 * ```
 */
export function router<A extends Deno.Addr = Deno.Addr>(
  routes: readonly Route<A>[],
  fallback: Handler<A> = () => new Response("Not Found", { status: 404 }),
): Handler<A> {
  const rows = routes.map((route, order) => compile(route, order));
  const fixed = new Map<string, Row<A>[]>();
  for (const row of rows) {
    if (row.fixed !== null) fixed.set(row.fixed, [...fixed.get(row.fixed) ?? [], row]);
  }
  const patterns = rows.filter((row) => row.fixed === null);
  return function route(request, info) {
    const path = pathOf(request.url);
    const same = fixed.get(path) ?? [];
    const found = same.find((row) => row.takes(request.method));
    const allowed: string[] = same.flatMap((row) => row.allowed);
    for (const row of patterns) {
      // Rows before the one that was found come first.
      if (found !== undefined && row.order > found.order) break;
      const match = row.pattern!.exec(request.url);
      if (match === null) continue;
      if (row.takes(request.method)) return row.handler(request, match.pathname.groups, info);
      allowed.push(...row.allowed);
    }
    if (found !== undefined) return found.handler(request, {}, info);
    return allowed.length === 0 ? fallback(request, info) : refuse(allowed);
  };
}

interface Row<A extends Deno.Addr> {
  readonly order: number;
  readonly fixed: string | null;
  readonly pattern: URLPattern | null;
  /** What `Allow` says. */
  readonly allowed: readonly string[];
  readonly handler: Route<A>["handler"];
  takes(method: string): boolean;
}

/** A path in which `URLPattern` sees no group, and which it would not normalise. */
const FIXED_REGEXP = /^\/(?!.*(?:\/|^)\.{1,2}(?:\/|$))[\w\-./~@!$&',;=]*$/;

function compile<A extends Deno.Addr>(
  { method, path, handler }: Route<A>,
  order: number,
): Row<A> {
  const methods = (method === undefined ? [] : typeof method === "string" ? [method] : method)
    .map((each) => each.toUpperCase());
  const fixed = typeof path === "string" && FIXED_REGEXP.test(path) ? path : null;
  const pattern = fixed !== null
    ? null
    : typeof path === "string"
    ? new URLPattern({ pathname: path })
    : path;
  const takes = (asked: string) =>
    methods.length === 0 || methods.includes(asked) ||
    (asked === "HEAD" && methods.includes("GET"));
  const allowed = methods.flatMap((each) => each === "GET" ? ["GET", "HEAD"] : each);
  return { order, fixed, pattern, allowed, handler, takes };
}

/** The path of an absolute URL, as it stands there. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

function refuse(allowed: readonly string[]): Response {
  const headers = { allow: [...new Set(allowed)].join(", ") };
  return new Response("Method Not Allowed", { status: 405, headers });
}
