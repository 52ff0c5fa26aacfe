// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AutomatonState } from "./rule_automata.ts";
import type { CallStack, Pushdown, Situation } from "./pushdown.ts";
import { NOT_PLAIN, type VocabularyTrie } from "./vocabulary_trie.ts";

/** Bytes of masks that are kept; then all are forgotten. */
const MASK_BYTES_MAX = 2 ** 26;

/** What tokens may come in a state of a rule, as far as the rule itself can say. */
interface RuleMask {
  /** Tokens that stay in the rule, or end with it. */
  readonly words: Uint32Array;
  /** Nodes where the rule may have ended and tokens go on: what follows it decides about those. */
  readonly exits: Int32Array;
}

/**
 * Which tokens may come in a situation, a bit each. Nearly all is found out once for each state of
 * a rule (most tokens stay inside of a string, whatever surrounds it); only tokens that run over
 * the end of a rule are looked at in each situation (XGrammar, Dong et al. 2024, section 3).
 */
export class TokenMasks {
  readonly #pushdown: Pushdown;
  readonly #trie: VocabularyTrie;
  readonly #words: number;
  #ruleMasks = new WeakMap<AutomatonState, RuleMask>();
  #keptBytes = 0;
  readonly #path: (Situation | null)[];

  /** Follows a grammar over a vocabulary. */
  constructor(pushdown: Pushdown, trie: VocabularyTrie) {
    this.#pushdown = pushdown;
    this.#trie = trie;
    this.#words = Math.ceil(trie.vocabularySize / 32);
    this.#path = new Array(trie.depthMax + 1).fill(null);
  }

  /** The tokens that may come. */
  maskOf(situation: Situation): Uint32Array {
    return situation.mask ??= this.#build(situation);
  }

  #build({ places }: Situation): Uint32Array {
    const masks = places.map(({ state }) => this.#ruleMask(state));
    if (places.length === 1) {
      const [{ stack }, { words, exits }] = [places[0]!, masks[0]!];
      if (stack === null || exits.length === 0) return words;
    }
    const words = this.#newMask();
    places.forEach(({ stack }, i) => {
      const mask = masks[i]!;
      for (let word = 0; word < words.length; word++) words[word]! |= mask.words[word]!;
      if (stack !== null) this.#addAfter(mask.exits, stack, words);
    });
    return words;
  }

  /** Adds the tokens that run over the end of a rule into what follows it. */
  #addAfter(exits: Int32Array, stack: CallStack, words: Uint32Array): void {
    const outside = this.#pushdown.situationOf([{ state: stack.next, stack: stack.rest }]);
    for (const node of exits) this.#walk(node + 1, this.#trie.ends[node]!, outside, words);
  }

  #ruleMask(state: AutomatonState): RuleMask {
    let mask = this.#ruleMasks.get(state);
    if (mask === undefined) {
      const words = this.#newMask();
      const exits: number[] = [];
      const alone = this.#pushdown.situationOf([{ state, stack: null }]);
      this.#walk(0, this.#trie.size, alone, words, exits);
      mask = { words, exits: Int32Array.from(exits) };
      this.#ruleMasks.set(state, mask);
    }
    return mask;
  }

  /** Sets the bits of tokens from a node up to another that may come, and notes exits. */
  #walk(
    begin: number,
    end: number,
    situation: Situation,
    words: Uint32Array,
    exits?: number[],
  ): void {
    if (begin === end) return;
    const { bytes, depths, ends, ranks, plainHeights } = this.#trie;
    const path = this.#path;
    path[depths[begin]! - 1] = situation;
    for (let node = begin; node < end;) {
      const depth = depths[node]!;
      const from = path[depth - 1]!;
      const next = (from.row ?? this.#pushdown.row(from))[bytes[node]!]!;
      if (next === null) {
        node = ends[node]!;
        continue;
      }
      path[depth] = next;
      const height = plainHeights[node]!;
      if (height > 0 && height !== NOT_PLAIN && this.#isOpen(next, height)) {
        this.#addTokens(ranks[node]!, ranks[ends[node]!]!, words);
        node = ends[node]!;
        continue;
      }
      this.#addTokens(ranks[node]!, ranks[node + 1]!, words);
      if (exits !== undefined && next.mayEnd && ends[node]! > node + 1) exits.push(node);
      node++;
    }
  }

  /** Whether all plain tokens go on from here; a rule that may end has exits to be noted. */
  #isOpen(situation: Situation, height: number): boolean {
    return !situation.mayEnd && this.#pushdown.isOpenFor(situation, height);
  }

  #addTokens(from: number, to: number, words: Uint32Array): void {
    const { order } = this.#trie;
    for (let rank = from; rank < to; rank++) {
      const token = order[rank]!;
      words[token >>> 5]! |= 1 << (token & 31);
    }
  }

  #newMask(): Uint32Array {
    this.#keptBytes += this.#words * Uint32Array.BYTES_PER_ELEMENT;
    if (this.#keptBytes > MASK_BYTES_MAX) {
      this.#keptBytes = 0;
      this.#ruleMasks = new WeakMap();
      this.#pushdown.forget();
    }
    return new Uint32Array(this.#words);
  }
}
