// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Data: what Hugging Face transformers replaces, one after the other, in decoded text when
// `clean_up_tokenization_spaces` is set.
// deno-fmt-ignore
const REPLACEMENTS = [
  [" .",   "."],
  [" ?",   "?"],
  [" !",   "!"],
  [" ,",   ","],
  [" ' ",  "'"],
  [" n't", "n't"],
  [" 'm",  "'m"],
  [" 's",  "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

/** Takes out the blanks before English punctuation and contractions. */
export function cleanUpSpaces(text: string): string {
  return REPLACEMENTS.reduce((text, [found, instead]) => text.replaceAll(found, instead), text);
}
