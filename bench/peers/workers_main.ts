// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { WorkMainContext } from "../../io/work_context.ts";
import { listenShared } from "../../net/listen_shared.ts";
import type { ListenShare } from "../../net/share_listen.ts";
import { echoAll } from "./echo_loop.ts";

/** One worker of the echo server. */
export async function main(context: WorkMainContext, share: ListenShare): Promise<void> {
  const listener = listenShared(share, context.index);
  context.signal.addEventListener("abort", () => listener.close());
  context.ready();
  await echoAll(listener);
}
