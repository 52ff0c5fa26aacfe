// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  choice,
  type CodePointRange,
  type GrammarNode,
  oneOf,
  optional,
  otherThan,
  repeat,
  rule,
  sequence,
  text,
} from "./grammar_node.ts";

/** Most blanks by which a line is indented. */
const INDENT_MAX = 24;

const digit = oneOf("09");
const hexDigit = oneOf("09", "af", "AF");

/** Between brackets and members: nothing, a blank, or a line end and an indent. */
export const gap: GrammarNode = optional(
  choice(text(" "), sequence(text("\n"), repeat(text(" "), 0, INDENT_MAX))),
);

/** What stands between one element and the next. */
export const comma: GrammarNode = sequence(text(","), gap);

/** What stands in a string as it is: all but control characters, quotation marks, backslashes. */
const PLAIN = otherThan([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]);

/** A character of a string; escaped surrogates are left out, which alone are no characters. */
export const stringCharacter: GrammarNode = choice(
  oneOf(...PLAIN),
  sequence(text("\\"), oneOf('"', "\\", "/", "b", "f", "n", "r", "t")),
  sequence(
    text("\\u"),
    choice(
      sequence(oneOf("09", "ac", "ef", "AC", "EF"), hexDigit, hexDigit, hexDigit),
      sequence(oneOf("d", "D"), oneOf("07"), hexDigit, hexDigit),
    ),
  ),
);

/** Digits of a number, bounded so that an answer does not consist of them. */
const natural = choice(text("0"), sequence(oneOf("19"), repeat(digit, 0, 15)));
const fraction = sequence(text("."), repeat(digit, 1, 16));
const exponent = sequence(oneOf("e", "E"), optional(oneOf("+", "-")), repeat(digit, 1, 2));

/** Rules for the values of JSON (RFC 8259), by the names of their types; `value` is any. */
// Data: name, what follows it.
export const JSON_RULES: ReadonlyMap<string, GrammarNode> = new Map([
  ["null", text("null")],
  ["boolean", choice(text("true"), text("false"))],
  ["integer", sequence(optional(text("-")), natural)],
  ["number", sequence(optional(text("-")), natural, optional(fraction), optional(exponent))],
  ["string", quoted(repeat(stringCharacter, 0))],
  ["array", bracketed("[", rule("value"), "]")],
  ["object", bracketed("{", member(rule("string"), rule("value")), "}")],
  [
    "value",
    choice(...["null", "boolean", "number", "string", "array", "object"].map((name) => rule(name))),
  ],
]);

/** A string with this content. */
export function quoted(content: GrammarNode): GrammarNode {
  return sequence(text('"'), content, text('"'));
}

/** A key and its value. */
export function member(key: GrammarNode, value: GrammarNode): GrammarNode {
  return sequence(key, text(":"), optional(text(" ")), value);
}

/** None or more of something in brackets. */
function bracketed(open: string, element: GrammarNode, close: string): GrammarNode {
  const list = sequence(element, repeat(sequence(comma, element), 0));
  return sequence(text(open), gap, optional(sequence(list, gap)), text(close));
}

/** A grammar for the content of strings, as it is written in JSON: with escapes. */
export function escaped(node: GrammarNode): GrammarNode {
  switch (node.kind) {
    case "text":
      return text(JSON.stringify(node.text).slice(1, -1));
    case "class":
      return choice(
        oneOf(...node.ranges.flatMap(plainPart)),
        ...MUST_ESCAPE.filter((code) => isIn(node.ranges, code))
          .map((code) => text(JSON.stringify(String.fromCharCode(code)).slice(1, -1))),
      );
    case "sequence":
      return sequence(...node.parts.map(escaped));
    case "choice":
      return choice(...node.options.map(escaped));
    case "repeat":
      return repeat(escaped(node.node), node.least, node.most);
    case "rule":
      return node;
  }
}

const MUST_ESCAPE = [...Array.from({ length: 32 }, (_, code) => code), 0x22, 0x5c];

function isIn(ranges: readonly CodePointRange[], code: number): boolean {
  return ranges.some(([first, last]) => first <= code && code <= last);
}

/** What of a range stands in a string as it is. */
function plainPart([first, last]: CodePointRange): CodePointRange[] {
  return PLAIN
    .map(([low, high]): CodePointRange => [Math.max(first, low), Math.min(last, high)])
    .filter(([low, high]) => low <= high);
}
