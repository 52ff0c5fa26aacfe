// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Throttle, yieldNow } from "../thread/mod.ts";
import { TURNS_BEFORE_LOWER } from "../thread/throttle.ts";
import { leakTest } from "./leak.ts";

const LIMIT = 10;
/** So long that nothing flows in during a test: tokens come from `restore()` alone. */
const ENDLESS_MS = 1e12;

/** What somebody does to a throttle. */
const step = fc.oneof(
  fc.record({
    action: fc.constant("consume" as const),
    count: fc.integer({ min: 1, max: 15 }),
    priority: fc.constantFrom("high" as const, "medium" as const, "low" as const),
  }),
  fc.record({ action: fc.constant("restore" as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ action: fc.constant("abort" as const), index: fc.nat({ max: 30 }) }),
);

interface Consumer {
  id: number;
  count: number;
}

/** The rule in plain arrays: first come, first served, the highest first, none passed for ever. */
class Model {
  readonly passed: number[] = [];
  readonly queues: Consumer[][] = [[], [], []];
  readonly #passes = [0, 0, 0];
  #tokens = LIMIT;

  arrive(consumer: Consumer, level: number): void {
    const crowded = this.queues.some((queue) => queue.length > 0);
    if (!crowded && this.#fits(consumer)) return this.#pass(consumer);
    this.queues[level].push(consumer);
    this.serve();
  }

  restore(count: number): void {
    this.#tokens = Math.min(this.#tokens + count, LIMIT);
    this.serve();
  }

  leave(id: number): void {
    for (const queue of this.queues) {
      const index = queue.findIndex((consumer) => consumer.id === id);
      if (index >= 0) queue.splice(index, 1);
    }
    this.serve();
  }

  serve(): void {
    for (;;) {
      const levels = [0, 1, 2].filter((level) => this.queues[level].length > 0);
      const level = levels.findLast((level) => this.#passes[level] >= TURNS_BEFORE_LOWER) ??
        levels[0];
      if (level === undefined || !this.#fits(this.queues[level][0])) return;
      this.#pass(this.queues[level].shift()!);
      this.#passes[level] = 0;
      for (let lower = level + 1; lower < 3; lower++) {
        if (this.queues[lower].length > 0) this.#passes[lower]++;
      }
    }
  }

  /** Who wants more than the bucket holds goes with a full one, into debt. */
  #fits({ count }: Consumer): boolean {
    return Math.min(count, LIMIT) <= this.#tokens;
  }

  #pass({ id, count }: Consumer): void {
    this.#tokens -= count;
    this.passed.push(id);
  }
}

leakTest("Throttle lets through whom its rule says, in that order, whoever gives up", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const throttle = new Throttle({ limit: LIMIT, windowMs: ENDLESS_MS });
      const model = new Model();
      const passed: number[] = [];
      const controllers: AbortController[] = [];
      for (const step of steps) {
        if (step.action === "consume") {
          const { count, priority } = step;
          const controller = new AbortController();
          const id = controllers.push(controller) - 1;
          throttle.consume(count, { priority, signal: controller.signal })
            .then(() => passed.push(id), () => {});
          model.arrive({ id, count }, ["high", "medium", "low"].indexOf(priority));
        } else if (step.action === "restore") {
          throttle.restore(step.count);
          model.restore(step.count);
        } else if (step.index < controllers.length) {
          controllers[step.index].abort();
          model.leave(step.index);
        }
        await yieldNow();
        assertEquals(passed, model.passed);
        assertEquals(throttle.waiting, model.queues.flat().length);
      }
      for (const controller of controllers) controller.abort();
      assertEquals(throttle.waiting, 0);
    }),
    { numRuns: 300 },
  );
});
