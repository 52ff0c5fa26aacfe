// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WorkMainContext } from "../io/work_context.ts";
import { listenShared } from "../net/listen_shared.ts";
import type { ListenShare } from "../net/share_listen.ts";
import type { Implementation } from "./handlers.ts";
import { serve } from "./serve.ts";
import type { ServeOptions } from "./serve_options.ts";

/** What a module for `serveWorkers` exports. */
export interface WorkerModule {
  /** What it serves. */
  readonly implementations: readonly Implementation[];
  /** How it does so. */
  readonly options?: ServeOptions;
}

/**
 * The main of every worker of `serveWorkers`: serves until it is told to stop.
 *
 * @throws {TypeError} When the module has no implementations
 */
export async function main(
  context: WorkMainContext,
  share: ListenShare,
  module: string,
): Promise<void> {
  const { implementations, options } = await import(module) as Partial<WorkerModule>;
  if (!Array.isArray(implementations)) {
    throw new TypeError(`Cannot serve from workers: ${module} exports no implementations`);
  }
  const server = serve(listenShared(share, context.index), implementations, options);
  context.ready();
  context.signal.addEventListener("abort", () => void server.shutdown(), { once: true });
  if (context.signal.aborted) await server.shutdown();
  await server.finished;
}
