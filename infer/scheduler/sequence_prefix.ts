// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { PrefixCache } from "./prefix_cache.ts";
import type { SchedulerBounds } from "./scheduler_bounds.ts";
import type { Sequence } from "./sequence.ts";

/**
 * Finds the blocks of the longest beginning of a sequence that the cache knows. The last token is
 * never among them, as what follows it is known only by computing it.
 *
 * @param hits receives the blocks
 * @returns how many there are
 */
export function findPrefix(
  { usesPrefixCache, knownTokens, salt, tokens }: Sequence,
  { blockTokens, prefixCache }: SchedulerBounds,
  prefixes: PrefixCache,
  hits: Int32Array,
): number {
  if (!prefixCache || !usesPrefixCache) return 0;
  const blocks = Math.floor((knownTokens - 1) / blockTokens);
  let chain = prefixes.root(salt);
  for (let i = 0; i < blocks; i++) {
    const block = prefixes.find(chain, tokens, i * blockTokens);
    if (block < 0) return i;
    hits[i] = block;
    chain = prefixes.idOf(block);
  }
  return blocks;
}

/** Tells the prefix cache of the blocks of a sequence that have become full. */
export function rememberPrefix(
  sequence: Sequence,
  { blockTokens, prefixCache }: SchedulerBounds,
  prefixes: PrefixCache,
): void {
  if (!prefixCache) return;
  const { computedTokens, knownTokens } = sequence;
  const full = Math.floor(Math.min(computedTokens, knownTokens) / blockTokens);
  for (let i = sequence.knownBlocks; i < full; i++) {
    const { chain, table, tokens } = sequence;
    sequence.chain = prefixes.add(table[i]!, chain, tokens, i * blockTokens);
  }
  sequence.knownBlocks = Math.max(sequence.knownBlocks, full);
}
