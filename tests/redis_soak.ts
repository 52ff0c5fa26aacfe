// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { ProtocolError } from "../redis/redis_error.ts";
import { INCOMPLETE, ReplyDecoder } from "../redis/reply_decoder.ts";

const FUZZED_REPLIES = 1_000_000;
const RESIDENT_GROWTH_BYTES_MAX = 256 * 1024 * 1024;

// What the mutations start from: every type once.
const SEEDS = [
  ...["+OK\r\n", "-ERR a\r\n", ":12\r\n", "$3\r\nabc\r\n", "*2\r\n:1\r\n$1\r\na\r\n", "_\r\n"],
  ...["%1\r\n+a\r\n:1\r\n", "~1\r\n+a\r\n", ",1.5\r\n", "(123\r\n", "#t\r\n", "!3\r\nERR\r\n"],
  ...["=5\r\ntxt:a\r\n", ">1\r\n+a\r\n", "|1\r\n+a\r\n:1\r\n+b\r\n", "$?\r\n;1\r\na\r\n;0\r\n"],
  ...["*?\r\n:1\r\n.\r\n", "%?\r\n+a\r\n:1\r\n.\r\n", "$-1\r\n", "*-1\r\n", "$300\r\n", "*9\r\n"],
].map((text) => new TextEncoder().encode(text));
const ALPHABET = new TextEncoder().encode("$*:+-_%~,#!=>|;.(?0123456789\r\nax");

Deno.test(`ReplyDecoder survives ${FUZZED_REPLIES} fuzzed replies in bounded memory`, () => {
  const random = randomNumbers(20261121);
  const before = Deno.memoryUsage().rss;
  let [whole, refused, cut] = [0, 0, 0];
  for (let i = 0; i < FUZZED_REPLIES; i++) {
    const decoder = new ReplyDecoder({ stringBytesMax: 1024 * 1024 });
    const bytes = fuzzed(random);
    const middle = random() % (bytes.length + 1);
    try {
      decoder.push(bytes.subarray(0, middle));
      drain(decoder);
      decoder.push(bytes.subarray(middle));
      if (drain(decoder)) whole++;
      else cut++;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
    }
  }
  assertEquals(whole + refused + cut, FUZZED_REPLIES);
  assertEquals([whole, refused, cut].every((count) => count > FUZZED_REPLIES / 100), true);
  assertEquals(Deno.memoryUsage().rss - before < RESIDENT_GROWTH_BYTES_MAX, true);
});

/** Takes all replies; true when nothing is left over. */
function drain(decoder: ReplyDecoder): boolean {
  while (decoder.next() !== INCOMPLETE);
  return !decoder.isInside;
}

/** One to three replies, with some bytes changed, removed or put in. */
function fuzzed(random: () => number): Uint8Array {
  const bytes: number[] = [];
  for (let n = 1 + random() % 3; n > 0; n--) bytes.push(...SEEDS[random() % SEEDS.length]!);
  for (let n = random() % 4; n > 0; n--) {
    const at = random() % (bytes.length + 1);
    const byte = random() % 4 === 0 ? random() % 256 : ALPHABET[random() % ALPHABET.length]!;
    bytes.splice(at, random() % 3, ...(random() % 2 === 0 ? [byte] : []));
  }
  return new Uint8Array(bytes);
}

/** A generator of 31-bit numbers (xorshift32), the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}
