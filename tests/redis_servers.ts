// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type EmbeddedServer, type ServerOptions, startServer } from "../redis/embedded.ts";
import { leakTest } from "./leak.ts";

/** Whether `redis-server` is installed here. */
export const hasServer: boolean = isInstalled();

/**
 * Registers a test that needs `redis-server`; it is left out, with a notice, where that is not
 * installed. Nothing may be open when it ends.
 */
export function redisTest(name: string, body: () => Promise<void>): void {
  if (!hasServer) console.warn(`Left out, as redis-server is not installed: ${name}`);
  leakTest(name, body, { ignore: !hasServer });
}

/** The same, with a server of its own. */
export function serverTest(
  name: string,
  body: (server: EmbeddedServer) => Promise<void>,
  options?: ServerOptions,
): void {
  redisTest(name, async () => {
    await using server = await startServer(options);
    await body(server);
  });
}

function isInstalled(): boolean {
  try {
    return new Deno.Command("redis-server", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
