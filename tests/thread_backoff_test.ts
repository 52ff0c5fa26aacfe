// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { backoffMs } from "../thread/backoff.ts";
import { RetryBudget } from "../thread/retry_budget.ts";

Deno.test("backoffMs() doubles up to its bound, and leaves the rest to chance", () => {
  for (let failures = 1; failures < 40; failures++) {
    const bound = Math.min(80, 10 * 2 ** (failures - 1));
    const ms = backoffMs(failures, { firstMs: 10, mostMs: 80, fixedShare: 0.5 });
    assert(ms >= bound / 2 && ms <= bound);
    assert(backoffMs(failures, { firstMs: 10, mostMs: 80 }) <= bound);
  }
});

Deno.test("backoffMs() stays finite after any number of failures", () => {
  assertEquals(backoffMs(10_000, { firstMs: 1, mostMs: 7, fixedShare: 1 }), 7);
});

Deno.test("RetryBudget allows a few tries, then a share of the calls, up to a bound", () => {
  const spent = (budget: RetryBudget) => {
    let tries = 0;
    while (budget.spend()) tries++;
    return tries;
  };
  const budget = new RetryBudget(0.5);
  assertEquals(spent(budget), 10);
  for (let calls = 0; calls < 20; calls++) budget.earn();
  assertEquals(spent(budget), 10);
  for (let calls = 0; calls < 10_000; calls++) budget.earn();
  assertEquals(spent(budget), 100);
});
