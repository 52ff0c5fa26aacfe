// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AutomatonState, RuleAutomata } from "./rule_automata.ts";
import { PLAIN_BYTES } from "./token_tree.ts";

/** Calls that may be open at a time: what would nest deeper is not allowed. */
export const CALL_DEPTH_MAX = 512;

/** Situations that are kept; then all are forgotten, and made again where they are reached. */
const SITUATIONS_MAX = 2 ** 14;

/** The states to go on from when rules end, innermost first. Equal stacks are one object. */
export interface CallStack {
  readonly id: number;
  readonly depth: number;
  readonly next: AutomatonState;
  readonly rest: CallStack | null;
}

/** Where a text may be in a grammar: in a state of a rule, with rules open around it. */
export interface Place {
  readonly state: AutomatonState;
  readonly stack: CallStack | null;
}

/** All places where a text may be. Equal ones are one object. */
export interface Situation {
  /** Where bytes are waited for; empty when none may come. */
  readonly places: readonly Place[];
  /** Whether the text may end. */
  readonly mayEnd: boolean;
  /** By byte, null where none may come; undefined where nobody asked. */
  row: readonly (Situation | null)[] | undefined;
  /** What any plain byte leads to, where all lead to one; undefined where nobody asked. */
  afterPlain: Situation | null | undefined;
  /** For whoever follows it: the tokens that may come. */
  mask: Uint32Array | undefined;
}

/**
 * A pushdown automaton over bytes that is in several places at once where a grammar is ambiguous.
 * Its situations are made when they are reached and kept, so that going on by a byte is one look-up
 * the second time (a lazy DFA, whose states have stacks).
 */
export class Pushdown {
  readonly #automata: RuleAutomata;
  #stacks = new Map<string, CallStack>();
  #situations = new Map<string, Situation>();
  #stackCount = 0;

  /** Follows automata. */
  constructor(automata: RuleAutomata) {
    this.#automata = automata;
  }

  /** The beginning of a text. */
  start(): Situation {
    return this.situationOf([{ state: this.#automata.start(0), stack: null }]);
  }

  /** The situations after each byte; null where it may not come. */
  row(from: Situation): readonly (Situation | null)[] {
    return from.row ??= this.#rowOf(from);
  }

  /**
   * Whether so many plain bytes may come, whichever, and the text may end after none of them: then
   * tokens of plain bytes need not be looked at one by one.
   */
  isOpenFor(situation: Situation, plainBytes: number): boolean {
    for (let from: Situation | null = situation; plainBytes > 0; plainBytes--) {
      from = from.afterPlain === undefined ? this.#afterPlain(from) : from.afterPlain;
      if (from === null || from.mayEnd) return false;
      if (from.afterPlain === from) return true;
    }
    return true;
  }

  /** The situation of a text that may be in these places; calls are followed, and ends. */
  situationOf(places: Iterable<Place>): Situation {
    const reached = new Map<string, Place>();
    let mayEnd = false;
    const todo = [...places];
    for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
      const { state, stack } = place;
      const key = keyOf(place);
      if (reached.has(key)) continue;
      reached.set(key, place);
      if (state.isEnd && stack === null) mayEnd = true;
      if (state.isEnd && stack !== null) todo.push({ state: stack.next, stack: stack.rest });
      for (const { start, next } of this.#automata.calls(state)) {
        const inner = this.#push(next, stack);
        if (inner !== undefined) todo.push({ state: start, stack: inner });
      }
    }
    const waiting = [...reached].filter(([, { state }]) => state.hasBytes);
    const key = waiting.map(([key]) => key).sort().join() + (mayEnd ? "!" : "");
    return this.#intern(key, waiting.map(([, place]) => place), mayEnd);
  }

  #rowOf(from: Situation): (Situation | null)[] {
    const rows = from.places.map(({ state }) => this.#automata.row(state));
    const row = new Array<Situation | null>(256).fill(null);
    for (let byte = 0; byte < 256; byte++) {
      // Most bytes lead where the one before them leads.
      const isSame = byte > 0 && rows.every((states) => states[byte] === states[byte - 1]);
      row[byte] = isSame ? row[byte - 1]! : this.#after(from, rows, byte);
    }
    return row;
  }

  #after(
    { places }: Situation,
    rows: readonly (readonly (AutomatonState | null)[])[],
    byte: number,
  ): Situation | null {
    const reached: Place[] = [];
    rows.forEach((states, i) => {
      const state = states[byte]!;
      if (state !== null) reached.push({ state, stack: places[i]!.stack });
    });
    return reached.length === 0 ? null : this.situationOf(reached);
  }

  #afterPlain(from: Situation): Situation | null {
    const row = this.row(from);
    const first = row[PLAIN_BYTES[0]!]!;
    return from.afterPlain = PLAIN_BYTES.every((byte) => row[byte] === first) ? first : null;
  }

  /** A stack with one more; undefined when it would be too deep. */
  #push(next: AutomatonState, rest: CallStack | null): CallStack | null | undefined {
    // A rule that is called last need not be come back from: lists do not nest.
    if (next.isLast) return rest;
    const depth = (rest?.depth ?? 0) + 1;
    if (depth > CALL_DEPTH_MAX) return undefined;
    const key = `${next.id}:${rest?.id ?? ""}`;
    let stack = this.#stacks.get(key);
    if (stack === undefined) {
      stack = { id: this.#stackCount++, depth, next, rest };
      this.#stacks.set(key, stack);
    }
    return stack;
  }

  #intern(key: string, places: readonly Place[], mayEnd: boolean): Situation {
    let situation = this.#situations.get(key);
    if (situation === undefined) {
      if (this.#situations.size >= SITUATIONS_MAX) this.forget();
      situation = { places, mayEnd, row: undefined, afterPlain: undefined, mask: undefined };
      this.#situations.set(key, situation);
    }
    return situation;
  }

  /** Lets go of all situations; who holds one goes on from it. */
  forget(): void {
    this.#situations = new Map();
    this.#stacks = new Map();
  }
}

function keyOf({ state, stack }: Place): string {
  return `${state.id}:${stack?.id ?? ""}`;
}
