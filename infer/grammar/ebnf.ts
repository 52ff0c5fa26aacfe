// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  choice,
  GrammarError,
  type GrammarNode,
  type GrammarRules,
  oneOf,
  otherThan,
  repeat,
  ROOT,
  rule,
  sequence,
  text,
} from "./grammar_node.ts";
import { parseRegex, REPETITIONS_MAX } from "./regex.ts";

/** Deepest groups. */
const GROUPS_MAX = 200;

/**
 * A grammar in the notation of llama.cpp's GBNF: `name ::= "text" [a-z]+ ( other | name )? # why`.
 * Texts stand in double or single quotes, classes are those of regular expressions, a full stop is
 * any character, line ends too, and `{m,n}` counts.
 * A rule goes on until the next `name ::=`. The answer follows `root`, or else the first rule.
 *
 * @throws {GrammarError} that names the line
 */
export function parseEbnf(source: string): GrammarRules {
  return new EbnfParser(source).parse();
}

interface Symbol {
  readonly kind: "name" | "text" | "class" | "count" | "mark";
  readonly text: string;
  readonly line: number;
}

// Data: the symbols of the notation.
const SYMBOLS = [
  ["blank", /[ \t\r\n]+|#[^\n]*/y],
  ["name", /\w[\w-]*/y],
  ["text", /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y],
  ["class", /\[(?:[^\]\\\n]|\\.)*\]/y],
  ["count", /\{\s*\d+\s*(?:,\s*\d*\s*)?\}/y],
  ["mark", /::=|[|()*+?.]/y],
] as const;

// Data: what quantifiers mean.
const QUANTIFIERS: Record<string, readonly [least: number, most: number]> = {
  "*": [0, Infinity],
  "+": [1, Infinity],
  "?": [0, 1],
};

class EbnfParser {
  readonly #symbols: readonly Symbol[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#symbols = symbolsOf(source);
  }

  parse(): GrammarRules {
    const rules = new Map<string, GrammarNode>();
    while (this.#next !== undefined) {
      const { kind, text: name } = this.#next;
      if (kind !== "name" || !this.#isDefinition) this.#fail("Cannot find a rule");
      if (rules.has(name)) this.#fail(`Cannot define the rule ${name} again`);
      this.#at += 2;
      rules.set(name, this.#alternatives());
    }
    const [first] = rules.keys();
    if (first === undefined) throw new GrammarError("Cannot follow a grammar without rules");
    if (!rules.has(ROOT)) rules.set(ROOT, rule(first));
    return rules;
  }

  get #next(): Symbol | undefined {
    return this.#symbols[this.#at];
  }

  get #isDefinition(): boolean {
    return this.#symbols[this.#at + 1]?.text === "::=" && this.#next?.kind === "name";
  }

  #takeMark(mark: string): boolean {
    if (this.#next?.kind !== "mark" || this.#next.text !== mark) return false;
    this.#at++;
    return true;
  }

  #alternatives(): GrammarNode {
    const options = [this.#sequence()];
    while (this.#takeMark("|")) options.push(this.#sequence());
    return choice(...options);
  }

  #sequence(): GrammarNode {
    const parts: GrammarNode[] = [];
    for (let atom = this.#atom(); atom !== undefined; atom = this.#atom()) {
      parts.push(this.#quantified(atom));
    }
    return sequence(...parts);
  }

  #atom(): GrammarNode | undefined {
    const next = this.#next;
    if (next === undefined || this.#isDefinition) return undefined;
    if (this.#takeMark("(")) return this.#group();
    if (this.#takeMark(".")) return oneOf(...otherThan([]));
    if (next.kind === "mark" || next.kind === "count") return undefined;
    this.#at++;
    switch (next.kind) {
      case "text":
        return quoted(next);
      case "class":
        return characterClass(next);
      case "name":
        return rule(next.text);
    }
  }

  #group(): GrammarNode {
    if (++this.#depth > GROUPS_MAX) this.#fail(`Cannot follow groups over ${GROUPS_MAX} deep`);
    const node = this.#alternatives();
    if (!this.#takeMark(")")) this.#fail("Cannot find the end of a group");
    this.#depth--;
    return node;
  }

  #quantified(atom: GrammarNode): GrammarNode {
    for (;;) {
      const { kind, text: symbol } = this.#next ?? { kind: "name", text: "" };
      const bounds = kind === "mark"
        ? QUANTIFIERS[symbol]
        : kind === "count"
        ? count(symbol)
        : null;
      if (!bounds) return atom;
      const [least, most] = bounds;
      const isInside = least <= most && least <= REPETITIONS_MAX &&
        (most === Infinity || most <= REPETITIONS_MAX);
      if (!isInside) this.#fail(`Cannot repeat ${symbol}`);
      this.#at++;
      atom = repeat(atom, least, most);
    }
  }

  #fail(what: string): never {
    const { line, text: symbol } = this.#next ?? this.#symbols.at(-1)!;
    throw new GrammarError(`${what} at "${symbol}" in line ${line} of the grammar`);
  }
}

function symbolsOf(source: string): Symbol[] {
  const symbols: Symbol[] = [];
  let line = 1;
  for (let at = 0; at < source.length;) {
    const found = SYMBOLS.find(([, pattern]) => {
      pattern.lastIndex = at;
      return pattern.test(source);
    });
    if (found === undefined) {
      throw new GrammarError(`Cannot read "${source[at]}" in line ${line} of the grammar`);
    }
    const [kind, pattern] = found;
    const symbol = source.slice(at, pattern.lastIndex);
    if (kind !== "blank") symbols.push({ kind, text: symbol, line });
    line += symbol.split("\n").length - 1;
    at = pattern.lastIndex;
  }
  return symbols;
}

// Data: escapes of texts that stand for one character each.
const ESCAPES: Record<string, string> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  '"': '"',
  "'": "'",
  "[": "[",
  "]": "]",
};

function quoted({ text: symbol, line }: Symbol): GrammarNode {
  const escape = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/g;
  return text(
    symbol.slice(1, -1).replace(escape, (all, x, u, long, letter) => {
      const code = parseInt(x ?? u ?? long, 16);
      const character = letter === undefined
        ? code <= 0x10_ffff ? String.fromCodePoint(code) : undefined
        : ESCAPES[letter];
      if (character !== undefined) return character;
      throw new GrammarError(`Cannot read "${all}" in line ${line} of the grammar`);
    }),
  );
}

/** A class is one of a regular expression, but for an escape of eight digits. */
function characterClass({ text: symbol, line }: Symbol): GrammarNode {
  const source = symbol.replace(
    /\\(?:U00([\da-fA-F]{6})|[^U])/g,
    (all, code) => code === undefined ? all : `\\u{${code}}`,
  );
  try {
    return parseRegex(source);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw new GrammarError(`${error.message}, line ${line} of the grammar`);
  }
}

function count(symbol: string): readonly [least: number, most: number] {
  const [least, most] = symbol.slice(1, -1).split(",").map((part) => part.trim());
  if (most === undefined) return [Number(least), Number(least)];
  return [Number(least), most === "" ? Infinity : Number(most)];
}
