// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nfc } from "../infer/tokenizer/nfc.ts";

// Marks of many combining classes, some of which decompose, compose or do not move; all of them
// older than the tables of Hugging Face.
const MARKS = [
  ...["\u0300", "\u0301", "\u0308", "\u0344", "\u0345", "\u034f", "\u0316", "\u0323", "\u0327"],
  ...["\u0334", "\u0338", "\u031b", "\u035c", "\u0360", "\u0488", "\u0591", "\u05b0", "\u05bf"],
  ...["\u064b", "\u0670", "\u093c", "\u094d", "\u0e38", "\u0f71", "\u0f72", "\u0f73", "\u0f81"],
  ...["\u1039", "\u20d0", "\u20dd", "\u302a", "\u3099", "\ufb1e", "\u{1d165}", "\u{1d16d}"],
];

Deno.test("nfc() of long rows of marks is what String.normalize makes of them", () => {
  const row = fc.array(fc.constantFrom(...MARKS, "\u0301", "\u0323"), {
    minLength: 60,
    maxLength: 150,
  });
  const text = fc.tuple(fc.constantFrom("a", "\u0041", "\u00e2", "か", "\u1100", "", "\n"), row)
    .map(([base, marks]) => `x${base}${marks.join("")}y`);
  fc.assert(
    fc.property(text, (text) => assertEquals(nfc(text), text.normalize("NFC"))),
    { seed: 7, numRuns: 400 },
  );
});

Deno.test("nfc() does not take the square of a row of marks in time", () => {
  const text = "a" + "\u0301\u0323".repeat(500_000);
  const expected = "\u1ea1" + "\u0323".repeat(499_999) + "\u0301".repeat(500_000);
  if (nfc(text) !== expected) throw new Error("Cannot find the marks in order");
});

Deno.test("nfc() moves nothing across a mark that Hugging Face does not know", () => {
  assertEquals(nfc("a\u0301\u{11070}\u0323"), "\u00e1\u{11070}\u0323");
  assertEquals(nfc("\u{105d2}\u0307"), "\u{105d2}\u0307");
  assertEquals(nfc("a\u0301\u1ac0\u0323"), "\u00e1\u1ac0\u0323");
});
