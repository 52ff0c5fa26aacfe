// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How a pool chooses among servers. */
export type Balance = "pick-first" | "round-robin" | "least-loaded" | "consistent-hash";

/** One server, as a balancer sees it. */
export interface Candidate {
  /** Names it, the same on every client. */
  readonly name: string;
  /** Calls in flight to it. */
  readonly load: number;
}

/** Chooses one of several candidates; there is at least one. */
export type Picker = <C extends Candidate>(candidates: readonly C[], key: string | undefined) => C;

/**
 * Makes what chooses among servers:
 *
 * - `pick-first`: the first one that can be had; the others stand by.
 * - `round-robin`: one after the other.
 * - `least-loaded`: the better of two at random, which spreads nearly as well as the best of all.
 * - `consistent-hash`: the one whose name and the call's key hash highest (rendezvous hashing): a
 *   server that leaves moves its own keys only. Without a key as `round-robin`.
 */
export function makePicker(balance: Balance): Picker {
  let turn = Math.floor(Math.random() * 0x1_0000);
  const roundRobin: Picker = (candidates) => candidates[turn++ % candidates.length];
  switch (balance) {
    case "pick-first":
      return (candidates) => candidates[0];
    case "round-robin":
      return roundRobin;
    case "least-loaded":
      return leastLoaded;
    case "consistent-hash":
      return (candidates, key) =>
        key === undefined ? roundRobin(candidates, key) : highest(candidates, key);
  }
}

function leastLoaded<C extends Candidate>(candidates: readonly C[]): C {
  const one = Math.floor(Math.random() * candidates.length);
  // Another one, if there is.
  const step = 1 + Math.floor(Math.random() * (candidates.length - 1));
  const other = (one + step) % candidates.length;
  return candidates[other].load < candidates[one].load ? candidates[other] : candidates[one];
}

function highest<C extends Candidate>(candidates: readonly C[], key: string): C {
  let [best] = candidates;
  let bestHash = -1;
  for (const candidate of candidates) {
    const hash = hash32(`${candidate.name}\0${key}`);
    if (hash > bestHash) [best, bestHash] = [candidate, hash];
  }
  return best;
}

/** FNV-1a over UTF-16 units, with MurmurHash3's finish so that all bits depend on all. */
function hash32(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  hash = Math.imul(hash ^ hash >>> 16, 0x85eb_ca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2_ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
