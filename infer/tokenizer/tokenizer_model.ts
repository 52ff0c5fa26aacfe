// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { JsonNode } from "../model/json_node.ts";
import type { AddedToken } from "./added_tokens.ts";
import { BYTE_CHARACTERS, bytesOf } from "./byte_alphabet.ts";
import { MergeTable } from "./merge_table.ts";
import { nfc } from "./nfc.ts";
import { MISSING_IDS_MAX, type TokenizerFile, TOKENS_MAX } from "./tokenizer_file.ts";
import { Vocabulary } from "./vocabulary.ts";

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
  const idByToken = readVocabulary(file.vocabulary);
  const vocabulary = fillVocabulary(root, file, idByToken);
  const byteIds = Int32Array.from(BYTE_CHARACTERS, (character, byte) => {
    const id = idByToken.get(character);
    if (id !== undefined) return id;
    const hexadecimal = byte.toString(16).padStart(2, "0");
    return file.vocabulary.fail(`has no token for the byte 0x${hexadecimal}`);
  });
  return { vocabulary, merges: readMerges(file.merges, idByToken), byteIds };
}

function readVocabulary(node: JsonNode): Map<string, number> {
  const entries = Object.entries(node.object());
  if (entries.length > TOKENS_MAX) node.fail(`has more than ${TOKENS_MAX} tokens`);
  const idByToken = new Map<string, number>();
  for (const [token, id] of entries) {
    // The node with its path is made for the error only: a vocabulary has 150 000 members.
    if (!Number.isSafeInteger(id) || (id as number) < 0) node.member(token).integer(0, TOKENS_MAX);
    idByToken.set(token, id as number);
  }
  return idByToken;
}

function fillVocabulary(
  root: JsonNode,
  file: TokenizerFile,
  idByToken: ReadonlyMap<string, number>,
): Vocabulary {
  const added = checkAddedTokens(root.member("added_tokens"), file.addedTokens, idByToken);
  const idsMax = idByToken.size + added.length + MISSING_IDS_MAX;
  let size = 0;
  let length = 0;
  for (const [token, id] of idByToken) {
    if (id >= idsMax) file.vocabulary.member(token).fail(`is ${id}: too many ids have no token`);
    size = Math.max(size, id + 1);
    length += token.length;
  }
  for (const { id } of added) {
    if (id >= idsMax) root.member("added_tokens").fail(`has the id ${id}: too many have no token`);
    size = Math.max(size, id + 1);
  }
  const vocabulary = new Vocabulary(size, idByToken.size, length);
  for (const [token, id] of idByToken) {
    if (vocabulary.has(id)) file.vocabulary.member(token).fail(`is ${id}, another token's id`);
    const bytes = bytesOf(token);
    vocabulary.add(id, bytes ?? encoder.encode(token), bytes !== undefined);
  }
  for (const { id, content: verbatim, normalized } of added) {
    if (vocabulary.has(id)) root.member("added_tokens").fail(`has the id ${id} of another token`);
    // Hugging Face decodes added tokens like the others: by the byte characters if all are such.
    const content = normalized && file.isNormalized ? nfc(verbatim) : verbatim;
    vocabulary.add(id, bytesOf(content) ?? encoder.encode(content), false);
  }
  return vocabulary;
}

const encoder = new TextEncoder();

/** The added tokens that the model does not have as tokens of its own. */
function checkAddedTokens(
  node: JsonNode,
  tokens: readonly AddedToken[],
  idByToken: ReadonlyMap<string, number>,
): AddedToken[] {
  const contents = new Set<string>();
  return tokens.filter(({ id, content }, i) => {
    if (contents.has(content)) node.elements()[i]!.fail(`repeats ${JSON.stringify(content)}`);
    contents.add(content);
    const known = idByToken.get(content);
    if (known !== undefined && known !== id) {
      node.elements()[i]!.fail(`has the id ${id}, which is ${known} in the vocabulary`);
    }
    return known === undefined;
  });
}

function readMerges(node: JsonNode, idByToken: ReadonlyMap<string, number>): MergeTable {
  const list = node.value;
  if (!Array.isArray(list)) return node.fail("is not an array");
  if (list.length > TOKENS_MAX) return node.fail(`has more than ${TOKENS_MAX} merges`);
  const merges = new MergeTable(list.length);
  for (const [rank, merge] of list.entries()) {
    const pair = pairOf(merge);
    const [left, right, result] = pair === undefined
      ? []
      : [idByToken.get(pair[0]), idByToken.get(pair[1]), idByToken.get(pair[0] + pair[1])];
    if (left === undefined || right === undefined || result === undefined) {
      const reason = pair === undefined
        ? "is not a pair of tokens"
        : "has a token of no vocabulary";
      return node.elements()[rank]!.fail(reason);
    }
    merges.add(left, right, rank, result);
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
