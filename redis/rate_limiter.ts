// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CommandSender } from "./command_sender.ts";
import { Script } from "./script.ts";

/** What a limiter allows. */
export interface RateLimit {
  /** So many within the period, evenly spread. */
  readonly count: number;
  /** The period in milliseconds. */
  readonly periodMs: number;
  /** How many may come at once: `count` by default. */
  readonly burst?: number;
}

/** What a limiter said. */
export interface RateDecision {
  /** Whether it may go on. */
  readonly isAllowed: boolean;
  /** How many more may come now. */
  readonly remaining: number;
  /** Milliseconds until one more is allowed; 0 when one is. */
  readonly retryAfterMs: number;
}

/** The generic cell rate algorithm: one time per key, by the server's clock. */
const LIMIT = new Script(`
  local time = redis.call("TIME")
  local now = time[1] * 1000 + time[2] / 1000
  local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local due = math.max(tonumber(redis.call("GET", KEYS[1]) or 0), now)
  local later = due + interval * cost
  local wait = later - now - interval * burst
  if wait > 0 then
    return { 0, math.floor((interval * burst - (due - now)) / interval), math.ceil(wait) }
  end
  redis.call("SET", KEYS[1], string.format("%.3f", later), "PX", math.ceil(later - now) + 1)
  return { 1, math.floor(-wait / interval), 0 }`);

/**
 * Lets so many pass within a time, counted across all processes.
 *
 * @example Two a minute
 * ```ts
 * import { connect, RateLimiter, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const limiter = new RateLimiter(client, { count: 2, periodMs: 60_000 });
 * const decisions = await Promise.all([1, 2, 3].map(() => limiter.take("ann")));
 * assertEquals(decisions.map(({ isAllowed }) => isAllowed), [true, true, false]);
 * ```
 */
export class RateLimiter {
  readonly #commands: CommandSender<string>;
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #prefix: string;

  /**
   * Limits by keys that begin with `prefix`.
   *
   * @throws {RangeError} when the limit is not above 0
   */
  constructor(commands: CommandSender<string>, limit: RateLimit, prefix = "rate:") {
    const { count, periodMs, burst = count } = limit;
    if (!(count > 0 && periodMs > 0 && burst >= 1)) {
      throw new RangeError("Cannot limit: count, period and burst must be above 0");
    }
    this.#commands = commands;
    this.#intervalMs = periodMs / count;
    this.#burst = burst;
    this.#prefix = prefix;
  }

  /** Asks for one, or for `cost` at once. */
  async take(name: string, cost = 1): Promise<RateDecision> {
    const args = [this.#intervalMs, this.#burst, cost];
    const reply = await LIMIT.run(this.#commands, [this.#prefix + name], args);
    const [isAllowed, remaining, retryAfterMs] = (reply as number[]).map(Number);
    return { isAllowed: isAllowed === 1, remaining: remaining!, retryAfterMs: retryAfterMs! };
  }
}
