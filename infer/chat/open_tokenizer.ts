// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { huggingFaceTokenizer } from "../model/huggingface_directory.ts";
import type { JsonNode } from "../model/json_node.ts";
import type { TokenizerSource } from "../model/model_source.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { ChatTemplate } from "./chat_template.ts";

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

/** Name of the template that is used when none is asked for. */
const DEFAULT_TEMPLATE = "default";
/** Name of the template that is used when there are tools. */
const TOOL_TEMPLATE = "tool_use";

// Data: members of tokenizer_config.json that templates see as variables.
const TOKEN_MEMBERS = ["bos_token", "eos_token", "pad_token", "unk_token"];

/**
 * Reads the tokenizer of a directory in Hugging Face's layout, or of an opened model: of
 * `tokenizer.json`, and where they are there of `tokenizer_config.json` and `chat_template.jinja`,
 * which counts for more than the template in the config.
 *
 * @example The tokens of a question
 * ```ts
 * import { openTokenizer } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = "tests/fixtures/infer/models/llama-tied-default";
 * const { tokenizer, chatTemplate } = await openTokenizer(directory);
 * const messages = [{ role: "user", content: "the cat" }];
 * const ids = chatTemplate!.encode(tokenizer, messages);
 * assertEquals(tokenizer.decode(ids), chatTemplate!.render(messages));
 * ```
 *
 * @throws {ModelFileError} when one of the files is wrong
 * @throws {Deno.errors.NotFound} when there is no `tokenizer.json`
 */
export async function openTokenizer(from: string | TokenizerSource): Promise<OpenedTokenizer> {
  const source = typeof from === "string" ? huggingFaceTokenizer(from) : from;
  const tokenizer = new Tokenizer(await source.tokenizer());
  const config = await source.tokenizerConfig() ?? undefined;
  const variables = Object.fromEntries(
    TOKEN_MEMBERS.map((name) => [name, config && tokenText(config.member(name))])
      .filter(([, text]) => text !== undefined),
  );
  const chatTemplates = config === undefined
    ? new Map<string, ChatTemplate>()
    : configTemplates(config.member("chat_template"), variables);
  const template = await source.chatTemplate();
  if (template) {
    const { file } = template;
    chatTemplates.set(DEFAULT_TEMPLATE, new ChatTemplate(template.text(), { file, variables }));
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
