// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { ChatTemplate } from "../infer/chat/chat_template.ts";
import { openTokenizer } from "../infer/chat/open_tokenizer.ts";
import { BYTE_CHARACTERS } from "../infer/tokenizer/byte_alphabet.ts";
import { JsonNode } from "../infer/model/json_node.ts";
import { openModel } from "../infer/model/open_model.ts";
import { writeGguf } from "../infer/model/write_gguf.ts";
import { Tokenizer } from "../infer/tokenizer/tokenizer.ts";
import { fixtureText, fixtureTokenizer, templateSource } from "./infer_tokenizer_fixtures.ts";

// What PhotonInfer, from which this module grew, does to text: its tokenizer takes the longest
// token of at most 16 bytes, splits nothing beforehand and never reads tokenizer.json; its server
// ends at one id only, strips whatever stands between <| and |>, and has no chat template.

/** A tokenizer in Qwen's layout with these merges, whose results are its tokens. */
function tokenizerOf(merges: readonly [string, string][], more: readonly string[] = []): Tokenizer {
  const document = JSON.parse(fixtureText("qwen3_tokenizer.json"));
  const tokens = new Set([...BYTE_CHARACTERS, ...merges.map((pair) => pair.join("")), ...more]);
  document.model.vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  document.model.merges = merges;
  document.added_tokens = [];
  return new Tokenizer(JSON.stringify(document));
}

function piecesOf(tokenizer: Tokenizer, text: string): (string | undefined)[] {
  return [...tokenizer.encode(text)].map((id) => tokenizer.tokenOf(id));
}

Deno.test("encode() merges by rank and does not take the longest token", () => {
  const tokenizer = tokenizerOf([["b", "c"], ["a", "b"], ["bc", "d"]]);
  assertEquals(piecesOf(tokenizer, "abcd"), ["a", "bcd"]);
  assertEquals(piecesOf(tokenizer, "abd"), ["ab", "d"]);
});

Deno.test("encode() merges the leftmost of equal pairs first", () => {
  assertEquals(piecesOf(tokenizerOf([["a", "a"]]), "aaaaa"), ["aa", "aa", "a"]);
});

Deno.test("encode() finds tokens of more than 16 bytes", () => {
  const merges: [string, string][] = [];
  for (let length = 1; length < 64; length *= 2) {
    merges.push(["x".repeat(length), "x".repeat(length)]);
  }
  assertEquals(piecesOf(tokenizerOf(merges), "x".repeat(64)), ["x".repeat(64)]);
});

Deno.test("encode() splits before it merges", () => {
  const tokenizer = tokenizerOf([["o", "Ġ"], ["n", "'"], ["1", "2"]]);
  assertEquals(piecesOf(tokenizer, "o n't 12"), ["o", "Ġ", "n", "'", "t", "Ġ", "1", "2"]);
});

Deno.test("encode() takes a token that no merge makes only where merges are ignored", () => {
  const llama = fixtureTokenizer("llama3");
  assertEquals(piecesOf(llama, " Việt").length, 2);
  assertEquals(llama.tokenOf(llama.encode(" Việt")[1]!), "ĠViá»ĩt");
  assert(fixtureTokenizer("qwen3").encode(" Việt").length > 1);
});

Deno.test("encode() of a long run takes a time that grows with its length, not its square", () => {
  const tokenizer = fixtureTokenizer("llama3");
  for (const unit of ["a", " ", "ab", "\u0301", "=", "中"]) {
    const text = unit.repeat(400_000 / unit.length);
    // Its square would be hours.
    assertEquals(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true }), text);
  }
});

Deno.test("decode() leaves text between <| and |> alone unless it is a special token", () => {
  const tokenizer = fixtureTokenizer("llama3");
  const text = "if a <| b |> c: <|nothing|> <|eot_id|>";
  assertEquals(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true }), text);
  const ids = tokenizer.encode(text, { addedTokens: "all" });
  const expected = "if a <| b |> c: <|nothing|> ";
  assertEquals(tokenizer.decode(ids, { skipSpecialTokens: true }), expected);
});

Deno.test("openTokenizer() knows the token that ends an answer of an instruct model", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/tokenizer.json`, fixtureText("llama3_tokenizer.json"));
    const config = {
      "bos_token": "<|begin_of_text|>",
      "eos_token": { content: "<|eot_id|>" },
      "chat_template": [
        { name: "default", template: templateSource("llama3_2") },
        { name: "tool_use", template: "{{ eos_token }}" },
      ],
      "clean_up_tokenization_spaces": true,
    };
    await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(config));
    const opened = await openTokenizer(folder);
    assertEquals(opened.endId, opened.tokenizer.idOf("<|eot_id|>"));
    assert(opened.endId !== opened.tokenizer.idOf("<|end_of_text|>") && opened.cleanUpSpaces);
    assertEquals([...opened.chatTemplates.keys()], ["default", "tool_use"]);
    assertEquals(opened.toolTemplate!.render([]), "<|eot_id|>");
    const ids = opened.chatTemplate!.encode(opened.tokenizer, [{ role: "user", content: "Hi" }]);
    // The template writes the first token itself: it is not there twice.
    const first = opened.tokenizer.idOf("<|begin_of_text|>")!;
    assertEquals([ids[0], ids.lastIndexOf(first)], [first, 0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("encode() of a history begins with the tokens of the history before it", () => {
  const tokenizer = fixtureTokenizer("llama3");
  const template = new ChatTemplate(templateSource("llama3_2"));
  const variables = { "date_string": "26 Jul 2024" };
  const turns = ["Hi", "Hello", "How are you?", "Fine", "Good"].map((content, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content,
  }));
  let before = template.encode(tokenizer, [], { variables, addGenerationPrompt: false });
  for (let count = 1; count <= turns.length; count++) {
    const messages = turns.slice(0, count);
    const ids = template.encode(tokenizer, messages, { variables, addGenerationPrompt: false });
    assert(ids.length > before.length);
    assertEquals(ids.slice(0, before.length), before);
    before = ids;
  }
});

Deno.test("openTokenizer() reads the tokenizer of an opened GGUF file", async () => {
  const folder = new URL("fixtures/infer/models/", import.meta.url).pathname;
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    {
      using source = await openModel(`${folder}llama-tied-default`);
      // The file of its own counts for more than the template in tokenizer_config.json.
      const chatTemplate = () => Promise.resolve(new JsonNode("chat_template.jinja", "", "own"));
      await writeGguf({ ...source, chatTemplate }, path, { type: "F32" });
    }
    using source = await openModel(path);
    const { tokenizer, chatTemplate } = await openTokenizer(source);
    assertEquals(chatTemplate!.source, "own");
    const original = await openTokenizer(`${folder}llama-tied-default`);
    for (const text of ["", "Hello world 123", "é中\n\n  x"]) {
      assertEquals(tokenizer.encode(text), original.tokenizer.encode(text));
    }
  } finally {
    await Deno.remove(path);
  }
});
