// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { GrammarError } from "../infer/mod.ts";
import { grammars, takes } from "./infer_grammar_walk.ts";

const LIST = `# A list in brackets, over several lines.
root  ::= "[" (item ("," " "? item)*)? "]"
item  ::= name | number
        | root
name  ::= [a-z_] [a-z0-9_]{0,3} # four letters at most
number ::= "-"? ("0" | [1-9] [0-9]*)
`;

// Data: grammar, texts that follow it, texts that do not.
const CASES: [string, string[], string[]][] = [
  [LIST, ["[]", "[a]", "[a, 12,[b],-0]", "[abcd,[[]]]"], ["", "[", "[abcde]", "[01]", "[a,]"]],
  [`root ::= "a\\n\\x62\\u00e9\\\\" 'it"s'`, [`a\nbé\\it"s`], ["a"]],
  ["start ::= [^a-z]+ .", ["1\u00e9", "AB", "A\n"], ["a", "A"]],
  [`root ::= "\\U0001F600" '\\u00E9'`, ["\u{1f600}\u00e9"], ["\x01F600\u00e9"]],
  [`root ::= "\\[" [\\[\\]x] "\\]"`, ["[]]", "[x]"], ["\\[x\\]"]],
  ["root ::= [\\U0001F600-\\U0001F64F\\\\U]+", ["\u{1f601}\\U"], ["u", "0"]],
  ["root ::= 1st-rule\n1st-rule ::= 'a'", ["a"], [""]],
  ["root ::= ( 'a' | ) 'b'", ["ab", "b"], ["a", ""]],
  ["root ::= x{2} | y{1,}\nx ::= 'x'\ny ::= 'y'", [
    "xx",
    "yyy",
  ], ["x", "xy"]],
  ["root ::= a\na ::= 'x' a 'y' | 'xy'", ["xy", "xxyy", "xxxyyy"], ["xxy", "xyy", ""]],
  ["root ::= word ' ' word\nword ::= [a-b]+", ["a b", "ab ba"], ["a", "a ", "c a"]],
];

for (const [grammar, follow, others] of CASES) {
  Deno.test(`${JSON.stringify(grammar).slice(0, 60)} takes its texts and no others`, () => {
    for (const text of follow) assertEquals(takes({ grammar }, text), true, text);
    for (const text of others) assertEquals(takes({ grammar }, text), false, text);
  });
}

// Data: grammars that cannot be followed, what the error names.
const REFUSED = [
  ["", "without rules"],
  ["root ::= other", "rule other"],
  ["root ::= 'a'\nroot ::= 'b'", "root again"],
  ["root ::= root 'a' | 'b'", "root: it begins with itself"],
  ["root ::= a 'x' | 'y'\na ::= b?\nb ::= root", "begins with itself"],
  ["root ::= 'a' root", "no text follows"],
  ["root ::= ('a'", "end of a group"],
  ["root ::= 'a' )", '")"'],
  ["root ::= 'a\n", "line 1"],
  ["root ::= 'a'\n\n&", "line 3"],
  ["root ::= 'a'{5,2}", "{5,2}"],
  ["root ::= 'a'{99999}", "{99999}"],
  ["'a' ::= 'b'", "find a rule"],
  ["root ::= 'x'\na ::= [b-a]", "line 2"],
  ["root ::= [b-a]", "range of a class"],
  ["root ::= [\\U01234567]", "\\U"],
  ["root ::= '\\ud83d'", "half of a surrogate pair"],
  ["root ::= '\\q'", "\\q"],
] as const;

for (const [grammar, what] of REFUSED) {
  Deno.test(`the grammar ${JSON.stringify(grammar)} is refused: ${what}`, () => {
    assertThrows(() => grammars.matcher({ grammar }), GrammarError, what);
  });
}

Deno.test("a grammar of too many states is refused", () => {
  const grammar = "root ::= a{9999}\na ::= 'x'\nb ::= (a{9999}){9999}";
  assertThrows(() => grammars.matcher({ grammar }), GrammarError, "states");
});

Deno.test("choices take just their texts, one that begins another too", () => {
  const output = { choice: ["yes", "yesterday", "no", "日本"] };
  for (const text of output.choice) assertEquals(takes(output, text), true);
  for (const text of ["", "ye", "yest", "nono"]) assertEquals(takes(output, text), false);
  assertThrows(() => grammars.matcher({ choice: [] }), GrammarError, "nothing");
  assertThrows(() => grammars.matcher({ choice: ["\ud83d"] }), GrammarError, "surrogate");
});
