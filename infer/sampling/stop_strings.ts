// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Finds the texts that end an answer while it comes in pieces. What could be the beginning of one
 * is held back until it is clear. How the answer is cut into pieces changes nothing: the text that
 * is complete first ends it, of several that end together the longest.
 *
 * @example A stop text in two tokens
 * ```ts
 * import { StopStrings } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const stops = new StopStrings(["\n\n"]);
 * assertEquals(stops.push("one\n"), "one");
 * assertEquals(stops.push("\ntwo"), "");
 * assertEquals(stops.stopped, "\n\n");
 * ```
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #includeStop: boolean;
  #held = "";
  #stopped: string | undefined;

  /** Looks for `stops`; `includeStop` gives the one that was found as part of the text. */
  constructor(stops: readonly string[], { includeStop = false }: { includeStop?: boolean } = {}) {
    this.#stops = stops;
    this.#includeStop = includeStop;
  }

  /** The text that ended the answer; undefined while it goes on. */
  get stopped(): string | undefined {
    return this.#stopped;
  }

  /** More of the answer; gives what may be shown. After the end it gives nothing. */
  push(text: string): string {
    if (this.#stopped !== undefined) return "";
    if (this.#stops.length === 0) return text;
    const all = this.#held + text;
    const found = this.#firstIn(all);
    if (found === undefined) {
      const shown = all.length - this.#heldLength(all);
      this.#held = all.slice(shown);
      return all.slice(0, shown);
    }
    this.#stopped = found.stop;
    this.#held = "";
    return all.slice(0, this.#includeStop ? found.end : found.end - found.stop.length);
  }

  /** Text that may not end the answer, before its least length; gives what may be shown. */
  pass(text: string): string {
    return this.flush() + text;
  }

  /** What was held back, when no more comes. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  #firstIn(text: string): { stop: string; end: number } | undefined {
    let first: { stop: string; end: number } | undefined;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at < 0) continue;
      const end = at + stop.length;
      const isFirst = first === undefined || end < first.end ||
        end === first.end && stop.length > first.stop.length;
      if (isFirst) first = { stop, end };
    }
    return first;
  }

  /** Length of the longest end of a text with which a stop text begins. */
  #heldLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      const most = Math.min(stop.length - 1, text.length);
      for (let length = most; length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
