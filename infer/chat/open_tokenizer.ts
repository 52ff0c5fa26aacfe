// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { decodeUtf8, type JsonNode, readJson } from "../model/json_node.ts";
import type { ModelSource } from "../model/model_source.ts";
import { ModelFileError } from "../model_file_error.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { ChatTemplate, TEMPLATE_LENGTH_MAX } from "./chat_template.ts";

/** What a Hugging Face directory says about text. */
export interface OpenedTokenizer {
  /** Text to ids and back. */
  readonly tokenizer: Tokenizer;
  /** How a conversation is written; undefined where the files have no template. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** The same with tools: the template `tool_use` where there is one. */
  readonly toolTemplate: ChatTemplate | undefined;
  /** Templates by name where there are several, those above among them. */
  readonly chatTemplates: ReadonlyMap<string, ChatTemplate>;
  /** Whether transformers takes blanks before punctuation out of decoded text. */
  readonly cleanUpSpaces: boolean;
  /** Id of the token that ends an answer by `tokenizer_config.json`; undefined when it has none. */
  readonly endId: number | undefined;
}

/** Bytes of a template's file at most: a template's code units, four bytes each. */
const TEMPLATE_BYTES_MAX = 4 * TEMPLATE_LENGTH_MAX;

/** Name of the template that is used when none is asked for. */
const DEFAULT_TEMPLATE = "default";
/** Name of the template that is used when there are tools. */
const TOOL_TEMPLATE = "tool_use";

// Data: members of tokenizer_config.json that templates see as variables.
const TOKEN_MEMBERS = ["bos_token", "eos_token", "pad_token", "unk_token"];

/** Where the tokenizer of a model comes from; a `ModelSource` is one. */
export type TokenizerSource = Pick<
  ModelSource,
  "path" | "format" | "tokenizer" | "tokenizerConfig"
>;

/**
 * Reads the tokenizer of a directory in Hugging Face's layout, or of an opened model: of
 * `tokenizer.json`, and where they are there of `tokenizer_config.json` and `chat_template.jinja`,
 * which counts for more than the template in the config.
 *
 * @example The tokens of a question
 * ```ts
 * import { openTokenizer } from "@photon/std/infer";
 *
 * export async function ask(directory: string, question: string): Promise<Uint32Array> {
 *   const { tokenizer, chatTemplate } = await openTokenizer(directory);
 *   if (chatTemplate === undefined) return tokenizer.encode(question);
 *   return chatTemplate.encode(tokenizer, [{ role: "user", content: question }]);
 * }
 * ```
 *
 * @throws {ModelFileError} when one of the files is wrong
 * @throws {Deno.errors.NotFound} when there is no `tokenizer.json`
 */
export async function openTokenizer(from: string | TokenizerSource): Promise<OpenedTokenizer> {
  const source = typeof from === "string" ? directorySource(from) : from;
  const tokenizer = new Tokenizer(await source.tokenizer());
  const config = await source.tokenizerConfig() ?? undefined;
  const variables = Object.fromEntries(
    TOKEN_MEMBERS.map((name) => [name, config && tokenText(config.member(name))])
      .filter(([, text]) => text !== undefined),
  );
  const chatTemplates = config === undefined
    ? new Map<string, ChatTemplate>()
    : configTemplates(config.member("chat_template"), variables);
  const file = `${source.path}/chat_template.jinja`;
  const template = source.format === "huggingface" ? await optional(readTemplate(file)) : undefined;
  if (template !== undefined) {
    chatTemplates.set(DEFAULT_TEMPLATE, new ChatTemplate(template, { file, variables }));
  }
  const cleanUp = config?.member("clean_up_tokenization_spaces");
  return {
    tokenizer,
    chatTemplate: chatTemplates.get(DEFAULT_TEMPLATE),
    toolTemplate: chatTemplates.get(TOOL_TEMPLATE) ?? chatTemplates.get(DEFAULT_TEMPLATE),
    chatTemplates,
    cleanUpSpaces: cleanUp === undefined || cleanUp.isAbsent ? false : cleanUp.boolean(),
    endId: variables.eos_token === undefined ? undefined : tokenizer.idOf(variables.eos_token),
  };
}

function directorySource(path: string): TokenizerSource {
  return {
    path,
    format: "huggingface",
    tokenizer: () => readJson(`${path}/tokenizer.json`),
    tokenizerConfig: async () => await optional(readJson(`${path}/tokenizer_config.json`)) ?? null,
  };
}

/** A token is its text, or an object with it and the flags of an added token. */
function tokenText(node: JsonNode): string | undefined {
  if (node.isAbsent) return undefined;
  return typeof node.value === "string" ? node.value : node.member("content").text();
}

/** One template, or an array of several with their names. */
function configTemplates(
  node: JsonNode,
  variables: Record<string, string>,
): Map<string, ChatTemplate> {
  const templates = new Map<string, ChatTemplate>();
  if (node.isAbsent) return templates;
  const named: [string, JsonNode][] = typeof node.value === "string"
    ? [[DEFAULT_TEMPLATE, node]]
    : node.elements().map((one) => [one.member("name").text(), one.member("template")]);
  for (const [name, source] of named) {
    const file = `${node.file}, ${source.path}`;
    templates.set(name, new ChatTemplate(source.text(), { file, variables }));
  }
  return templates;
}

async function readTemplate(path: string): Promise<string> {
  const { size } = await Deno.stat(path);
  if (size > TEMPLATE_BYTES_MAX) {
    throw new ModelFileError(path, "", `has ${size} bytes, more than ${TEMPLATE_BYTES_MAX}`);
  }
  return decodeUtf8(path, await Deno.readFile(path));
}

async function optional<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
