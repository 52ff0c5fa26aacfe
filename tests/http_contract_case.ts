// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RawClient } from "./http_raw_client.ts";

/** The function under test: Deno's own, or ours. */
export type Serve = typeof Deno.serve;

/** A handler as both take it. */
export type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

/** Cases by name: what is expected, as a sentence that starts with the call. */
export type HttpCases = Record<string, (serve: Serve) => void | Promise<void>>;

/** Serves on a free port while `use` runs; what the handler throws is told as `failed: ...`. */
export async function withServer(
  serve: Serve,
  handler: Handler,
  use: (server: Deno.HttpServer<Deno.NetAddr>, origin: string) => Promise<void>,
): Promise<void> {
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: (error) => new Response(`failed: ${(error as Error).message}`, { status: 500 }),
  }, handler);
  try {
    await use(server, `http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** Serves while `use` runs with a raw client, which is closed afterwards. */
export async function withClient(
  serve: Serve,
  handler: Handler,
  use: (client: RawClient, server: Deno.HttpServer<Deno.NetAddr>) => Promise<void>,
): Promise<void> {
  await withServer(serve, handler, async (server) => {
    using client = await RawClient.open(server.addr);
    await use(client, server);
  });
}

/** A GET request with further lines. */
export function get(target: string, ...lines: string[]): string {
  return request("GET", target, lines);
}

/** A POST request with a body of known length. */
export function post(target: string, body: string, ...lines: string[]): string {
  return request("POST", target, [`Content-Length: ${body.length}`, ...lines]) + body;
}

/** The head of a request. */
export function request(method: string, target: string, lines: readonly string[] = []): string {
  return [`${method} ${target} HTTP/1.1`, "Host: example.com", ...lines, "", ""].join("\r\n");
}

/** Waits for a while, where there is nothing to wait for. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
