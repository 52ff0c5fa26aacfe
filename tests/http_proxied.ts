// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { reverseProxy, type ReverseProxyOptions, serve } from "../http/mod.ts";
import type { Handler } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";

/** Where servers of tests listen. */
export const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** A proxy in front of servers while `use` runs with a client of it. */
export async function withProxy(
  upstreams: string[],
  use: (client: RawClient, proxy: ReturnType<typeof reverseProxy>, port: number) => Promise<void>,
  options: Partial<ReverseProxyOptions> = {},
): Promise<void> {
  using proxy = reverseProxy({ upstreams, ...options });
  // What breaks off is told to the log of a server: not to that of these tests.
  const onError = () => new Response(null, { status: 500 });
  await using front = serve({ ...OPTIONS, onError }, proxy);
  using client = await RawClient.open(front.addr);
  await use(client, proxy, front.addr.port);
}

/** The same in front of a handler. */
export async function withHandler(
  handler: Handler,
  use: (client: RawClient, port: number) => Promise<void>,
  options: Partial<ReverseProxyOptions> = {},
): Promise<void> {
  await using server = serve(OPTIONS, handler);
  const upstreams = [`http://127.0.0.1:${server.addr.port}`];
  await withProxy(upstreams, (client, _, port) => use(client, port), options);
}
