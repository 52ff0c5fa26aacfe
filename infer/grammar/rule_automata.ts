// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RuleGraph } from "./rule_graph.ts";

/** A rule to follow, and the state to go on from afterwards. */
export interface Call {
  readonly start: AutomatonState;
  readonly next: AutomatonState;
}

/** A state of the automaton of one rule: a set of states of the graph (subset construction). */
export interface AutomatonState {
  /** Its number. */
  readonly id: number;
  /** Whether the rule may end here. */
  readonly isEnd: boolean;
  /** Whether the rule must end here. */
  readonly isLast: boolean;
  /** Whether a byte may come. */
  readonly hasBytes: boolean;
}

interface State extends AutomatonState {
  readonly members: Uint32Array;
  row: readonly (State | null)[] | undefined;
  calls: Call[] | undefined;
}

/**
 * States that are kept; then all are forgotten, and made again where they are reached. There are
 * grammars that have two to the power of a repetition's bound.
 */
export const AUTOMATON_STATES_MAX = 2 ** 14;

/** The rules of a grammar as automata over bytes whose states are made when they are reached. */
export class RuleAutomata {
  readonly #graph: RuleGraph;
  readonly #ends: ReadonlySet<number>;
  readonly #states = new Map<string, State>();
  #starts: (State | undefined)[] = [];
  #lastId = 0;

  /** Follows a graph. */
  constructor(graph: RuleGraph) {
    this.#graph = graph;
    this.#ends = new Set(graph.rules.map(({ end }) => end));
  }

  /** States that are kept. */
  get size(): number {
    return this.#states.size;
  }

  /** Where a rule begins. */
  start(rule: number): AutomatonState {
    return this.#starts[rule] ??= this.#stateOf([this.#graph.rules[rule]!.start]);
  }

  /** The states after each byte; null where it may not come. */
  row(from: AutomatonState): readonly (AutomatonState | null)[] {
    const state = from as State;
    return state.row ??= this.#rowOf(state);
  }

  /** The rules that may be followed from here. */
  calls(from: AutomatonState): readonly Call[] {
    const state = from as State;
    return state.calls ??= this.#callsOf(state);
  }

  /** Bytes between two neighbouring ends of edges all lead to one state. */
  #rowOf(state: State): (State | null)[] {
    const edges = Array.from(state.members, (member) => this.#graph.edges[member]!).flat()
      .filter((edge) => edge.kind === "bytes");
    const cuts = [...new Set(edges.flatMap(({ first, last }) => [first, last + 1]))]
      .sort((a, b) => a - b);
    const row = new Array<State | null>(256).fill(null);
    cuts.forEach((from, i) => {
      const targets = edges.filter(({ first, last }) => first <= from && from <= last)
        .map(({ target }) => target);
      if (targets.length > 0) row.fill(this.#stateOf(targets), from, cuts[i + 1]);
    });
    return row;
  }

  #callsOf(state: State): Call[] {
    const targets = new Map<number, number[]>();
    for (const member of state.members) {
      for (const edge of this.#graph.edges[member]!) {
        if (edge.kind !== "call") continue;
        const known = targets.get(edge.rule);
        if (known) known.push(edge.target);
        else targets.set(edge.rule, [edge.target]);
      }
    }
    return Array.from(targets, ([rule, next]) => ({
      start: this.start(rule),
      next: this.#stateOf(next),
    }));
  }

  #stateOf(targets: readonly number[]): State {
    const reached = new Set(targets);
    for (const member of reached) {
      for (const edge of this.#graph.edges[member]!) {
        if (edge.kind === "empty") reached.add(edge.target);
      }
    }
    // States with nothing but empty edges say nothing more than those that are reached from them.
    const members = Uint32Array.from(
      [...reached].filter((member) =>
        this.#ends.has(member) || this.#graph.edges[member]!.some(({ kind }) => kind !== "empty")
      ),
    ).sort();
    const key = members.join();
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= AUTOMATON_STATES_MAX) this.#forget();
      state = this.#newState(members);
      this.#states.set(key, state);
    }
    return state;
  }

  /** Lets go of all states, from each other too: who holds one goes on from it. */
  #forget(): void {
    for (const state of this.#states.values()) state.row = state.calls = undefined;
    this.#states.clear();
    this.#starts = [];
  }

  #newState(members: Uint32Array): State {
    const edges = Array.from(members, (member) => this.#graph.edges[member]!).flat();
    const isEnd = members.some((member) => this.#ends.has(member));
    const hasBytes = edges.some(({ kind }) => kind === "bytes");
    const isLast = isEnd && edges.every(({ kind }) => kind === "empty");
    const id = ++this.#lastId;
    return { id, isEnd, isLast, hasBytes, members, row: undefined, calls: undefined };
  }
}
