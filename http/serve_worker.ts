// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WorkMainContext } from "../io/work_context.ts";
import type { ServeLimits } from "./limits.ts";
import type { Handler } from "./http_server.ts";
import { startServer } from "./start_server.ts";

/** Where a worker of `serve` with `workers` listens, and what it answers with. */
export interface WorkerPlace {
  /** Address to listen on. */
  readonly hostname: string;
  /** Port, shared with the others. */
  readonly port: number;
  /** The module of the handler. */
  readonly module: string;
  /** What a peer may ask. */
  readonly limits: ServeLimits;
}

/**
 * The main of every worker of `serve` with `workers`: serves until it is told to stop.
 *
 * @throws {TypeError} when the module has no handler
 */
export async function main(context: WorkMainContext, place: WorkerPlace): Promise<void> {
  const { hostname, port, module, limits } = place;
  const handler = handlerOf(await import(module), module);
  const server = startServer({
    hostname,
    port,
    limits,
    reusePort: true,
    onListen: () => context.ready(),
  }, handler);
  context.signal.addEventListener("abort", () => void server.shutdown(), { once: true });
  if (context.signal.aborted) await server.shutdown();
  await server.finished;
}

/** `default.fetch`, as `deno serve` has it, or an export `handler` or `fetch`. */
function handlerOf(exports: unknown, module: string): Handler {
  const found = exports as { default?: { fetch?: unknown }; handler?: unknown; fetch?: unknown };
  for (const handler of [found.default?.fetch, found.handler, found.fetch]) {
    if (typeof handler === "function") return handler as Handler;
  }
  throw new TypeError(`Cannot serve from workers: ${module} exports no handler`);
}
