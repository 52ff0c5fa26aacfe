// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { BlockPool } from "./block_pool.ts";
import { RankedList } from "./ranked_list.ts";
import { checkBounds, type SchedulerBounds } from "./scheduler_bounds.ts";
import type { SchedulerCounters } from "./scheduler_counters.ts";
import type { Sequence } from "./sequence.ts";
import { findPrefix, rememberPrefix } from "./sequence_prefix.ts";

/**
 * Which sequences a step works on, and with which blocks: continuous batching by a budget of
 * tokens, with paged keys and values, after vLLM's (V1) scheduler.
 *
 * Each step gives every running sequence that only lacks its last token that one token (and drafts,
 * where some are proposed), shares what is left of the budget among prompts in chunks, and then
 * admits waiting sequences. Blocks are taken when they are needed. When none is free, the running
 * sequence that is served last loses its own and waits again; its full blocks stay in the prefix
 * cache until they are taken, so that often little is computed twice.
 *
 * Who comes first: `rank = step of arrival + priority * agingSteps`, the lowest first. So a
 * sequence of a less urgent priority is passed by those which arrive within `agingSteps` steps for
 * each level between them, and by no later ones: nothing waits for ever. A running sequence gives
 * way to a waiting one only if that has a more urgent priority and a lower rank. As every sequence
 * fits the blocks when it is alone, the first one always goes on.
 *
 * A step is `schedule`, the arithmetic for {@linkcode running} sequences with `scheduledTokens`,
 * then for each of them `complete`, and `append` or `finish` where it is caught up.
 */
export class Scheduler {
  /** What it must keep to. */
  readonly bounds: SchedulerBounds;
  /** The blocks. */
  readonly pool: BlockPool;
  /** Sequences that have blocks, first served first. */
  readonly running: RankedList = new RankedList();
  /** Sequences that wait, first served first. */
  readonly waiting: RankedList = new RankedList();
  /** What it has done. */
  readonly counters: SchedulerCounters = {
    steps: 0,
    preemptions: 0,
    prefixQueries: 0,
    prefixHits: 0,
  };
  /** The sequences of the step, in the order of its batch. */
  readonly #scheduled: Sequence[] = [];
  /** Blocks that the prefix cache has for the sequence that is looked at. */
  readonly #hits: Int32Array;
  /** What is left of the budget once every running sequence has had one token. */
  #spareTokens = 0;
  #orders = 0;

  /**
   * A scheduler without sequences.
   *
   * @throws {RangeError} when a bound makes no sense
   */
  constructor(bounds: SchedulerBounds) {
    checkBounds(bounds);
    this.bounds = bounds;
    this.pool = new BlockPool(bounds.blockCount, bounds.blockTokens);
    this.#hits = new Int32Array(bounds.blocksPerSequenceMax);
  }

  /** Tokens whose keys and values a sequence can have, when it is alone. */
  get computedTokensMax(): number {
    const { blockCount, blockTokens, blocksPerSequenceMax } = this.bounds;
    return Math.min(blockCount, blocksPerSequenceMax) * blockTokens;
  }

  /** Whether there is anything to do. */
  get hasWork(): boolean {
    return this.running.length + this.waiting.length > 0;
  }

  /**
   * Lets a sequence wait for its turn.
   *
   * @throws {RangeError} when it would not fit even if it were alone: it would wait for ever
   */
  add(sequence: Sequence): void {
    // The last token is never computed unless the prompt ends with it.
    const needed = Math.max(sequence.promptLength, sequence.lengthMax - 1);
    if (needed > this.computedTokensMax) {
      const room = `${this.computedTokensMax} have room`;
      throw new RangeError(`Cannot schedule a sequence of ${needed} tokens: ${room}`);
    }
    this.#rank(sequence);
    sequence.state = "waiting";
    this.waiting.add(sequence);
  }

  /**
   * Adds a sequence that goes on from where another is: it shares all of its full blocks, and gets
   * a copy of the last one. `parent` is caught up with its prompt and nothing is appended to it
   * yet; `child` has the same prompt. Where there is no room, the child waits, and finds its prompt
   * in the prefix cache later.
   *
   * @param copies is added the `[from, to]` of a block to copy before the next step
   * @returns whether the child runs, so that its next token is to be chosen now
   */
  fork(parent: Sequence, child: Sequence, copies: number[]): boolean {
    const { sequencesMax, blockTokens } = this.bounds;
    const isPartial = parent.computedTokens % blockTokens !== 0;
    const needed = this.running.length + (isPartial ? 1 : 0);
    if (this.running.length === sequencesMax || this.pool.freeCount < needed) {
      this.add(child);
      return false;
    }
    this.#rank(child);
    child.rank = parent.rank;
    const shared = Math.floor(parent.computedTokens / blockTokens);
    for (let i = 0; i < shared; i++) {
      this.pool.share(parent.table[i]!);
      child.pushBlock(parent.table[i]!);
    }
    if (isPartial) {
      child.pushBlock(this.pool.take());
      copies.push(parent.table[shared]!, child.table[shared]!);
    }
    child.computedTokens = child.cachedTokens = parent.computedTokens;
    child.knownBlocks = parent.knownBlocks;
    child.chain = parent.chain;
    child.state = "running";
    this.running.add(child);
    return true;
  }

  /**
   * Proposes tokens that may follow, for the next step to check. It takes fewer, or none, where the
   * sequence is not caught up or not running, or has too little room.
   *
   * @returns how many it took
   */
  propose(sequence: Sequence, drafts: ArrayLike<number>): number {
    const { length, lengthMax, computedTokens, state } = sequence;
    sequence.draftCount = 0;
    if (state !== "running" || computedTokens !== length - 1) return 0;
    // The token that follows the last draft is the last one that there may be.
    const count = Math.max(0, Math.min(drafts.length, lengthMax - 1 - length));
    sequence.reserve(length + count);
    for (let i = 0; i < count; i++) sequence.tokens[length + i] = drafts[i]!;
    return sequence.draftCount = count;
  }

  /**
   * Chooses what the next step computes: `scheduledTokens` of each sequence, for which it has
   * blocks.
   *
   * @returns the sequences, valid until the next call
   */
  schedule(): readonly Sequence[] {
    this.counters.steps++;
    const preempted = this.counters.preemptions;
    this.#spareTokens = this.bounds.tokensMax - this.running.length;
    // What answers comes before what is read, so that no prompt makes an answer stutter.
    for (let i = 0; i < this.running.length; i++) {
      const sequence = this.running.at(i);
      if (sequence.length - sequence.computedTokens === 1) this.#continue(sequence);
    }
    for (let i = 0; i < this.running.length; i++) {
      const sequence = this.running.at(i);
      if (sequence.scheduledTokens === 0) this.#continue(sequence);
    }
    // Who has just lost blocks is not given them back by those who wait.
    if (this.counters.preemptions === preempted) this.#admit();
    this.#scheduled.length = 0;
    for (let i = 0; i < this.running.length; i++) {
      const sequence = this.running.at(i);
      if (sequence.scheduledTokens > 0) this.#scheduled.push(sequence);
    }
    return this.#scheduled;
  }

  /**
   * The step has been computed for a sequence; of its drafts the first `acceptedDrafts` are certain
   * now. Does nothing for one that was finished meanwhile.
   */
  complete(sequence: Sequence, acceptedDrafts = 0): void {
    if (sequence.state !== "running") return;
    const computed = sequence.computedTokens + sequence.scheduledTokens;
    sequence.length += acceptedDrafts;
    // The keys of drafts that were refused are there, but are overwritten before they are looked
    // at.
    sequence.computedTokens = Math.min(computed, sequence.length);
    sequence.scheduledTokens = 0;
    sequence.draftCount = 0;
    rememberPrefix(sequence, this.bounds, this.pool.prefixes);
  }

  /**
   * How many steps can follow each other for the sequences of the step, with one token each and
   * nobody waiting. They get blocks for all of them; nobody loses one.
   */
  runOn(stepsMax: number): number {
    let steps = this.waiting.length > 0 ? 1 : stepsMax;
    for (const sequence of this.#scheduled) {
      const { length, lengthMax, scheduledTokens, isCaughtUp, draftCount } = sequence;
      if (scheduledTokens !== 1 || !isCaughtUp || draftCount > 0) return 1;
      steps = Math.min(steps, lengthMax - length);
    }
    while (steps > 1 && this.#blocksToRunOn(steps) > this.pool.freeCount) steps--;
    if (steps <= 1) return 1;
    for (const sequence of this.#scheduled) {
      const needed = this.#blocksFor(sequence.computedTokens + steps);
      while (sequence.table.length < needed) sequence.pushBlock(this.pool.take());
      sequence.scheduledTokens = steps;
    }
    return steps;
  }

  /**
   * The next step is scheduled before the `chosen` tokens of the last are known, for a sequence.
   * Does nothing for one that was finished meanwhile.
   */
  goAhead(sequence: Sequence, chosen: number): void {
    if (sequence.state !== "running") return;
    sequence.computedTokens += sequence.scheduledTokens;
    sequence.scheduledTokens = 0;
    sequence.appendUnknown(chosen);
    rememberPrefix(sequence, this.bounds, this.pool.prefixes);
  }

  /** The first unknown token of a sequence is known. */
  tell(sequence: Sequence, token: number): void {
    sequence.tell(token);
    if (sequence.state === "running") rememberPrefix(sequence, this.bounds, this.pool.prefixes);
  }

  /** Ends a sequence wherever it is; its blocks are free at once. */
  finish(sequence: Sequence): void {
    if (sequence.state === "running") {
      this.running.remove(sequence);
      this.#release(sequence);
    } else if (sequence.state !== "new") {
      this.waiting.remove(sequence);
    }
    sequence.state = "finished";
  }

  /** Makes the prefix cache forget all; sequences that run keep their blocks. */
  resetPrefixCache(): void {
    this.pool.prefixes.clear();
  }

  #rank(sequence: Sequence): void {
    sequence.order = ++this.#orders;
    sequence.rank = this.counters.steps + sequence.priority * this.bounds.agingSteps;
  }

  /** Schedules a running sequence, or preempts it; not one whose last token is on its way. */
  #continue(sequence: Sequence): void {
    if (sequence.unreadTokens > 0 && sequence.length >= sequence.lengthMax) return;
    const lacking = sequence.length - sequence.computedTokens;
    const count = lacking === 1
      ? 1 + this.#draftRoom(sequence)
      : this.#chunkOf(sequence, this.#spareTokens + 1);
    if (!this.#makeRoom(sequence, sequence.computedTokens + count)) return;
    this.#spareTokens -= count - 1;
    sequence.scheduledTokens = count;
    if (lacking === 1) sequence.draftCount = count - 1;
  }

  /** How many of the tokens that a sequence lacks are computed in one step. */
  #chunkOf({ knownTokens, computedTokens, chunkTokensMax }: Sequence, tokensMax: number): number {
    const lacking = knownTokens - computedTokens;
    return Math.min(lacking, tokensMax, chunkTokensMax, this.bounds.prefillTokensMax);
  }

  /** How many drafts are checked: nobody shall lose a block or wait for a guess. */
  #draftRoom(sequence: Sequence): number {
    const { draftCount, computedTokens, table } = sequence;
    if (draftCount === 0) return 0;
    const free = Math.max(0, this.pool.freeCount - this.running.length);
    const room = (table.length + free) * this.bounds.blockTokens - computedTokens - 1;
    return Math.max(0, Math.min(draftCount, this.#spareTokens, room));
  }

  /** Gives a running sequence blocks for so many tokens; false when it had to give up its own. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    const needed = this.#blocksFor(tokens);
    while (sequence.table.length < needed) {
      if (this.pool.freeCount > 0) {
        sequence.pushBlock(this.pool.take());
        continue;
      }
      const victim = this.running.last!;
      this.#preempt(victim);
      if (victim === sequence) return false;
    }
    return true;
  }

  /** Takes the blocks of a running sequence, and its place in the step. */
  #preempt(sequence: Sequence): void {
    this.#spareTokens += Math.max(1, sequence.scheduledTokens);
    this.running.remove(sequence);
    this.#release(sequence);
    sequence.state = "preempted";
    sequence.preemptions++;
    this.counters.preemptions++;
    this.waiting.add(sequence);
  }

  /**
   * The last block first: of what is free, the end of a text is to be taken before its beginning.
   */
  #release(sequence: Sequence): void {
    const { table } = sequence;
    for (let i = table.length - 1; i >= 0; i--) this.pool.release(table[i]!);
    sequence.clearBlocks();
  }

  #admit(): void {
    while (this.#spareTokens > 0) {
      const sequence = this.waiting.first;
      if (sequence === undefined) return;
      if (!this.#hasRoom(sequence)) {
        if (!this.#giveWay(sequence)) return;
        continue;
      }
      this.waiting.remove(sequence);
      this.#start(sequence);
    }
  }

  /**
   * Whether a waiting sequence can be given a seat and blocks for all of its tokens, so that the
   * others still get what they lack and a block more each. Leaves what the cache has in `#hits`.
   */
  #hasRoom(sequence: Sequence): boolean {
    const { sequencesMax } = this.bounds;
    if (this.running.length === sequencesMax) return false;
    const reserved = this.#reserved();
    if (this.pool.freeCount <= reserved) return false;
    const hits = findPrefix(sequence, this.bounds, this.pool.prefixes, this.#hits);
    let needed = this.#blocksFor(sequence.length) + reserved;
    for (let i = 0; i < hits; i++) {
      if (this.pool.usersOf(this.#hits[i]!) > 0) needed--;
    }
    return needed <= this.pool.freeCount;
  }

  #blocksToRunOn(steps: number): number {
    let blocks = 0;
    for (const { computedTokens, table } of this.#scheduled) {
      blocks += Math.max(0, this.#blocksFor(computedTokens + steps) - table.length);
    }
    return blocks;
  }

  #reserved(): number {
    let blocks = this.running.length;
    for (let i = 0; i < this.running.length; i++) {
      const { length, table } = this.running.at(i);
      blocks += Math.max(0, this.#blocksFor(length) - table.length);
    }
    return blocks;
  }

  /** Makes the running sequence that is served last wait, for one that is more urgent. */
  #giveWay(sequence: Sequence): boolean {
    const { last } = this.running;
    if (last === undefined || last.priority <= sequence.priority || last.rank <= sequence.rank) {
      return false;
    }
    this.#preempt(last);
    return true;
  }

  /** Lets a waiting sequence run, for which there is room. */
  #start(sequence: Sequence): void {
    const { blockTokens, prefixCache } = this.bounds;
    const hits = findPrefix(sequence, this.bounds, this.pool.prefixes, this.#hits);
    sequence.chain = this.pool.prefixes.root(sequence.salt);
    for (let i = 0; i < hits; i++) {
      const block = this.#hits[i]!;
      this.pool.share(block);
      sequence.pushBlock(block);
      sequence.chain = this.pool.prefixes.idOf(block);
    }
    sequence.knownBlocks = hits;
    sequence.computedTokens = hits * blockTokens;
    if (sequence.cachedTokens < 0) sequence.cachedTokens = sequence.computedTokens;
    if (prefixCache && sequence.usesPrefixCache) {
      this.counters.prefixQueries += sequence.length;
      this.counters.prefixHits += sequence.computedTokens;
    }
    const count = this.#chunkOf(sequence, this.#spareTokens);
    const needed = this.#blocksFor(sequence.computedTokens + count);
    while (sequence.table.length < needed) sequence.pushBlock(this.pool.take());
    sequence.scheduledTokens = count;
    this.#spareTokens -= count;
    sequence.state = "running";
    this.running.add(sequence);
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.bounds.blockTokens);
  }
}
