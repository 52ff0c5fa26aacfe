// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ChatMessage } from "../chat/chat_message.ts";
import type { ChatOptions } from "../chat/chat_template.ts";
import type { OpenedTokenizer } from "../chat/open_tokenizer.ts";
import type { EncodeOptions } from "../tokenizer/tokenizer.ts";

/** A text, tokens, or the messages of a conversation. */
export type Prompt = string | ArrayLike<number> | readonly ChatMessage[];

/** How a prompt becomes tokens. */
export interface PromptOptions {
  /** For a text. */
  readonly encoding?: EncodeOptions;
  /** For a conversation. */
  readonly chat?: ChatOptions;
}

/** What of a model turns text into tokens. */
type TextParts = Pick<OpenedTokenizer, "tokenizer" | "chatTemplate" | "toolTemplate">;

/**
 * The tokens of a prompt.
 *
 * @throws {RangeError} when there is no token, or one that the model does not know
 * @throws {TypeError} when the model has no template for a conversation
 * @throws {ChatTemplateError} when the template refuses the conversation
 */
export function tokensOf(
  prompt: Prompt,
  opened: TextParts,
  vocabularySize: number,
  { encoding, chat = {} }: PromptOptions,
): Int32Array<ArrayBuffer> {
  const tokens = typeof prompt === "string"
    ? opened.tokenizer.encode(prompt, encoding)
    : isConversation(prompt)
    ? conversationTokens(prompt, opened, chat)
    : checkedTokens(prompt, vocabularySize);
  if (tokens.length === 0) throw new RangeError("Cannot answer a prompt without a token");
  return Int32Array.from(tokens);
}

function isConversation(
  prompt: ArrayLike<number> | readonly ChatMessage[],
): prompt is readonly ChatMessage[] {
  return typeof prompt[0] === "object";
}

function conversationTokens(
  messages: readonly ChatMessage[],
  { tokenizer, chatTemplate, toolTemplate }: TextParts,
  chat: ChatOptions,
): ArrayLike<number> {
  const template = chat.tools === undefined ? chatTemplate : toolTemplate;
  if (template !== undefined) return template.encode(tokenizer, messages, chat);
  throw new TypeError("Cannot answer a conversation: the model has no chat template");
}

/** A token that does not exist would be read beyond the embedding. */
function checkedTokens(tokens: ArrayLike<number>, vocabularySize: number): ArrayLike<number> {
  for (let i = 0; i < tokens.length; i++) {
    const id = tokens[i]!;
    if (Number.isSafeInteger(id) && id >= 0 && id < vocabularySize) continue;
    throw new RangeError(`Token ${id} is outside the vocabulary of ${vocabularySize}`);
  }
  return tokens;
}
