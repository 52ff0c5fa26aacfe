// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import fc from "fast-check";
import { openTokenizer } from "../infer/chat/open_tokenizer.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { Tokenizer } from "../infer/tokenizer/tokenizer.ts";
import { fixtureText } from "./infer_tokenizer_fixtures.ts";

const FILE = "some/tokenizer.json";
const SOURCE = fixtureText("flags_tokenizer.json");

/** Bytes of tables for each byte of the file, and whatever the file says. */
const TABLE_BYTES_PER_FILE_BYTE = 16;
const TABLE_BYTES_MAX = 4 * 1024 * 1024;

/** Makes a tokenizer of a text: the error it gives, or null. Its tables stay within bounds. */
function tryTokenizer(content: string | Uint8Array): { error: ModelFileError | null } {
  const counter = countBuffers();
  try {
    new Tokenizer(content, { file: FILE });
    return { error: null };
  } catch (error) {
    assertInstanceOf(error, ModelFileError, String(Reflect.get(Object(error), "stack")));
    assertEquals(error.file, FILE);
    assert(error.reason !== "" && error.message.includes(error.part));
    return { error };
  } finally {
    const bytes = counter.stop();
    const allowed = content.length * TABLE_BYTES_PER_FILE_BYTE + TABLE_BYTES_MAX;
    assert(bytes <= allowed, `tables of ${bytes} bytes for a file of ${content.length}`);
  }
}

/** Counts the bytes of typed arrays that are made by length until it is stopped. */
function countBuffers(): { stop(): number } {
  const names = ["Uint8Array", "Int32Array", "Uint32Array", "Float64Array"] as const;
  const originals = names.map((name) => globalThis[name]);
  let bytes = 0;
  for (const [i, name] of names.entries()) {
    const construct = (
      target: typeof Uint8Array,
      args: unknown[],
      newTarget: typeof Uint8Array,
    ) => {
      const array = Reflect.construct(target, args, newTarget);
      if (typeof args[0] === "number") bytes += array.byteLength;
      return array;
    };
    Reflect.set(globalThis, name, new Proxy(originals[i] as typeof Uint8Array, { construct }));
  }
  return {
    stop() {
      for (const [i, name] of names.entries()) Reflect.set(globalThis, name, originals[i]);
      return bytes;
    },
  };
}

/** A value at a path of the document, and the part that the error names. */
interface Mutation {
  readonly at: string;
  readonly to: unknown;
  readonly part: RegExp;
  readonly reason?: RegExp;
}

const TOKEN = { id: 613, content: "<x>", special: true };

// Data: one wrong value a row. `undefined` takes the member out.
// deno-fmt-ignore
const MUTATIONS: readonly Mutation[] = [
  { at: "",                                         to: null,                         part: /^$/ },
  { at: "",                                         to: [],                           part: /^$/ },
  { at: "",                                         to: "text",                       part: /^$/ },
  { at: "",                                         to: {},                           part: /^model$/ },
  { at: "model",                                    to: undefined,                    part: /^model$/ },
  { at: "model",                                    to: 7,                            part: /^model$/ },
  { at: "model.type",                               to: "WordPiece",                  part: /^model\.type$/,       reason: /not BPE/ },
  { at: "model.type",                               to: "x".repeat(1e5),              part: /^model\.type$/ },
  { at: "model.dropout",                            to: 0.1,                          part: /^model\.dropout$/ },
  { at: "model.dropout",                            to: -1,                           part: /^model\.dropout$/ },
  { at: "model.dropout",                            to: "0",                          part: /^model\.dropout$/ },
  { at: "model.continuing_subword_prefix",          to: "##",                         part: /subword_prefix$/ },
  { at: "model.end_of_word_suffix",                 to: "</w>",                       part: /word_suffix$/ },
  { at: "model.end_of_word_suffix",                 to: 1,                            part: /word_suffix$/ },
  { at: "model.ignore_merges",                      to: "yes",                        part: /ignore_merges$/ },
  { at: "model.vocab",                              to: undefined,                    part: /^model\.vocab$/ },
  { at: "model.vocab",                              to: [],                           part: /^model\.vocab$/ },
  { at: "model.vocab",                              to: {},                           part: /^model\.vocab$/,      reason: /0x00/ },
  { at: "model.vocab.a",                            to: undefined,                    part: /^model\.vocab$/,      reason: /0x61/ },
  { at: "model.vocab.a",                            to: -1,                           part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: 1.5,                          part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: "66",                         part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: null,                         part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: 1e300,                        part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: 2 ** 53,                      part: /^model\.vocab\.a$/ },
  { at: "model.vocab.a",                            to: 2 ** 31,                      part: /^model\.vocab\.a$/,   reason: /too many/ },
  { at: "model.vocab.a",                            to: 70_000,                       part: /^model\.vocab\.a$/,   reason: /too many/ },
  { at: "model.vocab.a",                            to: 67,                           part: /^model\.vocab\./,     reason: /another/ },
  { at: "model.vocab.zzzz",                         to: 613,                          part: /^added_tokens/,       reason: /another/ },
  { at: "model.merges",                             to: undefined,                    part: /^model\.merges$/ },
  { at: "model.merges",                             to: {},                           part: /^model\.merges$/ },
  { at: "model.merges",                             to: "a b",                        part: /^model\.merges$/ },
  { at: "model.merges.3",                           to: null,                         part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: ["a"],                        part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: ["a", "b", "c"],              part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: ["a", 7],                     part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: "ab",                         part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: "a b c",                      part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: " a",                         part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: "a ",                         part: /^model\.merges\[3\]$/ },
  { at: "model.merges.3",                           to: ["", "a"],                    part: /^model\.merges\[3\]$/, reason: /vocabulary/ },
  { at: "model.merges.3",                           to: ["q", "zz"],                  part: /^model\.merges\[3\]$/, reason: /vocabulary/ },
  { at: "model.merges.3",                           to: ["q", "z"],                   part: /^model\.merges\[3\]$/, reason: /vocabulary/ },
  { at: "model.merges.3",                           to: ["x".repeat(1e6), "y"],       part: /^model\.merges\[3\]$/, reason: /vocabulary/ },
  { at: "added_tokens",                             to: {},                           part: /^added_tokens$/ },
  { at: "added_tokens.0",                           to: 5,                            part: /^added_tokens\[0\]$/ },
  { at: "added_tokens.0.id",                        to: undefined,                    part: /^added_tokens\[0\]\.id$/ },
  { at: "added_tokens.0.id",                        to: -1,                           part: /^added_tokens\[0\]\.id$/ },
  { at: "added_tokens.0.id",                        to: 0.5,                          part: /^added_tokens\[0\]\.id$/ },
  { at: "added_tokens.0.id",                        to: 4e9,                          part: /^added_tokens\[0\]\.id$/ },
  { at: "added_tokens.0.id",                        to: 5,                            part: /^added_tokens\[0\]$/,  reason: /16 in the vocabulary/ },
  { at: "added_tokens.3.id",                        to: 3_000_000,                    part: /^added_tokens/,        reason: /too many/ },
  { at: "added_tokens.3.id",                        to: 5,                            part: /^added_tokens/,        reason: /another/ },
  { at: "added_tokens.3.content",                   to: "",                           part: /content$/,             reason: /empty/ },
  { at: "added_tokens.3.content",                   to: 1,                            part: /content$/ },
  { at: "added_tokens.3.content",                   to: "<mask>",                     part: /^added_tokens\[3\]$/,  reason: /repeats/ },
  { at: "added_tokens.3.special",                   to: 1,                            part: /special$/ },
  { at: "added_tokens.3.lstrip",                    to: "true",                       part: /lstrip$/ },
  { at: "added_tokens.3.rstrip",                    to: {},                           part: /rstrip$/ },
  { at: "added_tokens.3.single_word",               to: [],                           part: /single_word$/ },
  { at: "added_tokens.3.normalized",                to: 0,                            part: /normalized$/ },
  { at: "added_tokens",                             to: [TOKEN, { ...TOKEN, content: "<y>" }], part: /^added_tokens/, reason: /another/ },
  { at: "normalizer",                               to: { type: "NFKC" },             part: /^normalizer\.type$/,   reason: /not NFC/ },
  { at: "normalizer",                               to: { type: "Sequence" },         part: /^normalizer\.normalizers$/ },
  { at: "normalizer",                               to: "NFC",                        part: /^normalizer$/ },
  { at: "pre_tokenizer",                            to: null,                         part: /^pre_tokenizer$/ },
  { at: "pre_tokenizer",                            to: { type: "ByteLevel" },        part: /^pre_tokenizer$/ },
  { at: "pre_tokenizer.type",                       to: "Whitespace",                 part: /^pre_tokenizer$/ },
  { at: "pre_tokenizer.pretokenizers.2",            to: { type: "Digits" },           part: /^pre_tokenizer$/ },
  { at: "pre_tokenizer.pretokenizers.0.type",       to: "Punctuation",                part: /\[0\]\.type$/ },
  { at: "pre_tokenizer.pretokenizers.0.behavior",   to: "Removed",                    part: /behavior$/ },
  { at: "pre_tokenizer.pretokenizers.0.invert",     to: true,                         part: /invert$/ },
  { at: "pre_tokenizer.pretokenizers.0.pattern",    to: { String: " " },              part: /pattern\.Regex$/ },
  { at: "pre_tokenizer.pretokenizers.0.pattern.Regex", to: "(a+)+$",                  part: /pattern\.Regex$/,      reason: /Llama 3/ },
  { at: "pre_tokenizer.pretokenizers.1.add_prefix_space", to: true,                   part: /add_prefix_space$/ },
  { at: "pre_tokenizer.pretokenizers.1.use_regex",  to: undefined,                    part: /use_regex$/ },
  { at: "decoder",                                  to: null,                         part: /^decoder$/ },
  { at: "decoder",                                  to: { type: "WordPiece" },        part: /^decoder\.type$/ },
  { at: "post_processor",                           to: { type: "BertProcessing" },   part: /^post_processor\.type$/ },
  { at: "post_processor.single",                    to: null,                         part: /^post_processor\.single$/ },
  { at: "post_processor.single",                    to: [],                           part: /^post_processor\.single$/, reason: /no place/ },
  { at: "post_processor.single.0",                  to: { Sequence: { id: "B" } },    part: /Sequence\.id$/ },
  { at: "post_processor.single.0",                  to: { Sequence: { id: "A" } },    part: /single\[1\]$/,         reason: /second time/ },
  { at: "post_processor.single.0",                  to: { SpecialToken: { id: "?" } }, part: /special_tokens\.\?/ },
  { at: "post_processor.special_tokens",            to: undefined,                    part: /special_tokens/ },
  { at: "post_processor.special_tokens.<mask>.ids.0", to: -3,                         part: /ids\[0\]$/ },
  { at: "post_processor.special_tokens.<mask>.ids.0", to: 5000,                       part: /^post_processor$/,     reason: /5000/ },
];

/** The document with one value replaced or taken out. */
function mutated({ at, to }: Mutation): string {
  if (at === "") return JSON.stringify(to);
  const document = JSON.parse(SOURCE);
  const names = at.split(".");
  const last = names.pop()!;
  const owner = names.reduce((value, name) => value[name], document);
  if (to === undefined) delete owner[last];
  else owner[last] = to;
  return JSON.stringify(document);
}

Deno.test("constructor names file, part and reason for each wrong value of tokenizer.json", () => {
  assert(MUTATIONS.length >= 80);
  for (const mutation of MUTATIONS) {
    const { error } = tryTokenizer(mutated(mutation));
    const where = `${mutation.at} = ${JSON.stringify(mutation.to)?.slice(0, 60)}`;
    assert(error !== null, `accepted ${where}`);
    assertMatch(error.part, mutation.part, `${where}: ${error.message.slice(0, 200)}`);
    assertMatch(error.reason, mutation.reason ?? /./, where);
    assert(error.message.length < 1000, `a message of ${error.message.length}: ${where}`);
  }
});

Deno.test("constructor rejects what is no JSON or no UTF-8", () => {
  const texts = ["", "{", "nul", `${SOURCE}x`, "[".repeat(200_000), '{"model":'.repeat(50_000)];
  for (const text of texts) assertEquals(tryTokenizer(text).error?.part, "");
  const bytes = new TextEncoder().encode(SOURCE);
  assertEquals(tryTokenizer(bytes).error, null);
  assertMatch(tryTokenizer(bytes.with(40, 0xff)).error!.reason, /UTF-8/);
  assertMatch(tryTokenizer(new Uint8Array(100)).error!.reason, /JSON/);
  assert(tryTokenizer("[".repeat(100_000) + "]".repeat(100_000)).error !== null);
});

Deno.test("constructor survives names that objects have of their own", () => {
  const document = JSON.parse(SOURCE);
  document.model.vocab["constructor"] = 614;
  const text = JSON.stringify(document).replace('"constructor"', '"__proto__":615,"constructor"');
  const tokenizer = new Tokenizer(text);
  assertEquals([tokenizer.idOf("constructor"), tokenizer.idOf("__proto__")], [614, 615]);
  assertEquals(tokenizer.idOf("toString"), undefined);
  const added = { ...TOKEN, id: 616, content: "hasOwnProperty" };
  document.added_tokens.push(added);
  assertEquals(new Tokenizer(JSON.stringify(document)).idOf("hasOwnProperty"), 616);
});

Deno.test("constructor rejects or loads a file that is cut or changed anywhere", () => {
  const bytes = new TextEncoder().encode(SOURCE);
  for (let cut = 0; cut < bytes.length; cut += 97) {
    assert(tryTokenizer(bytes.slice(0, cut)).error !== null);
  }
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    with: fc.uint8Array({ minLength: 1, maxLength: 4 }),
    remove: fc.nat(20),
  });
  fc.assert(
    fc.property(change, ({ at, with: insert, remove }) => {
      const rest = bytes.subarray(Math.min(bytes.length, at + remove));
      tryTokenizer(new Uint8Array([...bytes.subarray(0, at), ...insert, ...rest]));
    }),
    { seed: 5, numRuns: 300 },
  );
});

Deno.test("openTokenizer() names the file of the directory that is wrong", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
    const failure = async () => {
      const error = await openTokenizer(folder).then(() => null, (error) => error);
      if (error === null) return null;
      assertInstanceOf(error, ModelFileError);
      return `${error.file.replace(`${folder}/`, "")}: ${error.part}`;
    };
    write("tokenizer.json", "{}");
    assertEquals(await failure(), "tokenizer.json: model");
    write("tokenizer.json", SOURCE);
    assertEquals(await failure(), null);
    write("tokenizer_config.json", "{]");
    assertEquals(await failure(), "tokenizer_config.json: ");
    // deno-fmt-ignore
    for (const [config, expected] of [
      ["[]",                                               "tokenizer_config.json: "],
      ['{"bos_token": 7}',                                 "tokenizer_config.json: bos_token"],
      ['{"eos_token": {"text": "a"}}',                     "tokenizer_config.json: eos_token.content"],
      ['{"chat_template": 5}',                             "tokenizer_config.json: chat_template"],
      ['{"chat_template": "{% if %}"}',                    "tokenizer_config.json, chat_template: "],
      ['{"chat_template": [{"name": "a"}]}',               "tokenizer_config.json: chat_template[0].template"],
      ['{"clean_up_tokenization_spaces": "no"}',           "tokenizer_config.json: clean_up_tokenization_spaces"],
    ] as const) {
      write("tokenizer_config.json", config);
      assertEquals(await failure(), expected);
    }
    write("tokenizer_config.json", '{"eos_token": {"content": "<sep>"}, "chat_template": "a"}');
    write("chat_template.jinja", "{{ eos_token }}{% endif %}");
    assertEquals(await failure(), "chat_template.jinja: ");
    write("chat_template.jinja", "{{ eos_token }}");
    const { chatTemplate, endId } = await openTokenizer(folder);
    assertEquals([chatTemplate?.render([]), endId], ["<sep>", 601]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
