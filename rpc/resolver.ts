// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Says which servers there are. */
export interface RpcResolver {
  /** Their addresses now, in order of preference: `host:port`, `[v6]:port` or `unix:/path`. */
  resolve(): Promise<readonly string[]>;
  /**
   * Milliseconds for which an answer is good.
   *
   * @default {30000}
   */
  readonly ttlMs?: number;
}

/**
 * A resolver of addresses that never change.
 *
 * @example Two servers
 * ```ts
 * import { staticResolver } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const resolver = staticResolver(["10.0.0.1:9000", "10.0.0.2:9000"]);
 * assertEquals((await resolver.resolve()).length, 2);
 * ```
 */
export function staticResolver(addresses: readonly string[]): RpcResolver {
  return { resolve: () => Promise.resolve(addresses), ttlMs: Infinity };
}

/**
 * A resolver of all IPv4 and IPv6 addresses of a name, each with the same port.
 *
 * @param lookup Answers like `Deno.resolveDns`, which it is by default
 *
 * @example Both families of a name
 * ```ts
 * import { dnsResolver } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const lookup = (_name: string, type: "A" | "AAAA") =>
 *   Promise.resolve(type === "A" ? ["10.0.0.1"] : ["fd00::1"]);
 * const resolver = dnsResolver("store.example", 9000, lookup);
 * assertEquals(await resolver.resolve(), ["10.0.0.1:9000", "[fd00::1]:9000"]);
 * ```
 */
export function dnsResolver(
  hostname: string,
  port: number,
  lookup: (name: string, type: "A" | "AAAA") => Promise<string[]> = Deno.resolveDns,
): RpcResolver {
  return {
    async resolve() {
      const [v4, v6] = await Promise.allSettled([lookup(hostname, "A"), lookup(hostname, "AAAA")]);
      if (v4.status === "rejected" && v6.status === "rejected") throw v4.reason;
      const addresses = v4.status === "fulfilled" ? v4.value.map((ip) => `${ip}:${port}`) : [];
      if (v6.status === "fulfilled") addresses.push(...v6.value.map((ip) => `[${ip}]:${port}`));
      return addresses;
    },
  };
}

/** As much of a Redis client as {@linkcode redisResolver} needs. */
export interface RegistryClient {
  /** Members of a sorted set whose score is in the range, as of `ZRANGEBYSCORE`. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
}

/**
 * A resolver of servers that register in Redis: members of a sorted set, each with the time in
 * milliseconds until which it is to be trusted as its score.
 *
 * @example Servers of a registry
 * ```ts
 * import { redisResolver } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const client = { command: () => Promise.resolve(["10.0.0.2:9000", "10.0.0.1:9000"]) };
 * const resolver = redisResolver(client, "servers:store");
 * assertEquals(await resolver.resolve(), ["10.0.0.1:9000", "10.0.0.2:9000"]);
 * ```
 */
export function redisResolver(client: RegistryClient, key: string): RpcResolver {
  return {
    ttlMs: 5_000,
    async resolve() {
      const members = await client.command("ZRANGEBYSCORE", key, Date.now(), "+inf");
      return Array.isArray(members) ? members.map(String).sort() : [];
    },
  };
}

/**
 * Registers a server for {@linkcode redisResolver}, for so long; call it again before that.
 *
 * @example A server that is trusted for a while
 * ```ts
 * import { registerInRedis } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const commands: string[] = [];
 * const client = { command: (name: string) => Promise.resolve(commands.push(name)) };
 * await registerInRedis(client, "servers:store", "10.0.0.1:9000");
 * assertEquals(commands, ["ZADD", "ZREMRANGEBYSCORE"]);
 * ```
 */
export async function registerInRedis(
  client: RegistryClient,
  key: string,
  address: string,
  trustMs = 15_000,
): Promise<void> {
  await client.command("ZADD", key, Date.now() + trustMs, address);
  await client.command("ZREMRANGEBYSCORE", key, "-inf", Date.now() - trustMs);
}
