// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "../thread/alarm.ts";
import { sleep } from "../thread/sleep.ts";
import type { RedisClient } from "./client.ts";
import { Script } from "./script.ts";

/** How a lock is held and waited for. */
export interface LockOptions {
  /** How long it is held when its holder dies; extended while it lives: 10 000 ms by default. */
  ttlMs?: number;
  /** Longest wait for it: 0, not at all, by default. */
  waitMs?: number;
  /** Gives up waiting. */
  signal?: AbortSignal;
}

const TTL_MS = 10_000;
const RETRY_MS = 20;
const RETRY_MS_MAX = 250;

const ACQUIRE = new Script(`
  if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
    return redis.call("INCR", KEYS[2])
  end
  return false`);
const EXTEND = new Script(`
  if redis.call("GET", KEYS[1]) == ARGV[1] then
    return redis.call("PEXPIRE", KEYS[1], ARGV[2])
  end
  return 0`);
const RELEASE = new Script(`
  if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
  return 0`);

/**
 * Takes a lock that processes share, for as long as it is not disposed and this process lives.
 *
 * It is a lock on one server: when that dies and a replica takes over that lacks the last writes,
 * two may hold it. Hence {@linkcode RedisLock.token}: hand it to what the lock protects, and let
 * that refuse smaller ones.
 *
 * @throws {Deno.errors.TimedOut} when another holds it for longer than `waitMs`
 *
 * @example One at a time
 * ```ts
 * import { acquireLock, connect, startServer } from "@photon/std/redis";
 * import { assertRejects } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await using lock = await acquireLock(client, "jobs");
 * await assertRejects(() => acquireLock(client, "jobs"), Deno.errors.TimedOut);
 * lock.signal.throwIfAborted();
 * ```
 */
export async function acquireLock(
  client: RedisClient,
  name: string,
  options: LockOptions = {},
): Promise<RedisLock> {
  const { ttlMs = TTL_MS, waitMs = 0, signal } = options;
  const keys = [`lock:{${name}}`, `lock:{${name}}:fence`] as const;
  const owner = crypto.randomUUID();
  const untilMs = performance.now() + waitMs;
  for (let delayMs = RETRY_MS;; delayMs = Math.min(2 * delayMs, RETRY_MS_MAX)) {
    signal?.throwIfAborted();
    const askedMs = performance.now();
    const token = await ACQUIRE.run(client, keys, [owner, ttlMs]);
    if (token !== null) {
      return new RedisLock(client, { keys, owner, ttlMs, askedMs }, Number(token));
    }
    if (performance.now() + delayMs > untilMs) {
      throw new Deno.errors.TimedOut(`Cannot lock "${name}": another holds it`);
    }
    await sleep(delayMs * (0.5 + Math.random() / 2), signal ? { signal } : {});
  }
}

interface Holding {
  readonly keys: readonly [lock: string, fence: string];
  readonly owner: string;
  readonly ttlMs: number;
  /** When it was asked for: it is held from a later moment on. */
  readonly askedMs: number;
}

/**
 * A lock that is held. {@linkcode acquireLock} makes it.
 *
 * @example The token grows
 * ```ts
 * import { acquireLock, connect, type RedisLock, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const first: RedisLock = await acquireLock(client, "jobs");
 * await first.release();
 * await using second = await acquireLock(client, "jobs");
 * assertEquals(second.token, first.token + 1);
 * ```
 */
export class RedisLock implements AsyncDisposable {
  /** Larger than that of whoever held the lock before. */
  readonly token: number;

  readonly #client: RedisClient;
  readonly #holding: Holding;
  readonly #lost = new AbortController();
  #heldUntilMs: number;
  #alarm: Alarm | null = null;
  #isReleased = false;

  /** Starts extending it. */
  constructor(client: RedisClient, holding: Holding, token: number) {
    this.#client = client;
    this.#holding = holding;
    this.token = token;
    this.#heldUntilMs = holding.askedMs + holding.ttlMs;
    this.#schedule();
  }

  /** Aborted when the lock is lost, at the latest when it may have expired. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives it back; false when it was lost before. */
  async release(): Promise<boolean> {
    if (this.#isReleased) return false;
    this.#isReleased = true;
    this.#stop();
    const { keys, owner } = this.#holding;
    return await RELEASE.run(this.#client, [keys[0]], [owner]) === 1;
  }

  /** Gives it back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #schedule(): void {
    // A third of the time may be further off than the 24 days of setTimeout.
    const dueMs = Math.min(performance.now() + this.#holding.ttlMs / 3, this.#heldUntilMs);
    this.#alarm = setAlarm(dueMs, () => void this.#extend());
  }

  #stop(): void {
    if (this.#alarm !== null) clearAlarm(this.#alarm);
  }

  async #extend(): Promise<void> {
    const { keys, owner, ttlMs } = this.#holding;
    const askedMs = performance.now();
    if (askedMs >= this.#heldUntilMs) {
      return this.#lose(new Error("Cannot extend the lock in time"));
    }
    const timeoutMs = Math.max(1, this.#heldUntilMs - askedMs);
    try {
      const kept = await EXTEND.run(this.#client.with({ timeoutMs }), [keys[0]], [owner, ttlMs]);
      if (this.#isReleased) return;
      if (kept !== 1) return this.#lose(new Error("Cannot extend the lock: another has it"));
      this.#heldUntilMs = askedMs + ttlMs;
    } catch (error) {
      if (this.#isReleased) return;
      if (performance.now() >= this.#heldUntilMs || this.#client.isClosed) return this.#lose(error);
    }
    this.#schedule();
  }

  #lose(reason: unknown): void {
    this.#stop();
    this.#lost.abort(reason);
  }
}
