// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Code points from the first to the second, both among them. */
export type CodePointRange = readonly [first: number, last: number];

/** What a text must look like: the tree that regular expressions, schemas and grammars become. */
export type GrammarNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "class"; readonly ranges: readonly CodePointRange[] }
  | { readonly kind: "sequence"; readonly parts: readonly GrammarNode[] }
  | { readonly kind: "choice"; readonly options: readonly GrammarNode[] }
  | {
    readonly kind: "repeat";
    readonly node: GrammarNode;
    readonly least: number;
    readonly most: number;
  }
  | { readonly kind: "rule"; readonly name: string };

/** Rules that may name each other; the text follows that named {@linkcode ROOT}. */
export type GrammarRules = ReadonlyMap<string, GrammarNode>;

/** Name of the rule that the whole text follows. */
export const ROOT = "root";

/**
 * What a grammar, a schema or a regular expression says that cannot be followed.
 *
 * @example A keyword that is not understood
 * ```ts
 * import { GrammarCompiler, GrammarError, openTokenizer } from "@photon/std/infer";
 * import { assertThrows } from "@std/assert";
 *
 * const { tokenizer } = await openTokenizer("tests/fixtures/infer/models/llama-tied-default");
 * const grammars = new GrammarCompiler(tokenizer, tokenizer.size);
 * assertThrows(() => grammars.matcher({ json: { not: {} } }), GrammarError, '"not"');
 * ```
 */
export class GrammarError extends Error {
  /** Says why. */
  constructor(message: string) {
    super(message);
    this.name = "GrammarError";
  }
}

/** Just this text. */
export function text(content: string): GrammarNode {
  return { kind: "text", text: content };
}

/** One character of these; each range is code points or a string of two characters. */
export function oneOf(...ranges: (CodePointRange | string)[]): GrammarNode {
  return { kind: "class", ranges: ranges.map(rangeOf) };
}

/** One after the other. */
export function sequence(...parts: GrammarNode[]): GrammarNode {
  return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
}

/** One of several; none of them where there are none. */
export function choice(...options: GrammarNode[]): GrammarNode {
  return options.length === 1 ? options[0]! : { kind: "choice", options };
}

/** So often. */
export function repeat(node: GrammarNode, least: number, most: number = Infinity): GrammarNode {
  return { kind: "repeat", node, least, most };
}

/** Once or not at all. */
export function optional(node: GrammarNode): GrammarNode {
  return repeat(node, 0, 1);
}

/** What a rule says. */
export function rule(name: string): GrammarNode {
  return { kind: "rule", name };
}

const CODE_POINT_MAX = 0x10_ffff;

/** All code points but these; surrogates, which are no characters, are in neither. */
export function otherThan(ranges: readonly CodePointRange[]): CodePointRange[] {
  const others: CodePointRange[] = [];
  let next = 0;
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    if (first > next) others.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= CODE_POINT_MAX) others.push([next, CODE_POINT_MAX]);
  return others;
}

function rangeOf(range: CodePointRange | string): CodePointRange {
  if (typeof range !== "string") return range;
  const [first, last = first] = [...range];
  return [first!.codePointAt(0)!, last!.codePointAt(0)!];
}
