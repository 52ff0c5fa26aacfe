// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The characters that stand for the 256 bytes in the files of byte-level tokenizers: printable
 * bytes (33-126, 161-172, 174-255) for themselves, the others by U+0100 and the following in their
 * order. GPT-2 made it so.
 */
export const BYTE_CHARACTERS: string = byteCharacters();

function byteCharacters(): string {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = byte > 0x20 && byte < 0x7f || byte > 0xa0 && byte !== 0xad;
    return String.fromCharCode(isPrintable ? byte : 0x100 + others++);
  }).join("");
}

/** Code units of the byte characters are below this. */
const UNITS_END = 0x144;

const bytesOfUnits = new Int16Array(UNITS_END).fill(-1);
for (let byte = 0; byte < 256; byte++) bytesOfUnits[BYTE_CHARACTERS.charCodeAt(byte)] = byte;

/**
 * Writes the bytes that a text of byte characters stands for at `offset` of `bytes`; returns the
 * offset behind them, or -1 when the text has another character.
 */
export function writeBytes(text: string, bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const byte = unit < UNITS_END ? bytesOfUnits[unit]! : -1;
    if (byte < 0) return -1;
    bytes[offset + i] = byte;
  }
  return offset + text.length;
}

/** The bytes that a text of byte characters stands for; undefined when it has another character. */
export function bytesOf(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  return writeBytes(text, bytes, 0) < 0 ? undefined : bytes;
}

/** The text of byte characters for bytes. */
export function byteText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += BYTE_CHARACTERS[byte];
  return text;
}
