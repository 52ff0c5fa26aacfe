// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// npm's @huggingface/tokenizers in Node: path of the package, then the arguments of
// tokenizer_ours.ts.

import { readFileSync } from "node:fs";

const [path, tokenizerPath, documentsPath, seconds] = process.argv.slice(2);
const { Tokenizer } = await import(path);
const documents = JSON.parse(readFileSync(documentsPath, "utf8"));
const bytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
const json = readFileSync(tokenizerPath, "utf8");

const loaded = performance.now();
const tokenizer = new Tokenizer(JSON.parse(json), {});
const load = performance.now() - loaded;

let tokens = 0;
const first = pass();
console.log("measuring");
const rates = [];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) rates.push(pass());
rates.sort((a, b) => a - b);
console.log(JSON.stringify({ rate: rates[rates.length >> 1], first, load, tokens }));

function pass() {
  const start = performance.now();
  tokens = 0;
  for (const text of documents) {
    tokens += tokenizer.encode(text, { add_special_tokens: false }).ids.length;
  }
  return bytes / 1000 / (performance.now() - start);
}
