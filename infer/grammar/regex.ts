// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  choice,
  type CodePointRange,
  GrammarError,
  type GrammarNode,
  oneOf,
  otherThan,
  repeat,
  sequence,
  text,
} from "./grammar_node.ts";

/** Most repetitions that a regular expression may ask for. */
export const REPETITIONS_MAX = 10_000;

/** Deepest groups. */
const GROUPS_MAX = 200;

/**
 * A regular expression of JavaScript (with the flag `u`) as a grammar: literals, classes, groups,
 * alternatives and quantifiers; `^` and `$` where an alternative of the whole begins and ends.
 *
 * @param isSearch whether a text follows it that has a match anywhere, as `pattern` in a schema;
 * else the whole text must match
 * @throws {GrammarError} that names what cannot be followed: look-around, back references, word
 * boundaries, Unicode properties
 */
export function parseRegex(source: string, isSearch = false): GrammarNode {
  const parser = new RegexParser(source);
  const alternatives = parser.alternatives(true).map(({ node, hasStart, hasEnd }) => {
    if (!isSearch) return node;
    return sequence(...(hasStart ? [] : [ANYTHING]), node, ...(hasEnd ? [] : [ANYTHING]));
  });
  parser.expectEnd();
  return choice(...alternatives);
}

interface Alternative {
  readonly node: GrammarNode;
  readonly hasStart: boolean;
  readonly hasEnd: boolean;
}

// Data: classes by the letter that follows the backslash.
// deno-fmt-ignore
const CLASSES: Record<string, readonly CodePointRange[]> = {
  d: [[0x30, 0x39]],
  w: [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]],
  s: [[0x09, 0x0d], [0x20, 0x20], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a],
      [0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff]],
};

// Data: control characters by the letter that follows the backslash.
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11, 0: 0 };

/** What a full stop does not match. */
const LINE_ENDS: readonly CodePointRange[] = [[10, 10], [13, 13], [0x2028, 0x2029]];

const ANYTHING = repeat(oneOf([0, 0x10_ffff]), 0);

class RegexParser {
  readonly #source: string;
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#characters = [...source];
  }

  alternatives(isWhole: boolean): Alternative[] {
    const found = [this.#alternative(isWhole)];
    while (this.#take("|")) found.push(this.#alternative(isWhole));
    return found;
  }

  expectEnd(): void {
    if (this.#at < this.#characters.length) this.#fail(`"${this.#next}" closes nothing`);
  }

  get #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }

  #alternative(isWhole: boolean): Alternative {
    const hasStart = isWhole && this.#take("^");
    const parts: GrammarNode[] = [];
    while (this.#next !== undefined && this.#next !== "|" && this.#next !== ")") {
      const following = this.#characters[this.#at + 1];
      if (isWhole && this.#next === "$" && (following === undefined || following === "|")) {
        this.#at++;
        return { node: sequence(...parts), hasStart, hasEnd: true };
      }
      parts.push(this.#quantified(this.#atom()));
    }
    return { node: sequence(...parts), hasStart, hasEnd: false };
  }

  #atom(): GrammarNode {
    const character = this.#characters[this.#at++]!;
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return oneOf(...this.#class());
      case ".":
        return oneOf(...otherThan(LINE_ENDS));
      case "\\":
        return oneOf(...this.#escape());
      case "^":
      case "$":
        return this.#fail(`"${character}" inside`);
      case "*":
      case "+":
      case "?":
      case "{":
      case "}":
      case "]":
        return this.#fail(`"${character}" without what it is for`);
      default:
        return text(character);
    }
  }

  #group(): GrammarNode {
    if (++this.#depth > GROUPS_MAX) this.#fail(`groups over ${GROUPS_MAX} deep`);
    if (this.#take("?")) {
      const rest = this.#characters.slice(this.#at).join("");
      const name = /^<[A-Za-z_$][\w$]*>/.exec(rest)?.[0];
      if (name) this.#at += name.length;
      else if (!this.#take(":")) this.#fail(`the group (?${rest.slice(0, 2)}`);
    }
    const nodes = this.alternatives(false).map(({ node }) => node);
    if (!this.#take(")")) this.#fail("a group without its end");
    this.#depth--;
    return choice(...nodes);
  }

  #quantified(atom: GrammarNode): GrammarNode {
    const bounds = this.#quantifier();
    if (bounds === undefined) return atom;
    this.#take("?"); // Lazy or not, the same texts match.
    const [least, most] = bounds;
    if (least > most) this.#fail(`{${least},${most}}`);
    if (least > REPETITIONS_MAX || most !== Infinity && most > REPETITIONS_MAX) {
      this.#fail(`over ${REPETITIONS_MAX} repetitions`);
    }
    return repeat(atom, least, most);
  }

  #quantifier(): [least: number, most: number] | undefined {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    if (this.#next !== "{") return undefined;
    const rest = this.#characters.slice(this.#at, this.#at + 24).join("");
    const match = /^\{(\d+)(,(\d*))?\}/.exec(rest);
    if (match === null) return this.#fail('"{" without its bounds');
    this.#at += match[0].length;
    const least = Number(match[1]);
    if (match[2] === undefined) return [least, least];
    return [least, match[3] === "" ? Infinity : Number(match[3])];
  }

  /** A class behind its opening bracket. */
  #class(): CodePointRange[] {
    const isNegated = this.#take("^");
    const ranges: CodePointRange[] = [];
    while (!this.#take("]")) {
      const from = this.#classMember();
      const isRange = this.#next === "-" && this.#characters[this.#at + 1] !== "]";
      if (!isRange) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      const to = this.#classMember();
      const [first, last] = [from[0]![0], to[0]![1]];
      const isSingle = isOne(from) && isOne(to);
      if (!isSingle || first > last) this.#fail("a range of a class");
      ranges.push([first, last]);
    }
    return isNegated ? otherThan(ranges) : ranges;
  }

  #classMember(): readonly CodePointRange[] {
    const character = this.#characters[this.#at++];
    if (character === undefined) return this.#fail("a class without its end");
    if (character !== "\\") return one(character.codePointAt(0)!);
    return this.#take("b") ? one(8) : this.#escape();
  }

  /** What follows a backslash. */
  #escape(): readonly CodePointRange[] {
    const letter = this.#characters[this.#at++];
    if (letter === undefined) return this.#fail("a backslash at the end");
    const ranges = CLASSES[letter.toLowerCase()];
    if (ranges) return letter === letter.toLowerCase() ? ranges : otherThan(ranges);
    if (letter === "0" && /^\d/.test(this.#next ?? "")) return this.#fail(`\\0${this.#next}`);
    if (CONTROLS[letter] !== undefined) return one(CONTROLS[letter]);
    if (letter === "x") return one(this.#hexadecimal(/^[\da-f]{2}/i));
    if (letter === "u") return one(this.#codePoint());
    if (/[\da-z]/i.test(letter)) return this.#fail(`\\${letter}`);
    return one(letter.codePointAt(0)!);
  }

  #codePoint(): number {
    if (this.#take("{")) {
      const value = this.#hexadecimal(/^[\da-f]{1,6}/i);
      if (!this.#take("}") || value > 0x10_ffff) this.#fail("\\u{");
      return value;
    }
    const unit = this.#hexadecimal(/^[\da-f]{4}/i);
    const rest = this.#characters.slice(this.#at, this.#at + 6).join("");
    const low = /^\\u(d[c-f][\da-f]{2})/i.exec(rest)?.[1];
    if (unit < 0xd800 || unit >= 0xdc00 || low === undefined) return unit;
    this.#at += rest.length;
    return 0x1_0000 + (unit - 0xd800) * 0x400 + (parseInt(low, 16) - 0xdc00);
  }

  #hexadecimal(digits: RegExp): number {
    const match = digits.exec(this.#characters.slice(this.#at, this.#at + 6).join(""));
    if (match === null) return this.#fail("an escape without its digits");
    this.#at += match[0].length;
    return parseInt(match[0], 16);
  }

  #fail(what: string): never {
    throw new GrammarError(`Cannot follow ${what} in the regular expression ${this.#source}`);
  }
}

function one(codePoint: number): readonly CodePointRange[] {
  return [[codePoint, codePoint]];
}

function isOne(ranges: readonly CodePointRange[]): boolean {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
}
