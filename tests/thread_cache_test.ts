// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ExpiringCache, ObjectCache, SingleFlight, sleep, spawn, yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

Deno.test("SingleFlight.HighConcurrency: one call for all who ask meanwhile", async () => {
  const flights = new SingleFlight<string, number>();
  let calls = 0;
  const ask = () => flights.run("key", () => sleep(1).then(() => ++calls));
  assertEquals(await Promise.all(Array.from({ length: 1_000 }, ask)), new Array(1_000).fill(1));
  assertEquals([await ask(), flights.size], [2, 0]);
});

Deno.test("SingleFlight: an error is given to all, and not kept", async () => {
  const flights = new SingleFlight<string, number>();
  const fail = () => flights.run("key", () => Promise.reject(new Error("No")));
  await Promise.all([1, 2].map(() => assertRejects(fail, Error, "No")));
  assertEquals(await flights.run("key", () => 1), 1);
});

leakTest("SingleFlight: a caller that gives up does not disturb the others", async () => {
  const flights = new SingleFlight<string, string>();
  const slow = () => sleep(5).then(() => "slow");
  const hasty = assertRejects(
    () => flights.run("key", slow, { timeoutMs: 1 }),
    Deno.errors.TimedOut,
  );
  const first = spawn(() => flights.run("key", slow));
  const patient = flights.run("key", slow);
  await yieldNow();
  first.cancel();
  await hasty;
  assertEquals(await patient, "slow");
});

leakTest("SingleFlight: when all have given up the call is cancelled", async () => {
  const flights = new SingleFlight<string, void>();
  let ended: unknown;
  const call = () =>
    sleep(60_000).catch((error) => {
      ended = error;
      throw error;
    });
  await assertRejects(() => flights.run("key", call, { timeoutMs: 2 }), Deno.errors.TimedOut);
  await yieldNow();
  assertEquals([flights.size, (ended as Error).name], [0, "AbortError"]);
});

Deno.test("ExpiringCache keeps a value for its time, and makes it once", async () => {
  const cache = new ExpiringCache<string, number>({ ttlMs: 5, entriesMax: 10 });
  let made = 0;
  const get = () => cache.getOrCreate("key", () => sleep(1).then(() => ++made));
  assertEquals(await Promise.all([get(), get(), get()]), [1, 1, 1]);
  assert(cache.has("key"));
  await sleep(6);
  assertEquals(cache.get("key"), undefined);
  assertEquals(await get(), 2);
});

Deno.test("ExpiringCache drops the value that was not used for longest", () => {
  const cache = new ExpiringCache<string, number>({ ttlMs: Infinity, entriesMax: 2 });
  cache.set("a", 1);
  cache.set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  assertEquals([cache.get("a"), cache.get("b"), cache.get("c")], [1, undefined, 3]);
  assert(cache.delete("a"));
  cache.clear();
  assertEquals(cache.size, 0);
  assertThrows(() => new ExpiringCache({ ttlMs: 0, entriesMax: 1 }), RangeError);
  assertThrows(() => new ExpiringCache({ ttlMs: 1, entriesMax: 0 }), RangeError);
});

Deno.test("ExpiringCache.delete() also drops a value that is being made", async () => {
  const cache = new ExpiringCache<string, number>({ ttlMs: Infinity, entriesMax: 2 });
  const stale = cache.getOrCreate("key", () => sleep(1).then(() => 1));
  await yieldNow();
  cache.delete("key");
  assertEquals(await cache.getOrCreate("key", () => 2), 2);
  assertEquals([await stale, cache.get("key")], [1, 2]);
});

/** A cache of objects that know whether they were disposed of. */
function openCache(options: { ttlMs?: number; entriesMax?: number; cooldownMs?: number } = {}) {
  const made: Thing[] = [];
  const cache = new ObjectCache<string, Thing>({
    ttlMs: 1e9,
    entriesMax: 10,
    ...options,
    dispose: (thing) => {
      assert(!thing.disposed, "disposed twice");
      thing.disposed = true;
    },
  });
  const make = async () => {
    await yieldNow();
    const thing = { disposed: false };
    made.push(thing);
    return thing;
  };
  return { cache, made, acquire: (key: string) => cache.acquire(key, make) };
}

interface Thing {
  disposed: boolean;
}

leakTest("objcache.borrow: one object for all, kept while somebody refers to it", async () => {
  const { cache, made, acquire } = openCache({ ttlMs: 2 });
  const references = await Promise.all(Array.from({ length: 100 }, () => acquire("key")));
  assertEquals(made.length, 1);
  for (const reference of references.slice(1)) reference.release();
  await sleep(8);
  assertEquals([made[0].disposed, cache.size], [false, 1]);
  references[0].release();
  references[0].release();
  await sleep(8);
  await cache.settled();
  assertEquals([made[0].disposed, cache.size], [true, 0]);
});

leakTest("objcache.release_cycle: discarded is given to nobody else", async () => {
  const { cache, made, acquire } = openCache();
  const [one, two] = [await acquire("key"), await acquire("key")];
  one.release({ discard: true });
  const three = await acquire("key");
  assert(three.value !== two.value);
  assertEquals(made[0].disposed, false);
  two.release();
  await cache.settled();
  assertEquals(made.map(({ disposed }) => disposed), [true, false]);
  three.release();
  await cache[Symbol.asyncDispose]();
  assertEquals(made[1].disposed, true);
});

leakTest("objcache.num_limit: the idle make room, those in use do not", async () => {
  const { cache, made, acquire } = openCache({ entriesMax: 2 });
  const a = await acquire("a");
  (await acquire("b")).release();
  const c = await acquire("c");
  await cache.settled();
  assertEquals(made.map(({ disposed }) => disposed), [false, true, false]);
  await assertRejects(() => acquire("d"), Deno.errors.Busy, "all 2 are in use");
  a.release();
  c.release();
  await cache[Symbol.asyncDispose]();
});

leakTest("objcache.cooldown: a failure is not tried again at once", async () => {
  const { cache } = openCache({ cooldownMs: 5 });
  let tries = 0;
  const fail = () => cache.acquire("key", () => Promise.reject(new Error(`${++tries}`)));
  await assertRejects(fail, Error, "1");
  await assertRejects(fail, Error, "1");
  await sleep(6);
  await assertRejects(fail, Error, "2");
  await cache[Symbol.asyncDispose]();
  await assertRejects(fail, Deno.errors.BadResource);
});

leakTest("ObjectCache disposes of each object once, whoever comes and goes", async () => {
  const visit = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    steps: fc.nat({ max: 5 }),
    discard: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(visit, { maxLength: 30 }), async (visits) => {
      const { cache, made, acquire } = openCache({ entriesMax: 2 });
      await Promise.all(visits.map(async ({ key, steps, discard }) => {
        for (let i = 0; i < steps; i++) await yieldNow();
        const reference = await acquire(key).catch(() => undefined);
        for (let i = 0; i < steps; i++) await yieldNow();
        assert(!reference?.value.disposed, "disposed of in use");
        reference?.release({ discard });
      }));
      await cache[Symbol.asyncDispose]();
      assert(made.every(({ disposed }) => disposed));
    }),
    { numRuns: 100 },
  );
});
