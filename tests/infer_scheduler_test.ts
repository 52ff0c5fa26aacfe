// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BlockPool } from "../infer/scheduler/block_pool.ts";
import { PrefixCache } from "../infer/scheduler/prefix_cache.ts";
import { RankedList } from "../infer/scheduler/ranked_list.ts";
import { Scheduler } from "../infer/scheduler/scheduler.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { Sequence } from "../infer/scheduler/sequence.ts";

// The rules one by one; `infer_scheduler_random_test.ts` has them all at once.

const BOUNDS: SchedulerBounds = {
  tokensMax: 32,
  sequencesMax: 4,
  blockCount: 64,
  blockTokens: 4,
  blocksPerSequenceMax: 32,
  prefillTokensMax: 32,
  prefixCache: true,
  agingSteps: 100,
};

function sequenceOf(length: number, answer: number, options: { text?: number } & Priority = {}) {
  const { text = length * 1000, priority = 0, salt = "" } = options;
  const prompt = Array.from({ length }, (_, i) => text + i);
  return new Sequence({ prompt, lengthMax: length + answer, priority, salt });
}

interface Priority {
  readonly priority?: number;
  readonly salt?: string;
}

/** One step, in which every sequence that is caught up gets a token; gives `[id, tokens]`. */
function step(scheduler: Scheduler): [Sequence, number][] {
  const scheduled = [...scheduler.schedule()]
    .map((sequence): [Sequence, number] => [sequence, sequence.scheduledTokens]);
  for (const [sequence] of scheduled) {
    const { isCaughtUp } = sequence;
    scheduler.complete(sequence);
    if (!isCaughtUp) continue;
    sequence.append(1);
    if (sequence.length === sequence.lengthMax) scheduler.finish(sequence);
  }
  return scheduled;
}

function added(scheduler: Scheduler, ...sequences: Sequence[]): Sequence[] {
  for (const sequence of sequences) scheduler.add(sequence);
  return sequences;
}

Deno.test("BlockPool takes what nobody knows first, then what was known longest ago", () => {
  const pool = new BlockPool(4, 1);
  const tokens = Int32Array.of(5, 6, 7);
  const blocks = [pool.take(), pool.take(), pool.take()];
  let chain = pool.prefixes.root("");
  blocks.slice(0, 2).forEach((block, i) => chain = pool.prefixes.add(block, chain, tokens, i));
  for (const block of blocks.toReversed()) pool.release(block);
  assertEquals(pool.freeBlocks(), [2, 3, 1, 0]);
  assertEquals(pool.prefixes.size, 2);
  // Found again, it is no longer free; taken for something else, it is forgotten.
  pool.share(1);
  assertEquals([pool.take(), pool.take(), pool.take()], [2, 3, 0]);
  assertEquals([pool.prefixes.has(0), pool.prefixes.has(1)], [false, true]);
  assertThrows(() => pool.take(), RangeError, "none is free");
  pool.release(2);
  assertThrows(() => pool.release(2), RangeError, "nobody uses it");
});

Deno.test("PrefixCache tells chains, salts and equal hashes apart", () => {
  const cache = new PrefixCache(512, 2);
  const tokens = Int32Array.from({ length: 1024 }, (_, i) => i * 2654435761);
  const root = cache.root("");
  // Half as many buckets as would be needed for one block each.
  const ids = Array.from({ length: 512 }, (_, block) => cache.add(block, root, tokens, block * 2));
  assertEquals(new Set(ids).size, 512);
  for (let block = 0; block < 512; block++) {
    assertEquals(cache.find(root, tokens, block * 2), block);
    assertEquals(cache.find(cache.root("other"), tokens, block * 2), -1);
    assertEquals(cache.find(ids[0]!, tokens, block * 2), -1);
  }
  // An equal one that comes later is not the one to be found.
  cache.remove(3);
  assertEquals(cache.add(3, root, tokens, 8), ids[4]);
  assertEquals([cache.has(3), cache.size, cache.find(root, tokens, 6)], [false, 511, -1]);
  for (let block = 0; block < 512; block += 2) cache.remove(block);
  for (let block = 1; block < 512; block += 2) {
    assertEquals(cache.find(root, tokens, block * 2), block === 3 ? -1 : block);
  }
  cache.clear();
  assertEquals([cache.size, cache.find(cache.root(""), tokens, 2)], [0, -1]);
});

Deno.test("RankedList serves by rank, then in the order of coming", () => {
  const list = new RankedList();
  const sequences = [3, 1, 2, 1, 0].map((rank, order) =>
    Object.assign(sequenceOf(1, 1), { rank, order })
  );
  for (const sequence of sequences) list.add(sequence);
  const orders = () => Array.from({ length: list.length }, (_, i) => list.at(i).order);
  assertEquals(orders(), [4, 1, 3, 2, 0]);
  assertEquals([list.first, list.last], [sequences[4], sequences[0]]);
  assertEquals([list.remove(sequences[3]!), list.remove(sequences[3]!)], [true, false]);
  assertEquals(orders(), [4, 1, 2, 0]);
});

Deno.test("prompts are read in chunks beside answers, within the budget", () => {
  const scheduler = new Scheduler({ ...BOUNDS, tokensMax: 10, prefillTokensMax: 6 });
  const [short, long, late] = added(
    scheduler,
    sequenceOf(3, 5),
    sequenceOf(14, 1),
    sequenceOf(5, 1),
  );
  assertEquals(step(scheduler), [[short, 3], [long, 6], [late, 1]] as [Sequence, number][]);
  // The answer goes on, whoever reads; the earlier prompt has what it wants first.
  assertEquals(step(scheduler), [[short, 1], [long, 6], [late, 3]] as [Sequence, number][]);
  assertEquals(step(scheduler), [[short, 1], [long, 2], [late, 1]] as [Sequence, number][]);
  assertEquals([long!.state, late!.state], ["finished", "finished"]);
});

Deno.test("the one that is served last gives its blocks up, and goes on later", () => {
  const scheduler = new Scheduler({ ...BOUNDS, blockCount: 6, blocksPerSequenceMax: 6 });
  const [first, second] = added(scheduler, sequenceOf(4, 20), sequenceOf(5, 12));
  const states = new Set<string>();
  while (scheduler.hasWork) {
    step(scheduler);
    states.add(second!.state);
    assertEquals(first!.preemptions, 0);
  }
  assert(states.has("preempted"));
  assertEquals([first!.length, second!.length], [24, 17]);
  assertEquals(scheduler.counters.preemptions, second!.preemptions);
  assertEquals(scheduler.pool.freeCount, 6);
});

Deno.test("what was preempted finds its full blocks again", () => {
  const scheduler = new Scheduler({ ...BOUNDS, blockCount: 6, blocksPerSequenceMax: 6 });
  const [, second] = added(scheduler, sequenceOf(4, 9), sequenceOf(9, 8));
  while (second!.state !== "preempted") step(scheduler);
  const { prefixHits } = scheduler.counters;
  while (scheduler.hasWork) step(scheduler);
  assert(scheduler.counters.prefixHits > prefixHits);
});

Deno.test("a sequence that could never run is refused", () => {
  const scheduler = new Scheduler({ ...BOUNDS, blockCount: 3 });
  assertThrows(() => scheduler.add(sequenceOf(10, 4)), RangeError, "12 have room");
  // All of the blocks, and the last token needs none.
  added(scheduler, sequenceOf(10, 3));
  while (scheduler.hasWork) step(scheduler);
  assertEquals(scheduler.pool.freeCount, 3);
});

Deno.test("a pool of one request's size serves many, one after the other", () => {
  const scheduler = new Scheduler({ ...BOUNDS, blockCount: 3 });
  const all = added(scheduler, ...Array.from({ length: 9 }, (_, i) => sequenceOf(3 + i % 3, 8)));
  for (let i = 0; scheduler.hasWork; i++) {
    assert(i < 500);
    step(scheduler);
  }
  assertEquals(all.map(({ state }) => state), all.map(() => "finished"));
});

Deno.test("a prefix is found up to the last full block before the last token", () => {
  for (const [length, hit] of [[8, 4], [9, 8], [4, 0], [3, 0]] as const) {
    const scheduler = new Scheduler(BOUNDS);
    added(scheduler, sequenceOf(12, 1, { text: 7 }));
    step(scheduler);
    const [same, other] = added(
      scheduler,
      sequenceOf(length, 1, { text: 7 }),
      sequenceOf(length, 1, { text: 7, salt: "other" }),
    );
    step(scheduler);
    assertEquals([same!.cachedTokens, other!.cachedTokens], [hit, 0], `of ${length} tokens`);
  }
});

Deno.test("a fork shares full blocks and has a copy of the last", () => {
  const scheduler = new Scheduler(BOUNDS);
  const parent = sequenceOf(10, 6);
  added(scheduler, parent);
  const [scheduled] = scheduler.schedule();
  scheduler.complete(scheduled!);
  const child = sequenceOf(10, 6);
  const copies: number[] = [];
  assert(scheduler.fork(parent, child, copies));
  assertEquals(child.table.slice(0, 2), parent.table.slice(0, 2));
  assertEquals(copies, [parent.table[2]!, child.table[2]!]);
  assert(parent.table[2] !== child.table[2]);
  assertEquals([0, 2].map((i) => scheduler.pool.usersOf(parent.table[i]!)), [2, 1]);
  parent.append(1);
  child.append(2);
  scheduler.finish(parent);
  while (scheduler.hasWork) step(scheduler);
  assertEquals([child.length, scheduler.pool.freeCount], [16, BOUNDS.blockCount]);
});

Deno.test("drafts never take a block that another needs, nor go beyond the end", () => {
  const scheduler = new Scheduler({ ...BOUNDS, blockCount: 4, blocksPerSequenceMax: 3 });
  const [one] = added(scheduler, sequenceOf(3, 6), sequenceOf(4, 5));
  assertEquals(scheduler.propose(one!, [1, 2]), 0);
  step(scheduler);
  assertEquals(scheduler.propose(one!, [1, 2, 3, 4, 5, 6, 7, 8]), 4);
  scheduler.schedule();
  // Its own block has no room for more, and the two that are free are kept for both.
  assertEquals([one!.scheduledTokens, one!.draftCount], [1, 0]);
  scheduler.complete(one!);
  assertEquals(scheduler.counters.preemptions, 0);
});

Deno.test("rejected drafts are computed again, accepted ones are kept", () => {
  const scheduler = new Scheduler(BOUNDS);
  const [sequence] = added(scheduler, sequenceOf(3, 10));
  step(scheduler);
  scheduler.propose(sequence!, [11, 12, 13]);
  scheduler.schedule();
  assertEquals([sequence!.scheduledTokens, sequence!.draftCount], [4, 3]);
  scheduler.complete(sequence!, 1);
  sequence!.append(20);
  assertEquals([...sequence!.tokens.subarray(3, sequence!.length)], [1, 11, 20]);
  assertEquals([sequence!.length, sequence!.computedTokens], [6, 5]);
});

Deno.test("who is more urgent comes first, and takes the place of who is less", () => {
  const scheduler = new Scheduler({ ...BOUNDS, sequencesMax: 1 });
  const [slow] = added(scheduler, sequenceOf(3, 20));
  step(scheduler);
  const [later, urgent] = added(scheduler, sequenceOf(3, 2), sequenceOf(4, 2, { priority: -1 }));
  step(scheduler);
  assertEquals([slow!.state, later!.state, urgent!.state], ["preempted", "waiting", "running"]);
  step(scheduler);
  step(scheduler);
  assertEquals([slow!.state, later!.state, urgent!.state], ["running", "waiting", "finished"]);
});

Deno.test("nothing waits for ever while more urgent ones keep coming", () => {
  const scheduler = new Scheduler({ ...BOUNDS, sequencesMax: 2, agingSteps: 30 });
  const [patient] = added(scheduler, sequenceOf(3, 10, { priority: 2 }));
  let steps = 0;
  for (; patient!.state !== "finished"; steps++) {
    assert(steps < 200, "it starves");
    if (steps % 2 === 0) added(scheduler, sequenceOf(4 + steps % 5, 6, { priority: 0 }));
    step(scheduler);
  }
  // Two levels behind, and a backlog of those that came before.
  assert(steps > 60, `only ${steps} steps: it has not given way`);
});

Deno.test("a scheduler with bounds that make no sense is refused", () => {
  const refuse = (bounds: Partial<SchedulerBounds>, part: string) =>
    assertThrows(() => new Scheduler({ ...BOUNDS, ...bounds }), RangeError, part);
  refuse({ tokensMax: 3 }, "fewer than the 4");
  refuse({ blockCount: 0 }, "blockCount 0");
  refuse({ agingSteps: NaN }, "agingSteps NaN");
  assertThrows(() => new Sequence({ prompt: [], lengthMax: 4 }), RangeError, "without a token");
  assertThrows(() => new Sequence({ prompt: [1, 2], lengthMax: 1 }), RangeError, "more than 1");
});
