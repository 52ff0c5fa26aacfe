// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { crc32, gunzipSync } from "node:zlib";
import { Tokenizer } from "../infer/tokenizer/tokenizer.ts";

/** The tokenizers of `fixtures/infer/make_tokenizers.py`. */
export const TOKENIZERS = ["llama3", "qwen3", "flags"] as const;
/** One of them. */
export type TokenizerName = typeof TOKENIZERS[number];

const FOLDER = new URL("fixtures/infer/", import.meta.url);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of a compressed fixture. */
export function fixtureText(name: string): string {
  return decoder.decode(gunzipSync(Deno.readFileSync(new URL(`${name}.gz`, FOLDER))));
}

/** The values of a compressed fixture with one JSON text a line. */
export function fixtureLines<T>(name: string): T[] {
  return fixtureText(name).split("\n").map((line) => JSON.parse(line));
}

const tokenizers = new Map<TokenizerName, Tokenizer>();

/** One of the tokenizers, made once. */
export function fixtureTokenizer(name: TokenizerName): Tokenizer {
  let tokenizer = tokenizers.get(name);
  if (tokenizer === undefined) {
    tokenizer = new Tokenizer(fixtureText(`${name}_tokenizer.json`));
    tokenizers.set(name, tokenizer);
  }
  return tokenizer;
}

/**
 * CRC-32 of the ids that Hugging Face gives for each string of the corpus: all added tokens
 * recognised and nothing added, or with the kind `ordinary_` special tokens as text.
 */
export function fixtureChecksums(name: TokenizerName, kind = ""): Uint32Array {
  const file = new URL(`${name}_${kind}checksums.bin`, FOLDER);
  return new Uint32Array(Deno.readFileSync(file).buffer);
}

/** The same of ours. */
export function checksumOf(ids: Uint32Array): number {
  return crc32(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
}

/** Source of a chat template of `fixtures/infer/make_chats.py`. */
export function templateSource(name: string): string {
  return Deno.readTextFileSync(new URL(`${name}.jinja`, FOLDER));
}
