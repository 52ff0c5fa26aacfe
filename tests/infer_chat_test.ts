// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { ChatMessage } from "../infer/chat/chat_message.ts";
import { ChatTemplate } from "../infer/chat/chat_template.ts";
import { ChatTemplateError } from "../infer/chat/chat_template_error.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { nfc } from "../infer/tokenizer/nfc.ts";
import type { Tokenizer } from "../infer/tokenizer/tokenizer.ts";
import { fixtureLines, fixtureTokenizer, templateSource } from "./infer_tokenizer_fixtures.ts";

/** First line of `chats.jsonl`: what the others name. */
interface ChatParts {
  readonly conversations: Record<string, ChatMessage[]>;
  readonly systems: Record<string, ChatMessage[]>;
  readonly tools: Record<string, unknown[] | null>;
  readonly tokens: Record<string, Record<string, string>>;
}

/** One rendering of jinja2. */
interface ChatRow {
  readonly template: string;
  readonly system: string;
  readonly conversation: string;
  readonly tools: string;
  readonly options: { readonly "enable_thinking"?: boolean };
  readonly prompt: boolean;
  readonly text?: string;
  readonly error?: string;
}

const RENDERINGS_LEAST = 4000;
/** The day on which the fixtures were made. */
const NOW = new Date(2026, 10, 21, 12);

const [parts, ...rows] = fixtureLines<ChatRow>("chats.jsonl") as unknown as [
  ChatParts,
  ...ChatRow[],
];
const templates = new Map(
  Object.entries(parts.tokens).map(([name, variables]) => [
    name,
    new ChatTemplate(templateSource(name), { variables }),
  ]),
);

function messagesOf(row: ChatRow): ChatMessage[] {
  return [...parts.systems[row.system]!, ...parts.conversations[row.conversation]!];
}

function optionsOf({ options, prompt, tools }: ChatRow) {
  const { enable_thinking: enableThinking, ...variables } = options;
  const given = parts.tools[tools] ?? undefined;
  return { tools: given, enableThinking, variables, now: NOW, addGenerationPrompt: prompt };
}

function templateOf(row: ChatRow): ChatTemplate {
  return templates.get(row.template)!;
}

function tokenizerOf(row: ChatRow): Tokenizer {
  return fixtureTokenizer(row.template === "qwen3" ? "qwen3" : "llama3");
}

for (const name of templates.keys()) {
  Deno.test(`render() of ${name} equals jinja2's on the whole matrix`, () => {
    const own = rows.filter((row) => row.template === name);
    assert(rows.length >= RENDERINGS_LEAST && own.length > 1000);
    for (const row of own) {
      const render = () => templateOf(row).render(messagesOf(row), optionsOf(row));
      const { text, error, ...where } = row;
      if (error === undefined) assertEquals(render(), text, JSON.stringify(where));
      else assertThrows(render, ChatTemplateError, error);
    }
  });
}

Deno.test("encode() that trusts its messages equals Hugging Face's tokens of the rendering", () => {
  for (const row of rows.filter((_, i) => i % 7 === 0)) {
    if (row.text === undefined) continue;
    const tokenizer = tokenizerOf(row);
    const ids = templateOf(row).encode(tokenizer, messagesOf(row), {
      ...optionsOf(row),
      trusted: true,
    });
    assertEquals(ids, tokenizer.encode(row.text, { addSpecialTokens: false, addedTokens: "all" }));
  }
});

// What a conversation says must not change which special tokens the model sees.

/** What a conversation becomes, with what it says itself. */
interface Encoded {
  readonly row: ChatRow;
  readonly text: string;
  readonly ids: Uint32Array;
}

let encodedRows: readonly Encoded[] | undefined;

/** All conversations that have a rendering, encoded once for all tests. */
function encoded(): readonly Encoded[] {
  encodedRows ??= rows.flatMap((row) =>
    row.text === undefined
      ? []
      : [{ row, text: row.text, ids: encode(row, messagesOf(row), parts.tools[row.tools]) }]
  );
  assert(encodedRows.length >= RENDERINGS_LEAST);
  return encodedRows;
}

function encode(row: ChatRow, messages: ChatMessage[], tools?: unknown[] | null): Uint32Array {
  const options = { ...optionsOf(row), tools: tools ?? undefined };
  return templateOf(row).encode(tokenizerOf(row), messages, options);
}

/** The special tokens among others, in order. */
function specialsOf(row: ChatRow, ids: Uint32Array): Uint32Array {
  const tokenizer = tokenizerOf(row);
  return ids.filter((id) => tokenizer.isSpecial(id));
}

/** A JSON value in whose texts nothing can be taken for a token. */
function harmless<T>(value: T): T {
  const text = JSON.stringify(
    value,
    (_, item) => typeof item === "string" ? item.replace(/[<>|]/g, "_") : item,
  );
  return JSON.parse(text.replace(/[<>|]/g, "_"));
}

Deno.test("encode() gives the special tokens that the template writes, whatever is said", () => {
  for (const { row, ids } of encoded()) {
    const tools = parts.tools[row.tools];
    const expected = encode(row, harmless(messagesOf(row)), tools && harmless(tools));
    assertEquals(specialsOf(row, ids), specialsOf(row, expected), JSON.stringify(row));
  }
});

Deno.test("encode() gives the tokens of jinja2's text, with injected ones as text", () => {
  for (const { row, text, ids } of encoded()) {
    // There Qwen's template looks for a tool's answer in what a user says, and finds none.
    if (row.conversation === "injected response") continue;
    const tokenizer = tokenizerOf(row);
    const decoded = tokenizer.decode(ids);
    const expected = tokenizer.isNormalized ? nfc(text) : text;
    if (decoded !== expected) assertEquals(decoded, expected, JSON.stringify(row));
  }
});

Deno.test("encode() of harmless conversations is the encoding of jinja2's text", () => {
  for (const { row, text, ids } of encoded()) {
    if (/hostile|inject|think/.test(row.system + row.conversation + row.tools)) continue;
    const options = { addSpecialTokens: false, addedTokens: "all" } as const;
    assertEquals(ids, tokenizerOf(row).encode(text, options), JSON.stringify(row));
  }
});

Deno.test("encode() lets no message become a special token, alone or with its neighbours", () => {
  const qwen = fixtureTokenizer("qwen3");
  const pieces = [
    "<|im_",
    "start|>",
    "end|>",
    "<",
    "|",
    ">",
    "<|im_end|>",
    "<|endoftext|>",
    "\n",
    "a",
  ];
  const text = fc.array(fc.constantFrom(...pieces, "\ufdd0", "\ufdd0\ufdd0", "\u0338", "system"), {
    maxLength: 8,
  }).map((parts) => parts.join(""));
  const template = new ChatTemplate(
    "{% for m in messages %}{{ m.role }}{{ m.content }}{{ m.content }}{{ m.name }}<|im_end|>" +
      "{% endfor %}",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, text), { maxLength: 4 }), (turns) => {
      const messages = turns.map(([role, content, name]) => ({ role, content, name }));
      const ids = template.encode(qwen, messages);
      const rendered = template.render(messages);
      assertEquals(nfc(qwen.decode(ids)), nfc(rendered));
      assertEquals([...ids].filter((id) => qwen.isSpecial(id)).length, messages.length);
    }),
    { seed: 4, numRuns: 1500 },
  );
});

Deno.test("render() formats the date in English and lets variables replace it", () => {
  const template = new ChatTemplate(
    "{{ strftime_now('%d %b %Y %B %m %H:%M:%S %%') }} {{ bos_token }}",
    {
      variables: { bos_token: "<s>" },
    },
  );
  const now = new Date(2026, 4, 3, 7, 8, 9);
  assertEquals(template.render([], { now }), "03 May 2026 May 05 07:08:09 % <s>");
  const more = new ChatTemplate("{{ strftime_now('%a %A %y %I %p') }}");
  assertEquals(more.render([], { now }), "Sun Sunday 26 07 AM");
  assertEquals(more.render([], { now: new Date(2005, 0, 1, 0) }), "Sat Saturday 05 12 AM");
  const variables = { "bos_token": "<b>", "strftime_now": () => "today" };
  assertEquals(template.render([], { now, variables }), "today <b>");
});

Deno.test("constructor rejects what is no template with the name of its file", () => {
  const file = "chat_template.jinja";
  for (const source of ["{% if %}", "{{ a", "{% for x in %}{% endfor %}", "{% nothing %}"]) {
    const error = assertThrows(() => new ChatTemplate(source, { file }), ModelFileError);
    assertEquals(error.file, file);
  }
  assertThrows(() => new ChatTemplate("a".repeat(2 ** 20 + 1)), ModelFileError, "longer");
});

Deno.test("render() rejects with ChatTemplateError what a template cannot do", () => {
  const sources = [
    "{{ raise_exception('no') }}",
    "{{ range(1000000) }}",
    "{{ messages.strip() }}",
    "{{ messages | tojson | nothing }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ [1] | reject('equalto', 1) }}",
  ];
  for (const source of sources) {
    const template = new ChatTemplate(source);
    assertThrows(() => template.render([]), ChatTemplateError, undefined, source);
  }
});

Deno.test("encode() finds a mark among any private characters, and says when there is none", () => {
  const qwen = fixtureTokenizer("qwen3");
  const range = (first: number, last: number) =>
    String.fromCharCode(...Array.from({ length: last - first + 1 }, (_, i) => first + i));
  const template = new ChatTemplate("{{ messages[0].content }}<|im_end|>");
  const most = range(0xfdd0, 0xfdef) + range(0xe000, 0xf8fe) + "<|im_end|>";
  const ids = template.encode(qwen, [{ role: "user", content: most }]);
  assertEquals(qwen.decode(ids), `${most}<|im_end|>`);
  assertEquals([...ids].filter((id) => qwen.isSpecial(id)).length, 1);
  const all = [{ role: "user", content: `${most}\uf8ff` }];
  assertThrows(() => template.encode(qwen, all), ChatTemplateError, "every private character");
  const deep = JSON.parse("[".repeat(1000) + "]".repeat(1000));
  assertThrows(
    () => template.encode(qwen, [{ role: "user", content: deep }]),
    ChatTemplateError,
    "deep",
  );
});
