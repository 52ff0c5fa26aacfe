// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Completion, SLOTS_MAX, SlotTable } from "../io/slot_table.ts";

Deno.test("SlotTable.handler() gives null for a completion of an earlier tenant", () => {
  const slots = new SlotTable();
  const slot = slots.take(handler(), true);
  const stale = slots.generation(slot);
  slots.free(slot);
  const next = handler();
  assertEquals(slots.take(next, true), slot);
  assertStrictEquals(slots.handler(slot, stale), null);
  assertStrictEquals(slots.handler(slot, slots.generation(slot)), next);
});

Deno.test("SlotTable.handler() takes the generation as the kernel gives it, signed", () => {
  const slots = new SlotTable();
  const slot = slots.take(handler(), true);
  slots.free(slot);
  const next = handler();
  slots.take(next, true);
  assertStrictEquals(slots.handler(slot, slots.generation(slot) | 0), next);
  assertStrictEquals(slots.handler(slot, -1), null);
});

Deno.test("SlotTable.handler() gives null for a slot that was never taken", () => {
  const slots = new SlotTable();
  assertStrictEquals(slots.handler(SLOTS_MAX - 1, 0) ?? null, null);
});

Deno.test("SlotTable.take() throws Busy beyond SLOTS_MAX and goes on after a free", () => {
  const slots = new SlotTable();
  const only = handler();
  for (let count = 0; count < SLOTS_MAX; count++) slots.take(only, false);
  assert(slots.full);
  assertThrows(() => slots.take(only, true), Deno.errors.Busy, "Cannot start operation");
  assertEquals([slots.used, slots.held], [SLOTS_MAX, 0]);
  slots.free(77);
  assertFalse(slots.full);
  assertEquals(slots.take(only, true), 77);
});

Deno.test("SlotTable.owns() tells the tenant from others and from nobody", () => {
  const slots = new SlotTable();
  const tenant = handler();
  const slot = slots.take(tenant, true);
  assert(slots.owns(slot, tenant));
  assertFalse(slots.owns(slot, handler()));
  assertFalse(slots.owns(-1, tenant));
  slots.free(slot);
  assertFalse(slots.owns(slot, tenant));
});

Deno.test("SlotTable does what a plain map would do", () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant("take" as const), hold: fc.boolean() }),
    fc.record({ does: fc.constant("free" as const), which: fc.nat(30) }),
    fc.record({ does: fc.constant("hold" as const), which: fc.nat(30), hold: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const slots = new SlotTable();
      const model = new Map<number, { handler: Completion; hold: boolean }>();
      const past: { slot: number; generation: number }[] = [];
      for (const step of steps) {
        const slot = step.does === "take" ? -1 : [...model.keys()][step.which % model.size];
        if (step.does === "take") {
          const row = { handler: handler(), hold: step.hold };
          const taken = slots.take(row.handler, step.hold);
          assertFalse(model.has(taken));
          model.set(taken, row);
        } else if (slot === undefined) {
          continue;
        } else if (step.does === "free") {
          past.push({ slot, generation: slots.generation(slot) });
          slots.free(slot);
          model.delete(slot);
        } else {
          slots.hold(slot, step.hold);
          model.get(slot)!.hold = step.hold;
        }
        assertEquals(slots.used, model.size);
        assertEquals(slots.held, [...model.values()].filter(({ hold }) => hold).length);
        assertEquals([...slots.slots()].sort(), [...model.keys()].sort());
        for (const [at, row] of model) {
          assertStrictEquals(slots.handler(at, slots.generation(at)), row.handler);
        }
        for (const { slot, generation } of past) {
          assertStrictEquals(slots.handler(slot, generation), null);
        }
      }
    }),
    { seed: 2, numRuns: 100 },
  );
});

function handler(): Completion {
  return { complete() {} };
}
