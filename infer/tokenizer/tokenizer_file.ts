// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { JsonNode } from "../model/json_node.ts";
import type { AddedToken } from "./added_tokens.ts";
import { digitsMaxOf } from "./pre_tokenizer.ts";

/** Tokens that a vocabulary has at most; a rank must fit the key of the merger's heap. */
export const TOKENS_MAX = 2 ** 22;
/** Ids that a file may leave without a token, so that a wild id cannot ask for wild memory. */
export const MISSING_IDS_MAX = 2 ** 16;

/** What a `tokenizer.json` says, checked but for vocabulary and merges, which are large. */
export interface TokenizerFile {
  /** Tokens that are found before the text is split. */
  readonly addedTokens: readonly AddedToken[];
  /** Whether text is brought to normalization form C. */
  readonly isNormalized: boolean;
  /** Digits that stay together. */
  readonly digitsMax: number;
  /** Ids before the text, as a rule the one that begins it. */
  readonly prefixIds: readonly number[];
  /** Ids behind the text. */
  readonly suffixIds: readonly number[];
  /** Whether a piece that is a token becomes it at once. */
  readonly ignoreMerges: boolean;
  /** Id by token, in byte characters. */
  readonly vocabulary: JsonNode;
  /** Pairs of tokens, the most frequent first. */
  readonly merges: JsonNode;
}

/**
 * Checks a parsed `tokenizer.json`. Supported is byte-level BPE as Llama 3 and Qwen have it; what
 * would tokenize otherwise is an error and never ignored. `truncation` and `padding` are ignored:
 * who runs a model decides how long its input is.
 *
 * @throws {ModelFileError} naming the member that is wrong or not supported
 */
export function readTokenizerFile(root: JsonNode): TokenizerFile {
  const model = root.member("model");
  requireOneOf(model.member("type"), ["BPE"], "BPE");
  const dropout = model.member("dropout");
  if (!dropout.isAbsent && dropout.number(0, 1) !== 0) dropout.fail("is not supported");
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    const affix = model.member(name);
    if (!affix.isAbsent && affix.text() !== "") affix.fail("is not supported");
  }
  requireByteLevelDecoder(root.member("decoder"));
  return {
    addedTokens: readAddedTokens(root.member("added_tokens")),
    isNormalized: readNormalizer(root.member("normalizer")),
    digitsMax: readPreTokenizer(root.member("pre_tokenizer")),
    ...readPostProcessor(root.member("post_processor")),
    ignoreMerges: flag(model, "ignore_merges", false),
    vocabulary: model.member("vocab"),
    merges: model.member("merges"),
  };
}

function readAddedTokens(node: JsonNode): AddedToken[] {
  if (node.isAbsent) return [];
  return node.elements().map((token) => {
    const content = token.member("content");
    if (content.text() === "") content.fail("is empty");
    const special = flag(token, "special", false);
    return {
      id: token.member("id").integer(0, TOKENS_MAX),
      content: content.text(),
      special,
      lstrip: flag(token, "lstrip", false),
      rstrip: flag(token, "rstrip", false),
      singleWord: flag(token, "single_word", false),
      normalized: flag(token, "normalized", !special),
    };
  });
}

function readNormalizer(node: JsonNode): boolean {
  return parts(node, "normalizers").map((part) => requireOneOf(part.member("type"), ["NFC"]))
    .length > 0;
}

function readPreTokenizer(node: JsonNode): number {
  const [split, byteLevel, ...more] = parts(node, "pretokenizers");
  if (split === undefined || byteLevel === undefined || more.length > 0) {
    return node.fail("is not a Sequence of Split and ByteLevel");
  }
  requireOneOf(split.member("type"), ["Split"]);
  requireOneOf(split.member("behavior"), ["Isolated"]);
  if (flag(split, "invert", false)) split.member("invert").fail("is not supported");
  requireOneOf(byteLevel.member("type"), ["ByteLevel"]);
  for (const [name, fallback] of [["add_prefix_space", true], ["use_regex", true]] as const) {
    if (flag(byteLevel, name, fallback)) byteLevel.member(name).fail("is not supported");
  }
  const pattern = split.member("pattern").member("Regex");
  return digitsMaxOf(pattern.text()) ??
    pattern.fail("is neither the pattern of Llama 3 nor Qwen's");
}

function readPostProcessor(node: JsonNode): Pick<TokenizerFile, "prefixIds" | "suffixIds"> {
  const templates = parts(node, "processors").filter((part) =>
    requireOneOf(part.member("type"), ["ByteLevel", "TemplateProcessing"]) !== "ByteLevel"
  );
  if (templates.length > 1) return node.fail("has more than one template");
  const [template] = templates;
  if (template === undefined) return { prefixIds: [], suffixIds: [] };
  const single = template.member("single");
  const ids: number[] = [];
  let prefix: number | undefined;
  for (const item of single.elements()) {
    if (item.member("Sequence").isAbsent) {
      ids.push(...templateIds(template, item.member("SpecialToken").member("id")));
    } else {
      requireOneOf(item.member("Sequence").member("id"), ["A"]);
      if (prefix !== undefined) item.fail("is the text a second time");
      prefix = ids.length;
    }
  }
  if (prefix === undefined) return single.fail("has no place for the text");
  return { prefixIds: ids.slice(0, prefix), suffixIds: ids.slice(prefix) };
}

function templateIds(template: JsonNode, name: JsonNode): number[] {
  const token = template.member("special_tokens").member(name.text());
  return token.member("ids").elements().map((id) => id.integer(0, TOKENS_MAX));
}

function requireByteLevelDecoder(node: JsonNode): void {
  const decoders = parts(node, "decoders");
  if (decoders.length !== 1) node.fail("is not ByteLevel");
  requireOneOf(decoders[0]!.member("type"), ["ByteLevel"]);
}

/** The parts of a Sequence, the one part that is none, or no part. */
function parts(node: JsonNode, member: string): JsonNode[] {
  if (node.isAbsent) return [];
  return node.member("type").text() === "Sequence" ? node.member(member).elements() : [node];
}

function flag(node: JsonNode, name: string, fallback: boolean): boolean {
  const value = node.member(name);
  return value.isAbsent ? fallback : value.boolean();
}

/** The text, which must be one of a few; `fallback` where it is absent. */
function requireOneOf(node: JsonNode, allowed: readonly string[], fallback?: string): string {
  if (node.isAbsent && fallback !== undefined) return fallback;
  const text = node.text();
  if (allowed.includes(text)) return text;
  return node.fail(`is ${JSON.stringify(text.slice(0, 80))}, not ${allowed.join(" or ")}`);
}
