// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { GrammarError, type GrammarNode, type GrammarRules, ROOT } from "./grammar_node.ts";
import { utf8Ranges } from "./utf8_ranges.ts";

/** Most states of a grammar: repetitions with a bound are written out. */
export const GRAMMAR_STATES_MAX = 2 ** 18;

/** Deepest nesting of groups in a grammar. */
const NESTING_MAX = 500;

/** A way from a state to another. */
export type Edge =
  | { readonly kind: "empty"; readonly target: number }
  | {
    readonly kind: "bytes";
    readonly first: number;
    readonly last: number;
    readonly target: number;
  }
  | { readonly kind: "call"; readonly rule: number; readonly target: number };

/** Where a rule begins and ends. */
export interface RuleEnds {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The rules of a grammar as a graph over bytes (Thompson's construction): each rule has a start and
 * an end, and where it names another, an edge calls it. What can come to no end is left out.
 */
export class RuleGraph {
  /** Edges of each state. */
  readonly edges: Edge[][] = [];
  /** The rules; the first is the root. */
  readonly rules: RuleEnds[] = [];
  readonly #numbers = new Map<string, number>();

  /**
   * Builds it.
   *
   * @throws {GrammarError} when a rule is missing, begins with itself, or no text follows the
   * grammar, and when it is too large
   */
  constructor(rules: GrammarRules) {
    if (!rules.has(ROOT)) throw new GrammarError(`Cannot find the rule ${ROOT}`);
    this.#number(ROOT);
    for (const name of rules.keys()) this.#number(name);
    for (const { name, start, end } of this.rules.slice()) {
      this.#build(rules.get(name)!, start, end, 0);
    }
    this.#dropDeadEnds();
    this.#refuseLeftRecursion();
  }

  #number(name: string): void {
    if (this.#numbers.has(name)) return;
    this.#numbers.set(name, this.rules.length);
    this.rules.push({ name, start: this.#state(), end: this.#state() });
  }

  #state(): number {
    if (this.edges.length >= GRAMMAR_STATES_MAX) {
      throw new GrammarError(`Cannot follow a grammar of over ${GRAMMAR_STATES_MAX} states`);
    }
    return this.edges.push([]) - 1;
  }

  #build(node: GrammarNode, from: number, to: number, depth: number): void {
    if (depth > NESTING_MAX) {
      throw new GrammarError(`Cannot follow a grammar that nests over ${NESTING_MAX} deep`);
    }
    switch (node.kind) {
      case "text":
        return this.#buildBytes(
          [...encoder.encode(node.text)].map((byte) => [byte, byte]),
          from,
          to,
        );
      case "class":
        for (const range of node.ranges) {
          for (const bytes of utf8Ranges(range)) this.#buildBytes(bytes, from, to);
        }
        return;
      case "sequence":
        return this.#buildSequence(node.parts, from, to, depth);
      case "choice":
        for (const option of node.options) this.#build(option, from, to, depth + 1);
        return;
      case "repeat":
        return this.#buildRepeat(node, from, to, depth);
      case "rule": {
        const rule = this.#numbers.get(node.name);
        if (rule === undefined) throw new GrammarError(`Cannot find the rule ${node.name}`);
        this.edges[from]!.push({ kind: "call", rule, target: to });
      }
    }
  }

  #buildBytes(bytes: readonly (readonly [number, number])[], from: number, to: number): void {
    if (bytes.length === 0) this.edges[from]!.push({ kind: "empty", target: to });
    bytes.forEach(([first, last], i) => {
      const target = i === bytes.length - 1 ? to : this.#state();
      this.edges[from]!.push({ kind: "bytes", first, last, target });
      from = target;
    });
  }

  #buildSequence(parts: readonly GrammarNode[], from: number, to: number, depth: number): void {
    for (const part of parts) {
      const next = this.#state();
      this.#build(part, from, next, depth + 1);
      from = next;
    }
    this.edges[from]!.push({ kind: "empty", target: to });
  }

  #buildRepeat(
    { node, least, most }: GrammarNode & { kind: "repeat" },
    from: number,
    to: number,
    depth: number,
  ): void {
    for (let i = 0; i < least; i++) {
      const next = this.#state();
      this.#build(node, from, next, depth + 1);
      from = next;
    }
    if (most === Infinity) {
      // Two states, so that a way back cannot be taken into another part that shares one.
      const [loop, body] = [this.#state(), this.#state()];
      this.edges[from]!.push({ kind: "empty", target: loop });
      this.#build(node, loop, body, depth + 1);
      this.edges[body]!.push({ kind: "empty", target: loop });
      from = loop;
    }
    for (let i = least; i < most && most !== Infinity; i++) {
      const next = this.#state();
      this.edges[from]!.push({ kind: "empty", target: to });
      this.#build(node, from, next, depth + 1);
      from = next;
    }
    this.edges[from]!.push({ kind: "empty", target: to });
  }

  /** Takes out all edges after which no text ends, so that who follows the graph is never stuck. */
  #dropDeadEnds(): void {
    const lives = new Uint8Array(this.edges.length);
    for (const { end } of this.rules) lives[end] = 1;
    const leads = (edge: Edge) =>
      lives[edge.target] === 1 &&
      (edge.kind !== "call" || lives[this.rules[edge.rule]!.start] === 1);
    for (let hasChanged = true; hasChanged;) {
      hasChanged = false;
      for (let state = this.edges.length - 1; state >= 0; state--) {
        if (lives[state] === 1 || !this.edges[state]!.some(leads)) continue;
        lives[state] = 1;
        hasChanged = true;
      }
    }
    if (lives[this.rules[0]!.start] === 0) {
      throw new GrammarError("Cannot follow a grammar that no text follows");
    }
    this.edges.forEach((edges, state) => this.edges[state] = edges.filter(leads));
  }

  /** A rule that calls itself before any byte would be called without end. */
  #refuseLeftRecursion(): void {
    const isEmpty = this.#emptyRules();
    const done = new Set<number>();
    const visit = (rule: number, trail: readonly number[]) => {
      if (trail.includes(rule)) {
        throw new GrammarError(
          `Cannot follow the rule ${this.rules[rule]!.name}: it begins with itself`,
        );
      }
      if (done.has(rule)) return;
      for (const called of this.#firstCalls(rule, isEmpty)) visit(called, [...trail, rule]);
      done.add(rule);
    };
    for (const rule of this.rules.keys()) visit(rule, []);
  }

  /** Rules that the empty text follows. */
  #emptyRules(): Set<number> {
    const empty = new Set<number>();
    for (let size = -1; size !== empty.size;) {
      size = empty.size;
      this.rules.forEach(({ start, end }, rule) => {
        if (this.#reachedEmpty(start, empty).has(end)) empty.add(rule);
      });
    }
    return empty;
  }

  /** States that are reached from one without a byte. */
  #reachedEmpty(start: number, empty: ReadonlySet<number>): Set<number> {
    const reached = new Set([start]);
    for (const state of reached) {
      for (const edge of this.edges[state]!) {
        const isPassed = edge.kind === "empty" || edge.kind === "call" && empty.has(edge.rule);
        if (isPassed) reached.add(edge.target);
      }
    }
    return reached;
  }

  #firstCalls(rule: number, empty: ReadonlySet<number>): Set<number> {
    const called = new Set<number>();
    for (const state of this.#reachedEmpty(this.rules[rule]!.start, empty)) {
      for (const edge of this.edges[state]!) if (edge.kind === "call") called.add(edge.rule);
    }
    return called;
  }
}

const encoder = new TextEncoder();
