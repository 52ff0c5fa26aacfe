// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenBytes } from "../tokenizer/detokenizer.ts";
import { parseEbnf } from "./ebnf.ts";
import { choice, GrammarError, type GrammarRules, ROOT, text } from "./grammar_node.ts";
import { TokenGrammar } from "./grammar_matcher.ts";
import { MaskBudget } from "./mask_budget.ts";
import { jsonObjectRules, jsonSchemaRules } from "./json_schema.ts";
import { parseRegex } from "./regex.ts";
import type { TokenMatcher } from "./token_matcher.ts";
import { VocabularyBytes } from "./vocabulary_bytes.ts";

/** What an answer has to look like: one of these. */
export type StructuredOutput =
  /** A document of a JSON schema. */
  | { readonly json: unknown }
  /** Any JSON object. */
  | { readonly jsonObject: true }
  /** A text that a regular expression matches from end to end. */
  | { readonly regex: string }
  /** One of these texts. */
  | { readonly choice: readonly string[] }
  /** A grammar in EBNF, as llama.cpp writes it. */
  | { readonly grammar: string };

/**
 * Grammars that are kept; the one that was not asked for longest goes first. What they find out
 * about tokens has one bound together, see `MaskBudget`.
 */
const GRAMMARS_MAX = 64;

/**
 * Makes answers of one vocabulary look like something. A grammar is prepared when it is first asked
 * for and kept; which tokens it allows is found out as answers reach its states.
 *
 * @example Nothing but yes or no
 * ```ts
 * import { createSampler, GrammarCompiler, openTokenizer } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const { tokenizer } = await openTokenizer("tests/fixtures/infer/models/llama-tied-default");
 * const grammars = new GrammarCompiler(tokenizer, tokenizer.size);
 * const sampler = createSampler({ seed: 1 }, tokenizer.size, {
 *   matcher: grammars.matcher({ choice: ["yes", "yesterday"] }),
 * });
 * const { token } = sampler.sample(new Float32Array(tokenizer.size), 0);
 * assertEquals(tokenizer.decode([token]), "y");
 * ```
 */
export class GrammarCompiler {
  readonly #vocabulary: TokenBytes;
  readonly #vocabularySize: number;
  readonly #budget = new MaskBudget();
  readonly #grammars = new Map<string, TokenGrammar>();
  #bytes: VocabularyBytes | undefined;

  /**
   * Answers in the tokens of `vocabulary`, usually a `Tokenizer`.
   *
   * @param vocabularySize the model's, so many logits a row has
   */
  constructor(vocabulary: TokenBytes, vocabularySize: number) {
    this.#vocabulary = vocabulary;
    this.#vocabularySize = vocabularySize;
  }

  /**
   * Follows an answer from its beginning.
   *
   * @throws {GrammarError} that names what cannot be followed
   */
  matcher(output: StructuredOutput): TokenMatcher {
    const key = JSON.stringify(output);
    let grammar = this.#grammars.get(key);
    if (grammar === undefined) {
      this.#bytes ??= new VocabularyBytes(this.#vocabulary, this.#vocabularySize);
      grammar = new TokenGrammar(rulesOf(output), this.#bytes, this.#budget);
      if (this.#grammars.size >= GRAMMARS_MAX) this.#dropOldest();
    } else {
      this.#grammars.delete(key);
    }
    this.#grammars.set(key, grammar);
    return grammar.matcher();
  }

  #dropOldest(): void {
    const [[key, grammar]] = this.#grammars as unknown as [[string, TokenGrammar]];
    this.#grammars.delete(key);
    grammar.release();
  }
}

function rulesOf(output: StructuredOutput): GrammarRules {
  if ("json" in output) return jsonSchemaRules(output.json);
  if ("jsonObject" in output) return jsonObjectRules();
  if ("grammar" in output) return parseEbnf(output.grammar);
  if ("regex" in output) return new Map([[ROOT, parseRegex(output.regex)]]);
  if ("choice" in output) {
    if (output.choice.length === 0) throw new GrammarError("Cannot choose from nothing");
    return new Map([[ROOT, choice(...output.choice.map(text))]]);
  }
  throw new GrammarError(`Cannot follow the output ${Object.keys(output).join()}`);
}
