// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A pattern by which a tokenizer splits text before it merges bytes. */
export interface SplitPattern {
  /** Name of the pre-tokenizer in GGUF files. */
  readonly ggufName: string;
  /** Digits that stay together. */
  readonly digitsMax: number;
  /** The regular expression, as tokenizer.json has it. */
  readonly source: string;
}

/** The published patterns. */
// Data: of Llama 3 and of Qwen; they differ in the numbers.
// deno-fmt-ignore
export const SPLIT_PATTERNS = {
  llama3: {
    ggufName: "llama-bpe",
    digitsMax: 3,
    source: String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  },
  qwen: {
    ggufName: "qwen2",
    digitsMax: 1,
    source: String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  },
} as const satisfies Record<string, SplitPattern>;
