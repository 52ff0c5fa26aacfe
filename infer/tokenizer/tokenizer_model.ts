// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { JsonNode } from "../model/json_node.ts";
import type { AddedToken } from "./added_tokens.ts";
import { bytesOf, writeBytes } from "./byte_alphabet.ts";
import { MergeTable } from "./merge_table.ts";
import { nfc } from "./nfc.ts";
import { MISSING_IDS_MAX, type TokenizerFile, TOKENS_MAX } from "./tokenizer_file.ts";
import { hashOf, Vocabulary } from "./vocabulary.ts";

/** The large tables of a tokenizer. */
export interface TokenizerModel {
  /** Bytes of every token; those of the model are found by their bytes. */
  readonly vocabulary: Vocabulary;
  /** Which neighbours merge. */
  readonly merges: MergeTable;
  /** The tokens of the 256 bytes. */
  readonly byteIds: Int32Array;
}

/**
 * Builds vocabulary and merges. Memory stays in proportion to the file: ids have to be dense but
 * for {@linkcode MISSING_IDS_MAX}.
 *
 * @throws {ModelFileError} naming the token or merge that is wrong
 */
export function buildModel(root: JsonNode, file: TokenizerFile): TokenizerModel {
  const ids = file.vocabulary.object();
  const tokens = Object.keys(ids);
  if (tokens.length > TOKENS_MAX) file.vocabulary.fail(`has more than ${TOKENS_MAX} tokens`);
  const added = checkAddedTokens(root.member("added_tokens"), file.addedTokens, ids);
  const bounds = measure(root, file, tokens, added);
  const vocabulary = new Vocabulary(bounds.size, tokens.length, bounds.bytes);
  addTokens(vocabulary, file.vocabulary, tokens, bounds.longest);
  addAddedTokens(vocabulary, root.member("added_tokens"), added, file.isNormalized);
  for (const id of [...file.prefixIds, ...file.suffixIds]) {
    if (!vocabulary.has(id)) root.member("post_processor").fail(`adds ${id}, which has no token`);
  }
  const byteIds = readByteIds(file.vocabulary, vocabulary);
  return { vocabulary, merges: readMerges(file.merges, vocabulary, bounds.longest), byteIds };
}

/** The added tokens that the model does not have as tokens of its own. */
function checkAddedTokens(
  node: JsonNode,
  tokens: readonly AddedToken[],
  ids: Record<string, unknown>,
): AddedToken[] {
  const contents = new Set<string>();
  return tokens.filter(({ id, content }, i) => {
    if (contents.has(content)) node.elements()[i]!.fail(`repeats ${JSON.stringify(content)}`);
    contents.add(content);
    const known = Object.hasOwn(ids, content) ? ids[content] : undefined;
    if (known !== undefined && known !== id) {
      node.elements()[i]!.fail(`has the id ${id}, which is ${known} in the vocabulary`);
    }
    return known === undefined;
  });
}

/** Checks every id, so that the tables can be made in their final size. */
function measure(
  root: JsonNode,
  { vocabulary }: TokenizerFile,
  tokens: readonly string[],
  added: readonly AddedToken[],
): { size: number; bytes: number; longest: number } {
  const ids = vocabulary.object();
  const idsMax = tokens.length + added.length + MISSING_IDS_MAX;
  const bounds = { size: 0, bytes: 0, longest: 0 };
  for (const token of tokens) {
    const id = ids[token];
    // A node with its path is made for the error only: a vocabulary has 150 000 members.
    if (!Number.isSafeInteger(id) || (id as number) < 0) {
      vocabulary.member(token).integer(0, idsMax);
    }
    if (id as number >= idsMax) vocabulary.member(token).fail(`is ${id}: too many have no token`);
    bounds.size = Math.max(bounds.size, id as number + 1);
    bounds.bytes += token.length;
    bounds.longest = Math.max(bounds.longest, token.length);
  }
  for (const { id } of added) {
    if (id >= idsMax) root.member("added_tokens").fail(`has the id ${id}: too many have no token`);
    bounds.size = Math.max(bounds.size, id + 1);
  }
  return bounds;
}

function addTokens(
  vocabulary: Vocabulary,
  node: JsonNode,
  tokens: readonly string[],
  longest: number,
): void {
  const ids = node.object() as Record<string, number>;
  const scratch = new Uint8Array(longest);
  for (const token of tokens) {
    const id = ids[token]!;
    if (vocabulary.has(id)) node.member(token).fail(`is ${id}, another token's id`);
    const end = writeBytes(token, scratch, 0);
    // What has other characters is no token of the model, but it can be decoded.
    if (end < 0) vocabulary.add(id, encoder.encode(token), false);
    else vocabulary.add(id, scratch.subarray(0, end), true);
  }
}

const encoder = new TextEncoder();

function addAddedTokens(
  vocabulary: Vocabulary,
  node: JsonNode,
  added: readonly AddedToken[],
  isNormalized: boolean,
): void {
  for (const { id, content: verbatim, normalized } of added) {
    if (vocabulary.has(id)) node.fail(`has the id ${id} of another token`);
    // Hugging Face decodes added tokens like the others: by the byte characters if all are such.
    const content = normalized && isNormalized ? nfc(verbatim) : verbatim;
    vocabulary.add(id, bytesOf(content) ?? encoder.encode(content), false);
  }
}

function readByteIds(node: JsonNode, vocabulary: Vocabulary): Int32Array {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  return Int32Array.from(bytes, (byte) => {
    const id = findToken(vocabulary, bytes, byte, byte + 1);
    if (id >= 0) return id;
    const hexadecimal = byte.toString(16).padStart(2, "0");
    return node.fail(`has no token for the byte 0x${hexadecimal}`);
  });
}

function findToken(vocabulary: Vocabulary, bytes: Uint8Array, start: number, end: number): number {
  return vocabulary.find(bytes, start, end, hashOf(bytes, start, end));
}

function readMerges(node: JsonNode, vocabulary: Vocabulary, longest: number): MergeTable {
  const list = node.value;
  if (!Array.isArray(list)) return node.fail("is not an array");
  if (list.length > TOKENS_MAX) return node.fail(`has more than ${TOKENS_MAX} merges`);
  const merges = new MergeTable(list.length);
  const scratch = new Uint8Array(longest);
  for (let rank = 0; rank < list.length; rank++) {
    const pair = pairOf(list[rank]);
    if (pair === undefined) return node.elements()[rank]!.fail("is not a pair of tokens");
    const [left, right] = pair;
    const isPossible = left.length + right.length <= longest;
    const middle = isPossible ? writeBytes(left, scratch, 0) : -1;
    const end = middle < 0 ? -1 : writeBytes(right, scratch, middle);
    const leftId = end < 0 ? -1 : findToken(vocabulary, scratch, 0, middle);
    const rightId = leftId < 0 ? -1 : findToken(vocabulary, scratch, middle, end);
    const result = rightId < 0 ? -1 : findToken(vocabulary, scratch, 0, end);
    if (result < 0) return node.elements()[rank]!.fail("has a token that the vocabulary has not");
    merges.add(leftId, rightId, rank, result);
  }
  return merges;
}

/** A merge as a pair, whether the file writes `"a b"` or `["a", "b"]`. */
function pairOf(merge: unknown): readonly [string, string] | undefined {
  if (typeof merge === "string") {
    const blank = merge.indexOf(" ");
    if (blank <= 0 || blank === merge.length - 1 || merge.includes(" ", blank + 1)) {
      return undefined;
    }
    return [merge.slice(0, blank), merge.slice(blank + 1)];
  }
  if (!Array.isArray(merge) || merge.length !== 2) return undefined;
  const [left, right] = merge;
  return typeof left === "string" && typeof right === "string" ? [left, right] : undefined;
}
