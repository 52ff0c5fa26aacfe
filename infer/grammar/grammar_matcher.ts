// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { GrammarRules } from "./grammar_node.ts";
import type { MaskBudget } from "./mask_budget.ts";
import { Pushdown, type Situation } from "./pushdown.ts";
import { RuleAutomata } from "./rule_automata.ts";
import { RuleGraph } from "./rule_graph.ts";
import { TokenMasks } from "./token_masks.ts";
import type { TokenMatcher } from "./token_matcher.ts";
import type { VocabularyBytes } from "./vocabulary_bytes.ts";

/** A grammar over a vocabulary, shared by all answers that follow it. */
export class TokenGrammar {
  readonly #pushdown: Pushdown;
  readonly #masks: TokenMasks;
  readonly #vocabulary: VocabularyBytes;

  /**
   * Prepares a grammar; masks are built when they are needed, and kept while the budget has room.
   *
   * @throws {GrammarError} when it cannot be followed
   */
  constructor(rules: GrammarRules, vocabulary: VocabularyBytes, budget: MaskBudget) {
    this.#pushdown = new Pushdown(new RuleAutomata(new RuleGraph(rules)));
    this.#masks = new TokenMasks(this.#pushdown, vocabulary, budget);
    this.#vocabulary = vocabulary;
  }

  /** Follows an answer from its beginning. */
  matcher(): TokenMatcher {
    this.#masks.use();
    return new GrammarMatcher(this, this.#pushdown.start());
  }

  /** Lets go of what it keeps in the budget. */
  release(): void {
    this.#masks.release();
  }

  /** The tokens that may come. */
  maskOf(situation: Situation): Uint32Array {
    return this.#masks.maskOf(situation);
  }

  /** The situation after a token; null when it may not come. */
  after(from: Situation, token: number): Situation | null {
    const bytes = this.#vocabulary.bytesOf(token);
    let situation: Situation | null = bytes.length === 0 ? null : from;
    for (let i = 0; i < bytes.length && situation !== null; i++) {
      situation = this.#pushdown.row(situation)[bytes[i]!]!;
    }
    return situation;
  }
}

class GrammarMatcher implements TokenMatcher {
  readonly #grammar: TokenGrammar;
  #situation: Situation;

  constructor(grammar: TokenGrammar, situation: Situation) {
    this.#grammar = grammar;
    this.#situation = situation;
  }

  get mayEnd(): boolean {
    return this.#situation.mayEnd;
  }

  get mustEnd(): boolean {
    return this.#situation.places.length === 0;
  }

  allowed(): Uint32Array {
    return this.#grammar.maskOf(this.#situation);
  }

  accept(token: number): boolean {
    const next = this.#grammar.after(this.#situation, token);
    if (next === null) return false;
    this.#situation = next;
    return true;
  }

  fork(): TokenMatcher {
    return new GrammarMatcher(this.#grammar, this.#situation);
  }
}
