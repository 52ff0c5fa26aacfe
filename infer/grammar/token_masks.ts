// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { MaskBudget, MaskKeeper } from "./mask_budget.ts";
import type { AutomatonState } from "./rule_automata.ts";
import type { CallStack, Pushdown, Situation } from "./pushdown.ts";
import { NOT_PLAIN, type TokenTree } from "./token_tree.ts";
import { PLAIN_TOKEN_BYTES_MAX, type VocabularyBytes } from "./vocabulary_bytes.ts";

/** What tokens may come in a state of a rule, as far as the rule itself can say. */
interface RuleMask {
  /** Tokens that stay in the rule, or end with it. */
  readonly words: Uint32Array;
  /** Of which tree the exits are. */
  readonly tree: TokenTree;
  /** Nodes where the rule may have ended and tokens go on: what follows it decides about those. */
  readonly exits: Int32Array;
}

/**
 * Which tokens may come in a situation, a bit each. Nearly all is found out once for each state of
 * a rule (most tokens stay inside of a string, whatever surrounds it); only tokens that run over
 * the end of a rule are looked at in each situation (XGrammar, Dong et al. 2024, section 3).
 */
export class TokenMasks implements MaskKeeper {
  readonly #pushdown: Pushdown;
  readonly #vocabulary: VocabularyBytes;
  readonly #words: number;
  readonly #budget: MaskBudget;
  #ruleMasks = new WeakMap<AutomatonState, RuleMask>();
  readonly #path: (Situation | null)[];

  /** Follows a grammar over a vocabulary, and keeps what a budget has room for. */
  constructor(pushdown: Pushdown, vocabulary: VocabularyBytes, budget: MaskBudget) {
    this.#budget = budget;
    this.#pushdown = pushdown;
    this.#vocabulary = vocabulary;
    this.#words = vocabulary.plain.length;
    this.#path = new Array(vocabulary.all.depthMax + 1).fill(null);
  }

  /** The tokens that may come. */
  maskOf(situation: Situation): Uint32Array {
    return situation.mask ??= this.#build(situation);
  }

  /** Notes that the grammar is in use. */
  use(): void {
    this.#budget.use(this);
  }

  /** For the budget. */
  forget(): void {
    this.#ruleMasks = new WeakMap();
    this.#pushdown.forget();
  }

  /** Nobody will ask for the grammar any more; who follows it goes on. */
  release(): void {
    this.#budget.release(this);
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
      if (stack !== null) this.#addAfter(mask, stack, words);
    });
    return words;
  }

  /** Adds the tokens that run over the end of a rule into what follows it. */
  #addAfter({ tree, exits }: RuleMask, stack: CallStack, words: Uint32Array): void {
    const outside = this.#pushdown.situationOf([{ state: stack.next, stack: stack.rest }]);
    for (const node of exits) this.#walk(tree, node + 1, tree.ends[node]!, outside, words);
  }

  #ruleMask(state: AutomatonState): RuleMask {
    let mask = this.#ruleMasks.get(state);
    if (mask === undefined) {
      const alone = this.#pushdown.situationOf([{ state, stack: null }]);
      // Where any plain token may come, as in most strings, only the others are looked at.
      const isOpen = this.#pushdown.isOpenFor(alone, PLAIN_TOKEN_BYTES_MAX);
      const tree = isOpen ? this.#vocabulary.rest : this.#vocabulary.all;
      const words = this.#newMask();
      if (isOpen) words.set(this.#vocabulary.plain);
      const exits: number[] = [];
      this.#walk(tree, 0, tree.size, alone, words, exits);
      this.#budget.take(this, exits.length * Int32Array.BYTES_PER_ELEMENT);
      mask = { words, tree, exits: Int32Array.from(exits) };
      this.#ruleMasks.set(state, mask);
    }
    return mask;
  }

  /** Sets the bits of tokens from a node up to another that may come, and notes exits. */
  #walk(
    tree: TokenTree,
    begin: number,
    end: number,
    situation: Situation,
    words: Uint32Array,
    exits?: number[],
  ): void {
    if (begin === end) return;
    const { bytes, depths, ends, ranks, order, plainHeights } = tree;
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
        addTokens(order, ranks[node]!, ranks[ends[node]!]!, words);
        node = ends[node]!;
        continue;
      }
      addTokens(order, ranks[node]!, ranks[node + 1]!, words);
      if (exits !== undefined && next.mayEnd && ends[node]! > node + 1) exits.push(node);
      node++;
    }
  }

  /** Whether all plain tokens go on from here; a rule that may end has exits to be noted. */
  #isOpen(situation: Situation, height: number): boolean {
    return !situation.mayEnd && this.#pushdown.isOpenFor(situation, height);
  }

  #newMask(): Uint32Array {
    this.#budget.take(this, this.#words * Uint32Array.BYTES_PER_ELEMENT);
    return new Uint32Array(this.#words);
  }
}

/** Sets the bits of tokens from one place of a list up to another. */
function addTokens(order: Int32Array, from: number, to: number, words: Uint32Array): void {
  for (let rank = from; rank < to; rank++) {
    const token = order[rank]!;
    words[token >>> 5]! |= 1 << (token & 31);
  }
}
