// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { resolveHost } from "../ffi/resolve.ts";
import { engineInfo } from "../io/engine_info.ts";
import { ExpiringCache } from "../thread/expiring_cache.ts";
import { SingleFlight } from "../thread/single_flight.ts";
import type { HostResolver } from "./addr.ts";
import { denoResolveHost } from "./deno_resolve.ts";

/** What a lookup found. */
export interface LookupAnswer {
  /** The addresses, best first. */
  readonly addresses: readonly string[];
  /** Milliseconds for which that holds, where the source says so; 0 keeps nothing. */
  readonly ttlMs?: number;
}

/** Options of {@linkcode Resolver}. */
export interface ResolverOptions {
  /**
   * Milliseconds that an answer without a time of its own is kept. The system's resolver tells no
   * times.
   *
   * @default {30000}
   */
  ttlMs?: number;
  /**
   * Milliseconds for which "there is no such host" is kept.
   *
   * @default {1000}
   */
  failureTtlMs?: number;
  /**
   * Milliseconds for which an address that could not be connected to comes last.
   *
   * @default {10000}
   */
  avoidMs?: number;
  /**
   * Hosts that are remembered; one more forgets the one that was not asked for longest.
   *
   * @default {1024}
   */
  hostsMax?: number;
  /** Looks a host up. Default: getaddrinfo(3), or `Deno.resolveDns` on the portable engine. */
  lookup?: (hostname: string) => Promise<LookupAnswer | readonly string[]>;
}

/** What is remembered of a host. */
interface Known {
  readonly addresses: readonly string[];
  readonly error: unknown;
  readonly expiresMs: number;
}

/**
 * Looks hosts up once for all who ask, remembers the answers for a time, and puts addresses that
 * could not be connected to last, so that the next connect begins with one that works. Give it to
 * `connect` or to a `ConnectionPool`.
 *
 * @example Two addresses, one of them dead
 * ```ts
 * import { connect, listen, Resolver } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const resolver = new Resolver({ lookup: async () => ["127.0.0.1", "127.0.0.2"] });
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using _conn = await connect({ hostname: "my.service", port: listener.addr.port, resolver });
 * resolver.failed("my.service", "127.0.0.1");
 * assertEquals(await resolver.resolve("my.service"), ["127.0.0.2", "127.0.0.1"]);
 * ```
 */
export class Resolver implements HostResolver {
  readonly #ttlMs: number;
  readonly #failureTtlMs: number;
  readonly #lookup: (hostname: string) => Promise<LookupAnswer | readonly string[]>;
  readonly #hosts: ExpiringCache<string, Known>;
  /** `host address`: when it failed. */
  readonly #failures: ExpiringCache<string, number>;
  readonly #flights = new SingleFlight<string, Known>();

  /**
   * A resolver that knows nothing yet.
   *
   * @throws {RangeError} when a time or bound is out of range
   */
  constructor(options: ResolverOptions = {}) {
    const { ttlMs = 30_000, failureTtlMs = 1_000, avoidMs = 10_000, hostsMax = 1024 } = options;
    for (const [name, value] of Object.entries({ ttlMs, failureTtlMs })) {
      if (value >= 0) continue;
      throw new RangeError(`Cannot make a resolver: ${name} must be at least 0, received ${value}`);
    }
    this.#ttlMs = ttlMs;
    this.#failureTtlMs = failureTtlMs;
    this.#lookup = options.lookup ?? systemLookup;
    this.#hosts = new ExpiringCache({ ttlMs: TTL_MS_MAX, entriesMax: hostsMax });
    this.#failures = new ExpiringCache({ ttlMs: avoidMs, entriesMax: 4 * hostsMax });
  }

  /**
   * The addresses of a host, best first; those that failed lately come last.
   *
   * @throws {Error} what the lookup throws
   */
  async resolve(hostname: string): Promise<string[]> {
    let known = this.#hosts.get(hostname);
    if (known === undefined || known.expiresMs <= performance.now()) {
      known = await this.#flights.run(hostname, () => this.#find(hostname));
    }
    if (known.addresses.length === 0) throw known.error;
    const failed = (address: string) => this.#failures.has(`${hostname} ${address}`) ? 1 : 0;
    return known.addresses.toSorted((left, right) => failed(left) - failed(right));
  }

  /** An address could not be connected to: it comes last for some time. */
  failed(hostname: string, address: string): void {
    this.#failures.set(`${hostname} ${address}`, performance.now());
  }

  /** Forgets a host, or all of them. */
  discard(hostname?: string): void {
    if (hostname !== undefined) return void this.#hosts.delete(hostname);
    this.#hosts.clear();
    this.#failures.clear();
  }

  async #find(hostname: string): Promise<Known> {
    let known: Known;
    try {
      const answer = await this.#lookup(hostname);
      const { addresses, ttlMs = this.#ttlMs } = "addresses" in answer
        ? answer
        : { addresses: answer };
      const error = new Error("failed to lookup address information: the host has no address");
      known = { addresses, error, expiresMs: performance.now() + ttlMs };
    } catch (error) {
      known = { addresses: [], error, expiresMs: performance.now() + this.#failureTtlMs };
    }
    this.#hosts.set(hostname, known);
    return known;
  }
}

/** A day: no answer is kept for longer. */
const TTL_MS_MAX = 86_400_000;

function systemLookup(hostname: string): Promise<string[]> {
  return engineInfo().engine === "uring" ? resolveHost(hostname) : denoResolveHost(hostname);
}
