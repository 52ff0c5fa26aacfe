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
        if (!node.text.isWellFormed()) {
          const shown = JSON.stringify(node.text);
          throw new GrammarError(`Cannot follow half of a surrogate pair in ${shown}`);
        }
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
    const lives = this.#statesBeforeAnEnd(true);
    const leads = (edge: Edge) =>
      lives[edge.target] === 1 &&
      (edge.kind !== "call" || lives[this.rules[edge.rule]!.start] === 1);
    if (lives[this.rules[0]!.start] === 0) {
      throw new GrammarError("Cannot follow a grammar that no text follows");
    }
    this.edges.forEach((edges, state) => this.edges[state] = edges.filter(leads));
  }

  /**
   * The states, a 1 each, from which the end of their rule is reached, by bytes or by none. It goes
   * back from the ends; a call is passed once the start of its rule is known to be such a state.
   */
  #statesBeforeAnEnd(byBytes: boolean): Uint8Array {
    const before = this.#edgesBackwards();
    const callers: number[][] = this.rules.map(() => []);
    const ruleOfStart = new Map(this.rules.map(({ start }, rule) => [start, rule]));
    const reaches = new Uint8Array(this.edges.length);
    const todo = this.rules.map(({ end }) => end);
    for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
      if (reaches[state] === 1) continue;
      reaches[state] = 1;
      const rule = ruleOfStart.get(state);
      for (const caller of rule === undefined ? [] : callers[rule]!) todo.push(caller);
      for (const { from, edge } of before[state]!) {
        if (edge.kind === "bytes" && !byBytes) continue;
        const isPassed = edge.kind !== "call" || reaches[this.rules[edge.rule]!.start] === 1;
        if (isPassed) todo.push(from);
        else callers[edge.rule]!.push(from);
      }
    }
    return reaches;
  }

  /** By the state that they lead to. */
  #edgesBackwards(): { from: number; edge: Edge }[][] {
    const before: { from: number; edge: Edge }[][] = this.edges.map(() => []);
    this.edges.forEach((edges, from) => {
      for (const edge of edges) before[edge.target]!.push({ from, edge });
    });
    return before;
  }

  /**
   * A rule that calls itself before any byte would be called without end: rules are taken away once
   * all that they begin with are, until those are left that begin with themselves, or with such.
   */
  #refuseLeftRecursion(): void {
    const endsAtOnce = this.#statesBeforeAnEnd(false);
    const begins = this.rules.map((_, rule) => this.#firstCalls(rule, endsAtOnce));
    const callers: number[][] = this.rules.map(() => []);
    begins.forEach((called, rule) => called.forEach((one) => callers[one]!.push(rule)));
    const left = begins.map(({ size }) => size);
    const done = [...begins.keys()].filter((rule) => left[rule] === 0);
    for (const rule of done) {
      for (const caller of callers[rule]!) if (--left[caller]! === 0) done.push(caller);
    }
    if (done.length === begins.length) return;
    // From one to another that is left, until one comes again.
    const seen = new Set<number>();
    let rule = left.findIndex((count) => count > 0);
    while (!seen.has(rule)) {
      seen.add(rule);
      rule = [...begins[rule]!].find((one) => left[one]! > 0)!;
    }
    throw new GrammarError(
      `Cannot follow the rule ${this.rules[rule]!.name}: it begins with itself`,
    );
  }

  /** The rules that a rule may begin with. */
  #firstCalls(rule: number, endsAtOnce: Uint8Array): Set<number> {
    const called = new Set<number>();
    const reached = new Set([this.rules[rule]!.start]);
    for (const state of reached) {
      for (const edge of this.edges[state]!) {
        if (edge.kind === "call") called.add(edge.rule);
        const isPassed = edge.kind === "empty" ||
          edge.kind === "call" && endsAtOnce[this.rules[edge.rule]!.start] === 1;
        if (isPassed) reached.add(edge.target);
      }
    }
    return called;
  }
}

const encoder = new TextEncoder();
