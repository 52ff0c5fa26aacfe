// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { gunzipSync } from "node:zlib";

/** What is tokenized. */
export type TokenizerText = "repository" | "hostile";

const ROOT = new URL("../../", import.meta.url);
const FIXTURES = new URL("tests/fixtures/infer/", ROOT);
const FOLDER = new URL("../.build/tokenizer/", import.meta.url);

/** About how many code units a document has. */
const DOCUMENT_LENGTH = 4096;
/** Strings of the corpus that are longer are made to find quadratic algorithms. */
const HOSTILE_LENGTH_MAX = 1000;

/** Writes a `tokenizer.json` and an array of documents; returns the two paths. */
export async function writeTokenizerInput(
  layout: string,
  text: TokenizerText,
): Promise<[tokenizer: string, documents: string]> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const tokenizer = new URL(`${layout}.json`, FOLDER).pathname;
  const documents = new URL(`${text}.json`, FOLDER).pathname;
  await Deno.writeTextFile(tokenizer, JSON.stringify(largeTokenizer(layout)));
  const lines = text === "hostile" ? hostileLines() : await repositoryLines();
  await Deno.writeTextFile(documents, JSON.stringify(joined(lines)));
  return [tokenizer, documents];
}

/** The layout of a small tokenizer with a vocabulary as large as a real one's half. */
function largeTokenizer(layout: string): unknown {
  const document = JSON.parse(fixture(`${layout}_tokenizer.json.gz`));
  const small: string[] = Object.keys(document.model.vocab);
  // The trainer gives the bytes the first ids, in the order of their characters.
  const tokens = small.filter((token) => token.length === 1).toSorted();
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const pairs = new Uint16Array(new Uint8Array(fixtureBytes("large_merges.bin.gz")).buffer);
  const merges: [string, string][] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const merge: [string, string] = [tokens[pairs[i]!]!, tokens[pairs[i + 1]!]!];
    merges.push(merge);
    const token = merge.join("");
    if (ids.has(token)) continue;
    ids.set(token, tokens.length);
    tokens.push(token);
  }
  document.model.vocab = Object.fromEntries(ids);
  document.model.merges = merges;
  document.added_tokens.forEach((token: { id: number }, i: number) => token.id = tokens.length + i);
  document.post_processor = null;
  return document;
}

function hostileLines(): string[] {
  const lines = fixture("tokenizer_strings.jsonl.gz").split("\n");
  return lines.map((line) => JSON.parse(line)).filter((text) => text.length <= HOSTILE_LENGTH_MAX);
}

/** Every line of the library, its tests and its documents. */
async function repositoryLines(): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of [".", "bench", "ffi", "infer/tokenizer", "io", "net", "tests", "thread"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      if (/\.(?:ts|md)$/.test(name)) paths.push(`${folder}/${name}`);
    }
  }
  const texts = paths.toSorted().map((path) => Deno.readTextFileSync(new URL(path, ROOT)));
  return texts.join("").split(/(?<=\n)/);
}

function joined(lines: readonly string[]): string[] {
  const documents: string[] = [];
  let document = "";
  for (const line of lines) {
    document += line;
    if (document.length < DOCUMENT_LENGTH) continue;
    documents.push(document);
    document = "";
  }
  return [...documents, document];
}

function fixture(name: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(fixtureBytes(name));
}

function fixtureBytes(name: string): Uint8Array {
  return gunzipSync(Deno.readFileSync(new URL(name, FIXTURES)));
}
