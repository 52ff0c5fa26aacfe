// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What `str.strip()` of Python takes away: White_Space and the four separators of ASCII. */
const SPACES = String.raw`[\p{White_Space}\x1c-\x1f]`;
const SPACES_BEFORE_REGEXP = new RegExp(`^${SPACES}+`, "u");
const SPACE_REGEXP = new RegExp(`^${SPACES}$`, "u");

/** `text.lstrip(characters)` of Python; white space where `characters` are absent. */
export function stripStart(text: string, characters?: string | null): string {
  if (characters === undefined || characters === null) {
    return text.replace(SPACES_BEFORE_REGEXP, "");
  }
  const set = new Set(characters);
  let start = 0;
  for (const character of text) {
    if (!set.has(character)) break;
    start += character.length;
  }
  return text.slice(start);
}

/** `text.rstrip(characters)` of Python; white space where `characters` are absent. */
export function stripEnd(text: string, characters?: string | null): string {
  const set = typeof characters === "string" ? new Set(characters) : undefined;
  let end = text.length;
  // Backwards by hand: a regular expression for the end would try every run of blanks on the way.
  while (end > 0) {
    const last = text.codePointAt(end - 2) ?? 0;
    const character = end > 1 && last > 0xffff ? String.fromCodePoint(last) : text[end - 1]!;
    if (!(set?.has(character) ?? SPACE_REGEXP.test(character))) break;
    end -= character.length;
  }
  return text.slice(0, end);
}

/** A value of the template engine, as far as it is looked at here. */
export interface TemplateValue {
  /** A class of the engine, such as `FloatValue`. */
  readonly type: string;
  /** What it holds: a map of such values for an object, an array of them for an array. */
  readonly value: unknown;
}

/** Options of `tojson`, as `json.dumps` has them. */
export interface PythonJsonOptions {
  /** Blanks a level is indented by; null for everything in one line. */
  readonly indent: number | null;
  /** Between two elements, and between a key and its value. */
  readonly separators: readonly [string, string];
  /** Write what is not ASCII as `\u....`. */
  readonly ensureAscii: boolean;
  /** Sort the members of objects by name. */
  readonly sortKeys: boolean;
}

/** `json.dumps` of Python for what a template hands over: maps, arrays and plain values. */
export function pythonJson(value: unknown, options: PythonJsonOptions, depth = 0): string {
  if (typeof value === "string") return jsonText(value, options);
  if (typeof value === "number") return pythonNumber(value);
  if (typeof value === "boolean") return String(value);
  const inner = (item: TemplateValue) => pythonJson(item.value, options, depth + 1);
  if (Array.isArray(value)) return block("[", value.map(inner), "]", options, depth);
  if (!(value instanceof Map)) return "null";
  const members = [...value as Map<string, TemplateValue>];
  // By code points: a comparison of code units puts astral characters before U+E000.
  if (options.sortKeys) members.sort(([a], [b]) => compareCodePoints(a, b));
  const lines = members.map(([key, item]) =>
    jsonText(key, options) + options.separators[1] + inner(item)
  );
  return block("{", lines, "}", options, depth);
}

function block(
  open: string,
  items: readonly string[],
  close: string,
  { indent, separators }: PythonJsonOptions,
  depth: number,
): string {
  if (items.length === 0 || indent === null) return open + items.join(separators[0]) + close;
  const line = `\n${" ".repeat(indent * (depth + 1))}`;
  return `${open}${line}${items.join(separators[0] + line)}\n${" ".repeat(indent * depth)}${close}`;
}

function jsonText(text: string, { ensureAscii }: PythonJsonOptions): string {
  const json = JSON.stringify(text);
  if (!ensureAscii) return json;
  return json.replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `repr` of Python: below 0.0001 with an exponent of two digits or more. */
function pythonNumber(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

function compareCodePoints(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0)!);
  const right = Array.from(b, (character) => character.codePointAt(0)!);
  const at = left.findIndex((point, i) => point !== right[i]);
  if (at < 0) return left.length - right.length;
  return left[at]! - (right[at] ?? -1);
}
