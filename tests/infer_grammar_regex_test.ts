// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ROOT } from "../infer/grammar/grammar_node.ts";
import { Pushdown } from "../infer/grammar/pushdown.ts";
import { parseRegex } from "../infer/grammar/regex.ts";
import { AUTOMATON_STATES_MAX, RuleAutomata } from "../infer/grammar/rule_automata.ts";
import { RuleGraph } from "../infer/grammar/rule_graph.ts";
import { GrammarError } from "../infer/mod.ts";
import { utf8Ranges } from "../infer/grammar/utf8_ranges.ts";
import { grammars, randomAnswer, takes } from "./infer_grammar_walk.ts";
import { seededRandom } from "./infer_vocabulary.ts";

// Data: expressions whose language is compared with that of RegExp.
const EXPRESSIONS = [
  ..."a*b+c?  abc  (a|b)*abb  [a-c]{2}  [^a]  [^\\n]{1,2}  a{0}  a{2,}  (?:ab){1,2}c".split("  "),
  ..."\\d+  \\w\\W?  \\s*a  \\D  \\x61\\u0062\\u{63}  ^ab$  ^a|b$  a+?b*?  [a\\-c]+  [-a]+".split(
    "  ",
  ),
  ..."[\\]a]  [\\d-]+  é+  [à-ü]  [日-本]|a  \\.\\*\\[  (?<x>a)b  (a|)  [\\s\\S]  .  a.c".split(
    "  ",
  ),
  ..."(?:\\ud83d|a)\\n?  [\\ud83d\\u0041]  \\u{1F600}?a  \\ud83d\\ude00  [^\\d\\s]*  (a|b|c){2,3}?1"
    .split("  "),
];

const LETTERS = [..."abc1 -\n.[]*éü日本😀"];

for (const source of EXPRESSIONS) {
  Deno.test(`the regular expression ${source} takes what RegExp takes`, () => {
    const regexp = new RegExp(`^(?:${source})$`, "u");
    const random = seededRandom(7);
    for (let i = 0; i < 150; i++) {
      const length = Math.floor(random() * 5);
      const text = Array.from(
        { length },
        () => LETTERS[Math.floor(random() * (i % 2 === 0 ? 3 : LETTERS.length))]!,
      ).join("");
      assertEquals(takes({ regex: source }, text), regexp.test(text), JSON.stringify(text));
    }
    for (let i = 0; i < 10; i++) {
      const text = randomAnswer({ regex: source }, random);
      assertEquals(regexp.test(text), true, JSON.stringify(text));
    }
  });
}

// Data: expressions that cannot be followed, what the error names.
const REFUSED = [
  ["(?=a)b", "(?=a"],
  ["(?<!a)b", "(?<!"],
  ["(a)\\1", "\\1"],
  ["\\bword", "\\b"],
  ["\\p{L}", "\\p"],
  ["a^b", '"^" inside'],
  ["(a", "without its end"],
  ["a)", "closes nothing"],
  ["*a", '"*"'],
  ["a{3,2}", "{3,2}"],
  ["a{20000}", "10000 repetitions"],
  ["[z-a]", "range"],
  ["[a", "class without its end"],
  ["a\\", "backslash"],
  ["a{x}", '"{"'],
  ["\\01", "\\01"],
  ["\\ud83d\\u0041", "no text follows"],
  ["a\\ud83d\\n", "no text follows"],
  ["a\ud83d", "half of a surrogate pair"],
] as const;

for (const [source, what] of REFUSED) {
  Deno.test(`the regular expression ${source} is refused by name`, () => {
    assertThrows(() => grammars.matcher({ regex: source }), GrammarError, what);
  });
}

Deno.test("an expression of a million states is followed, and keeps to its bound", () => {
  const regex = "(a|b)*a(a|b){20}";
  const graph = new RuleGraph(new Map([[ROOT, parseRegex(regex)]]));
  const automata = new RuleAutomata(graph);
  const pushdown = new Pushdown(automata);
  const random = seededRandom(9);
  const bits = Array.from({ length: AUTOMATON_STATES_MAX + 2000 }, () => random() < 0.5);
  let situation = pushdown.start();
  for (const [i, isA] of bits.entries()) {
    situation = pushdown.row(situation)[isA ? 0x61 : 0x62]!;
    assertEquals(situation.mayEnd, bits[i - 20] === true);
    assert(automata.size <= AUTOMATON_STATES_MAX);
  }
});

Deno.test("utf8Ranges() has exactly the bytes of the characters of a range", () => {
  const random = seededRandom(8);
  const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x1_0000, 0x10_ffff];
  const pick = () => {
    const near = edges[Math.floor(random() * edges.length)]! + Math.floor(random() * 200 - 100);
    return Math.min(Math.max(near, 0), 0x10_ffff);
  };
  for (let i = 0; i < 300; i++) {
    const [first, last] = [pick(), pick()].sort((a, b) => a - b) as [number, number];
    const sequences = utf8Ranges([first, last]);
    for (const code of [first, last, first - 1, last + 1, pick(), pick(), pick()]) {
      if (code < 0 || code > 0x10_ffff || code >= 0xd800 && code < 0xe000) continue;
      const bytes = new TextEncoder().encode(String.fromCodePoint(code));
      const isIn = sequences.filter((ranges) =>
        ranges.length === bytes.length &&
        ranges.every(([low, high], k) => low <= bytes[k]! && bytes[k]! <= high)
      ).length;
      assertEquals(isIn, first <= code && code <= last ? 1 : 0, `${first} ${last} ${code}`);
    }
  }
});

Deno.test("bytes that are no UTF-8 are in no class", () => {
  assertEquals(takes({ regex: "[\\s\\S]+" }, Uint8Array.of(0xff)), false);
  assertEquals(takes({ regex: "[\\s\\S]+" }, Uint8Array.of(0xed, 0xa0, 0x80)), false);
  assertEquals(takes({ regex: "[\\s\\S]+" }, Uint8Array.of(0xc0, 0x80)), false);
});
