// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { nfc } from "../tokenizer/nfc.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { ChatMessage } from "./chat_message.ts";
import { ChatTemplateError } from "./chat_template_error.ts";
import { ContentMarker, type MarkedShapes, markedShapes } from "./content_marks.ts";
import { PythonTemplate } from "./python_template.ts";

/** Code units of a template at most; published ones have some ten thousand. */
export const TEMPLATE_LENGTH_MAX = 2 ** 20;

/** Where a template comes from, and what it may use besides the messages. */
export interface ChatTemplateOptions {
  /** Name of the file for errors. @default {"chat_template"} */
  file?: string;
  /** Variables of every rendering, such as `bos_token` and `eos_token`. */
  variables?: Readonly<Record<string, unknown>>;
}

/** How a conversation is rendered. */
export interface ChatOptions {
  /** Functions that the model may call, as JSON schemas. */
  tools?: readonly unknown[] | undefined;
  /** End with the beginning of an answer. @default {true} */
  addGenerationPrompt?: boolean;
  /** Whether a model that can think does; left out, the template decides. */
  enableThinking?: boolean | undefined;
  /** What `strftime_now` of a template sees. @default {new Date()} */
  now?: Date;
  /**
   * Further variables, such as Llama's `date_string`, `tools_in_user_message`, `builtin_tools`.
   * Their texts are no more trusted than those of messages.
   */
  variables?: Readonly<Record<string, unknown>>;
}

/**
 * The chat template of a model: messages to the text or the tokens that the model was trained on.
 *
 * @example A conversation as the model sees it
 * ```ts
 * import { ChatTemplate } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const turn = "<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>";
 * const template = new ChatTemplate(`{% for m in messages %}${turn}{% endfor %}`);
 * const text = template.render([{ role: "user", content: "Hello. " }]);
 * assertEquals(text, "<|im_start|>user\nHello.<|im_end|>");
 * ```
 */
export class ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  readonly #template: PythonTemplate;
  readonly #variables: Readonly<Record<string, unknown>>;

  /**
   * Parses a Jinja template.
   *
   * @throws {ModelFileError} when it is none
   */
  constructor(source: string, options: ChatTemplateOptions = {}) {
    const { file = "chat_template", variables = {} } = options;
    if (source.length > TEMPLATE_LENGTH_MAX) {
      throw new ModelFileError(file, "", `is longer than ${TEMPLATE_LENGTH_MAX}`);
    }
    this.source = source;
    this.#variables = variables;
    try {
      this.#template = new PythonTemplate(source);
    } catch (cause) {
      throw new ModelFileError(file, "", `is no template: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * The text of a conversation, equal to Python's jinja2 but for values that are written as they
   * are and neither texts nor numbers (`None`, `True`, a list). Text of a user that looks like a
   * special token looks so here too: {@linkcode encode} is for what a model is to be given.
   *
   * @throws {ChatTemplateError} when the template refuses the conversation
   */
  render(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    return this.#render(messages, options.tools, options.variables ?? {}, options);
  }

  /**
   * The tokens of a conversation. Special tokens are those that the template writes; what looks
   * like one in the messages or the tools is text, unless `trusted`. Where a template looks for
   * such text in a message (Qwen's takes a user's `<tool_response>` for a tool's), it does not find
   * it there.
   *
   * @throws {ChatTemplateError} when the template refuses the conversation
   */
  encode(
    tokenizer: Tokenizer,
    messages: readonly ChatMessage[],
    options: ChatOptions & {
      /** Recognise special tokens in messages and tools too, as Hugging Face does. */
      trusted?: boolean;
    } = {},
  ): Uint32Array<ArrayBuffer> {
    const { tools, variables = {}, trusted = false } = options;
    if (trusted) {
      const text = this.render(messages, options);
      return tokenizer.encode(text, { addSpecialTokens: false, addedTokens: "all" });
    }
    const inputs = [messages, tools, variables, this.source];
    const normalize = tokenizer.isNormalized ? nfc : (text: string) => text;
    const marker = new ContentMarker(shapesOf(tokenizer), inputs, normalize);
    const text = this.#render(
      messages.map((message) => marker.message(message)),
      marker.value(tools) as readonly unknown[] | undefined,
      marker.value(variables) as Record<string, unknown>,
      options,
    );
    return tokenizer.encodeMarked(text, marker.mark);
  }

  #render(
    messages: readonly ChatMessage[],
    tools: readonly unknown[] | undefined,
    variables: Readonly<Record<string, unknown>>,
    { addGenerationPrompt = true, enableThinking, now = new Date() }: ChatOptions,
  ): string {
    try {
      return this.#template.render({
        ...this.#variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
        tools: tools ?? null,
        documents: null,
        ...(enableThinking === undefined ? {} : { enable_thinking: enableThinking }),
        strftime_now: (format: string) => formatTime(now, format),
        raise_exception: refuse,
        ...variables,
      });
    } catch (cause) {
      if (cause instanceof ChatTemplateError) throw cause;
      throw new ChatTemplateError(`Cannot render the conversation: ${messageOf(cause)}`, { cause });
    }
  }
}

/** Made once for a tokenizer: Llama 3 has 256 added tokens. */
const shapes = new WeakMap<Tokenizer, MarkedShapes>();

function shapesOf(tokenizer: Tokenizer): MarkedShapes {
  let known = shapes.get(tokenizer);
  if (known === undefined) {
    known = markedShapes(tokenizer.addedTokens);
    shapes.set(tokenizer, known);
  }
  return known;
}

function refuse(message: unknown): never {
  throw new ChatTemplateError(String(message));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August"];
MONTHS.push("September", "October", "November", "December");
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** `strftime` of C in English, whatever language the machine speaks; local time. */
function formatTime(time: Date, format: string): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const month = MONTHS[time.getMonth()]!;
  const day = DAYS[time.getDay()]!;
  const hour = time.getHours();
  const fields: Record<string, string> = {
    Y: String(time.getFullYear()),
    y: two(time.getFullYear() % 100),
    m: two(time.getMonth() + 1),
    d: two(time.getDate()),
    a: day.slice(0, 3),
    A: day,
    b: month.slice(0, 3),
    B: month,
    H: two(hour),
    I: two((hour + 11) % 12 + 1),
    p: hour < 12 ? "AM" : "PM",
    M: two(time.getMinutes()),
    S: two(time.getSeconds()),
    "%": "%",
  };
  return format.replace(/%([\s\S])/g, (whole, field) => fields[field] ?? whole);
}
