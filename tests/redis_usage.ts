// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A part of how a command is used. As text:
 *
 * | text                    | means                                                   |
 * | ----------------------- | ------------------------------------------------------- |
 * | `WORD`                  | the word itself                                         |
 * | `name` `name:i` `:d` `:k` `:x` | a value: text, integer, double, key, one or several words |
 * | `(a b)`                 | values that belong together                             |
 * | `name<a|b>`             | one of them                                             |
 * | `[a b]`                 | both or none                                            |
 * | `a...`                  | one or more                                             |
 */
export type UsagePart =
  | { kind: "word"; word: string }
  | { kind: "value"; name: string; type: ValueType; repeats: boolean }
  | { kind: "group"; parts: UsagePart[]; repeats: boolean }
  | { kind: "choice"; name: string; choices: UsagePart[][] }
  | { kind: "optional"; parts: UsagePart[]; repeats: boolean };

/** What a value is: text, integer, double, key, words. */
export type ValueType = "" | "i" | "d" | "k" | "x";

/** One argument of `COMMAND DOCS`. */
export interface DocumentedArgument {
  /** Its name. */
  readonly name: string;
  /** `string`, `integer`, `oneof`, ... */
  readonly type: string;
  /** The word in front of it. */
  readonly token?: string;
  /** `optional`, `multiple`, `multiple_token`. */
  readonly flags?: readonly string[];
  /** Parts of a block or choices of a oneof. */
  readonly arguments?: readonly DocumentedArgument[];
}

/** Reads the text form. */
export function parseUsage(text: string): UsagePart[] {
  const words = text.match(/\.\.\.|[\w$*-]+(?::\w)?<|[\w$*-]+(?::\w)?|[[\]()<>|]/g) ?? [];
  let at = 0;
  const until = (...ends: string[]): UsagePart[] => {
    const parts: UsagePart[] = [];
    while (at < words.length && !ends.includes(words[at]!)) parts.push(part());
    return parts;
  };
  const repeats = (): boolean => words[at] === "..." && ++at > 0;
  const part = (): UsagePart => {
    const word = words[at++]!;
    if (word === "[" || word === "(") {
      const parts = until(word === "[" ? "]" : ")");
      at++;
      return { kind: word === "[" ? "optional" : "group", parts, repeats: repeats() };
    }
    if (word.endsWith("<")) {
      const choices: UsagePart[][] = [];
      do choices.push(until("|", ">")); while (words[at++] === "|");
      return { kind: "choice", name: word.slice(0, -1), choices };
    }
    const [name, type = ""] = word.split(":");
    if (/^[A-Z][A-Z0-9_-]*$/.test(word)) return { kind: "word", word };
    return { kind: "value", name: name!, type: type as ValueType, repeats: repeats() };
  };
  return until();
}

/** The text form of what the server documents. */
export function usageOf(documented: readonly DocumentedArgument[]): string {
  return documented.map(usageOfOne).join(" ");
}

// Data: value types by the server's names.
const TYPES: Record<string, string> = { integer: ":i", "unix-time": ":i", double: ":d", key: ":k" };

function usageOfOne(argument: DocumentedArgument): string {
  const { type, token, flags = [], arguments: parts = [] } = argument;
  const name = argument.name.replace(/[^a-zA-Z0-9]+/g, "-").toLowerCase();
  const [isOptional, isMultiple] = [flags.includes("optional"), flags.includes("multiple")];
  const repeat = isMultiple ? "..." : "";
  if (type === "oneof" && isOptional && token === undefined) {
    return parts.map((part) => `[${usageOfOne(part)}]`).join(" ");
  }
  const prefix = token === undefined || type === "pure-token" ? "" : `${token} `;
  const body = type === "pure-token"
    ? token!
    : type === "oneof"
    ? `${name}<${parts.map(usageOfOne).join("|")}>`
    : type === "block"
    ? blockOf(parts, isMultiple, isOptional)
    // A cursor has 64 bits.
    : `${name}${name === "cursor" ? "" : TYPES[type] ?? ""}`;
  if (!isOptional) return `${prefix}${body}${repeat}`;
  const isRepeated = flags.includes("multiple_token");
  return isRepeated ? `[${prefix}${body}]...` : `[${prefix}${body}${repeat}]`;
}

function blockOf(parts: readonly DocumentedArgument[], isMultiple: boolean, isOptional: boolean) {
  const inner = usageOf(parts);
  // "[LIMIT offset count]", "[COUNT count [ANY]]": the brackets hold it together already.
  return (isOptional && !isMultiple) || parts.length === 1 ? inner : `(${inner})`;
}
