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
  /** By byte; null where none may come, undefined where nobody asked. */
  readonly next: (State | null | undefined)[];
  calls: Call[] | undefined;
}

/** The rules of a grammar as automata over bytes whose states are made when they are reached. */
export class RuleAutomata {
  readonly #graph: RuleGraph;
  readonly #ends: ReadonlySet<number>;
  readonly #states = new Map<string, State>();
  readonly #starts: (State | undefined)[] = [];

  /** Follows a graph. */
  constructor(graph: RuleGraph) {
    this.#graph = graph;
    this.#ends = new Set(graph.rules.map(({ end }) => end));
  }

  /** Where a rule begins. */
  start(rule: number): AutomatonState {
    return this.#starts[rule] ??= this.#stateOf([this.#graph.rules[rule]!.start]);
  }

  /** The state after a byte; null when it may not come. */
  next(from: AutomatonState, byte: number): AutomatonState | null {
    const state = from as State;
    const known = state.next[byte];
    return known !== undefined ? known : state.next[byte] = this.#after(state, byte);
  }

  /** The rules that may be followed from here. */
  calls(from: AutomatonState): readonly Call[] {
    const state = from as State;
    return state.calls ??= this.#callsOf(state);
  }

  #after(state: State, byte: number): State | null {
    const targets: number[] = [];
    for (const member of state.members) {
      for (const edge of this.#graph.edges[member]!) {
        const isTaken = edge.kind === "bytes" && edge.first <= byte && byte <= edge.last;
        if (isTaken) targets.push(edge.target);
      }
    }
    return targets.length === 0 ? null : this.#stateOf(targets);
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
      state = this.#newState(members);
      this.#states.set(key, state);
    }
    return state;
  }

  #newState(members: Uint32Array): State {
    const edges = Array.from(members, (member) => this.#graph.edges[member]!).flat();
    const isEnd = members.some((member) => this.#ends.has(member));
    const hasBytes = edges.some(({ kind }) => kind === "bytes");
    const isLast = isEnd && edges.every(({ kind }) => kind === "empty");
    const next: State["next"] = new Array(256).fill(undefined);
    return { id: this.#states.size, isEnd, isLast, hasBytes, members, next, calls: undefined };
  }
}
