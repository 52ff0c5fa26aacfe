// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `tokenizer_ours.ts TOKENIZER DOCUMENTS SECONDS`: a load that measures itself.

import { Tokenizer } from "../../infer/mod.ts";

const [tokenizerPath, documentsPath, seconds] = Deno.args;
const documents: string[] = JSON.parse(Deno.readTextFileSync(documentsPath!));
const bytes = documents.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
const json = Deno.readTextFileSync(tokenizerPath!);

const loaded = performance.now();
const tokenizer = new Tokenizer(json);
const load = performance.now() - loaded;

let tokens = 0;
const first = pass();
console.log("measuring");
const rates: number[] = [];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) rates.push(pass());
rates.sort((a, b) => a - b);
console.log(JSON.stringify({ rate: rates[rates.length >> 1], first, load, tokens }));

/** Megabytes a second of one time through. */
function pass(): number {
  const start = performance.now();
  tokens = 0;
  for (const text of documents) {
    tokens += tokenizer.encode(text, { addSpecialTokens: false, addedTokens: "all" }).length;
  }
  return bytes / 1000 / (performance.now() - start);
}
