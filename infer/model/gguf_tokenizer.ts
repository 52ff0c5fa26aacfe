// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import type { GgufValue } from "./gguf_header.ts";
import type { GgufPair } from "./gguf_plan.ts";
import { JsonNode } from "./json_node.ts";
import type { ModelSource } from "./model_source.ts";
import { SPLIT_PATTERNS } from "./split_pattern.ts";

// GGUF keeps a tokenizer as metadata: the texts of all tokens by id, their kinds, the merges, and
// the name of the pre-tokenizer. A tokenizer.json is made of it, so that one loader serves both.

/** Kinds of tokens, `tokenizer.ggml.token_type`. */
// deno-fmt-ignore
const KIND = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

// Data: what belongs to each pre-tokenizer.
// deno-fmt-ignore
const PRE_TOKENIZERS = [
  { ...SPLIT_PATTERNS.llama3, nfc: false, ignoreMerges: true,  addBos: true },
  { ...SPLIT_PATTERNS.qwen,   nfc: true,  ignoreMerges: false, addBos: false },
];

type PreTokenizer = (typeof PRE_TOKENIZERS)[number];

/**
 * The tokenizer of a GGUF file as a tokenizer.json.
 *
 * @throws {ModelFileError} that names file, key and reason
 */
export function ggufTokenizer(file: string, metadata: ReadonlyMap<string, GgufValue>): JsonNode {
  const node = (key: string) => new JsonNode(file, key, metadata.get(key));
  const model = node("tokenizer.ggml.model");
  if (model.text() !== "gpt2") model.fail(`is "${model.text()}"; supported is gpt2`);
  const pre = node("tokenizer.ggml.pre");
  const settings = PRE_TOKENIZERS.find(({ ggufName }) => ggufName === pre.text());
  if (settings === undefined) {
    const known = PRE_TOKENIZERS.map(({ ggufName }) => ggufName).join(" and ");
    return pre.fail(`is "${pre.text()}"; supported are ${known}`);
  }
  const tokens = texts(node("tokenizer.ggml.tokens"));
  const kinds = kindsOf(node("tokenizer.ggml.token_type"), tokens.length);
  const split = { Regex: settings.source };
  const bos = node("tokenizer.ggml.bos_token_id");
  const addBos = node("tokenizer.ggml.add_bos_token");
  const begins = addBos.isAbsent ? settings.addBos : addBos.boolean();
  return new JsonNode(file, "", {
    version: "1.0",
    added_tokens: addedTokens(tokens, kinds),
    normalizer: settings.nfc ? { type: "NFC" } : null,
    pre_tokenizer: sequence("pretokenizers", [
      { type: "Split", pattern: split, behavior: "Isolated", invert: false },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    ]),
    post_processor: begins && !bos.isAbsent
      ? beginTemplate(bos.integer(0, tokens.length - 1), tokens)
      : null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      ignore_merges: settings.ignoreMerges,
      vocab: vocabularyOf(tokens, kinds),
      merges: texts(node("tokenizer.ggml.merges")),
    },
  });
}

/** The settings of a GGUF file's tokenizer as a tokenizer_config.json. */
export function ggufTokenizerConfig(
  file: string,
  metadata: ReadonlyMap<string, GgufValue>,
): JsonNode {
  const node = (key: string) => new JsonNode(file, key, metadata.get(key));
  const tokens = texts(node("tokenizer.ggml.tokens"));
  const text = (key: string) => {
    const id = node(`tokenizer.ggml.${key}`);
    return id.isAbsent ? null : tokens[id.integer(0, tokens.length - 1)]!;
  };
  const template = node("tokenizer.chat_template");
  return new JsonNode(file, "", {
    bos_token: text("bos_token_id"),
    eos_token: text("eos_token_id"),
    ...(template.isAbsent ? {} : { chat_template: template.text() }),
  });
}

function texts(node: JsonNode): readonly string[] {
  const { value } = node;
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
  return node.fail("is not an array of strings");
}

function kindsOf(node: JsonNode, count: number): ArrayLike<number> {
  if (node.isAbsent) return new Int32Array(count).fill(KIND.normal);
  const { value } = node;
  if (value instanceof Int32Array && value.length === count) return value;
  return node.fail(`is not an array of ${count} int32`);
}

function sequence(member: string, parts: readonly object[]): object {
  return { type: "Sequence", [member]: parts };
}

function addedTokens(tokens: readonly string[], kinds: ArrayLike<number>): object[] {
  const added: object[] = [];
  for (const [id, content] of tokens.entries()) {
    if (kinds[id] !== KIND.control && kinds[id] !== KIND.userDefined) continue;
    const flags = { "single_word": false, lstrip: false, rstrip: false, normalized: false };
    added.push({ id, content, ...flags, special: kinds[id] === KIND.control });
  }
  return added;
}

function vocabularyOf(
  tokens: readonly string[],
  kinds: ArrayLike<number>,
): Record<string, number> {
  const normal = [...tokens.entries()].filter(([id]) => kinds[id] === KIND.normal);
  return Object.fromEntries(normal.map(([id, text]) => [text, id]));
}

function beginTemplate(id: number, tokens: readonly string[]): object {
  const token = tokens[id]!;
  const special = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [special, { Sequence: { id: "A", type_id: 0 } }],
    pair: [special, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/**
 * The metadata that GGUF keeps of a tokenizer: byte-level BPE with the pre-tokenizer of Llama 3 or
 * of Qwen. Ids of the vocabulary that no token has become unused ones.
 *
 * @throws {ModelFileError} that names the member
 */
export async function tokenizerPairs(source: ModelSource): Promise<GgufPair[]> {
  const { config } = source;
  const tokenizer = await source.tokenizer();
  const model = tokenizer.member("model");
  const type = model.member("type");
  if (type.text() !== "BPE") type.fail(`is "${type.text()}"; GGUF gets BPE only`);
  const { tokens, kinds } = tokensById(tokenizer, config.vocabularySize);
  const merges = model.member("merges").elements().map((merge) =>
    typeof merge.value === "string"
      ? merge.value
      : merge.elements().map((side) => side.text()).join(" ")
  );
  const { ggufName } = preTokenizerOf(tokenizer);
  const key = (name: string) => `tokenizer.ggml.${name}`;
  const pairs: GgufPair[] = [
    { key: key("model"), type: "string", value: "gpt2" },
    { key: key("pre"), type: "string", value: ggufName },
    { key: key("tokens"), type: "strings", value: tokens },
    { key: key("token_type"), type: "int32s", value: kinds },
    { key: key("merges"), type: "strings", value: merges },
    { key: key("add_bos_token"), type: "boolean", value: beginsTexts(tokenizer) },
  ];
  if (config.bosTokenId !== null) {
    pairs.push({ key: key("bos_token_id"), type: "uint32", value: config.bosTokenId });
  }
  for (const [name, value] of endTokenIds(source, tokens)) {
    pairs.push({ key: key(name), type: "uint32", value });
  }
  const template = await defaultTemplate(source);
  if (template) pairs.push({ key: "tokenizer.chat_template", type: "string", value: template });
  return pairs;
}

/** The template that is used when none is asked for, from wherever the model keeps it. */
async function defaultTemplate(source: ModelSource): Promise<string | undefined> {
  const file = await source.chatTemplate();
  if (file) return file.text();
  const template = (await source.tokenizerConfig())?.member("chat_template");
  if (!Array.isArray(template?.value)) return template?.isAbsent ? undefined : template?.text();
  const named = template.elements().find((one) => one.member("name").text() === "default");
  return named?.member("template").text();
}

/** Keys of the tokens that end a text, a turn, and a message to a tool: GGUF has no others. */
export const END_KEYS = ["eos_token_id", "eot_token_id", "eom_token_id"] as const;

/** The token of Llama 3.1 that ends a message to a tool. */
const END_OF_MESSAGE = "<|eom_id|>";

/** A key for each of the tokens that end an answer, so that readers stop at all of them. */
function endTokenIds(
  { path, generation }: ModelSource,
  tokens: readonly string[],
): [key: string, id: number][] {
  const [text, ...more] = generation.eosTokenIds;
  if (text === undefined) return [];
  const ids = [text, ...more.toSorted((a, b) => rank(a) - rank(b))];
  if (ids.length <= END_KEYS.length) return ids.map((id, i) => [END_KEYS[i]!, id]);
  const reason = `has ${ids.length} tokens; readers of GGUF know ${END_KEYS.length}`;
  throw new ModelFileError(path, "eos_token_id", reason);

  function rank(id: number): number {
    return tokens[id] === END_OF_MESSAGE ? 1 : 0;
  }
}

function tokensById(tokenizer: JsonNode, size: number): { tokens: string[]; kinds: number[] } {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const kinds: number[] = new Array(size).fill(KIND.unused);
  for (const [text, id] of tokenizer.member("model").member("vocab").entries()) {
    tokens[id.integer(0, size - 1)] = text;
    kinds[id.integer(0, size - 1)] = KIND.normal;
  }
  const added = tokenizer.member("added_tokens");
  for (const token of added.isAbsent ? [] : added.elements()) {
    const id = token.member("id").integer(0, size - 1);
    tokens[id] = token.member("content").text();
    kinds[id] = token.member("special").boolean() ? KIND.control : KIND.userDefined;
  }
  return { tokens, kinds };
}

/** Whether the tokenizer puts the token that begins a text before it: only a template does. */
function beginsTexts(tokenizer: JsonNode): boolean {
  const { value } = tokenizer.member("post_processor");
  return JSON.stringify(value ?? null).includes('"TemplateProcessing"');
}

/** Which of the known pre-tokenizers it is, told by the pattern that it splits by. */
function preTokenizerOf(tokenizer: JsonNode): PreTokenizer {
  const node = tokenizer.member("pre_tokenizer");
  const text = JSON.stringify(node.value ?? null);
  const known = PRE_TOKENIZERS.find(({ source }) => text.includes(JSON.stringify(source)));
  return known ?? node.fail("is neither that of Llama 3 nor that of Qwen");
}
