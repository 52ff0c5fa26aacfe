// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { pythonJson, stripEnd, stripStart } from "./python_text.ts";

/** Numbers that one `range()` gives at most, as in the sandbox of jinja2. */
const RANGE_MAX = 100_000;

/** A parsed Jinja template, rendered as Python's jinja2 renders it for Hugging Face. */
export class PythonTemplate {
  readonly #program: ReturnType<typeof parse>;

  /** Parses with `trim_blocks` and `lstrip_blocks`. @throws {Error} when it is no template */
  constructor(source: string) {
    this.#program = parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true }));
    rewrite(this.#program);
  }

  /** The text for some variables; functions among them are called with plain values. */
  render(variables: Record<string, unknown>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) {
      environment.set(name, value);
    }
    return String(new Interpreter(environment).run(this.#program).value);
  }
}

/** A node of the syntax tree; only these members are looked at. */
interface TreeNode {
  type: string;
  value?: unknown;
  callee?: TreeNode;
  args?: TreeNode[];
  object?: TreeNode;
  property?: TreeNode;
  operand?: TreeNode;
  filter?: TreeNode;
  negate?: boolean;
  test?: TreeNode;
}

// The engine's own strip ignores which characters to take away, its white space is JavaScript's,
// its numbers in JSON are JavaScript's too, and it filters no lists of texts. Calls of these go to
// functions of ours, under names that no template can write.

/** Prefix of the names in {@linkcode GLOBALS} that stand for Python's. */
const PYTHON = "python ";

// Data: methods and filters that are replaced, and by what.
const METHODS: ReadonlyMap<string, string> = new Map([
  ["strip", "strip"],
  ["lstrip", "lstrip"],
  ["rstrip", "rstrip"],
]);
const FILTERS: ReadonlyMap<string, string> = new Map([
  ["trim", "trim"],
  ["tojson", "tojson"],
  ["select", "select"],
  ["reject", "reject"],
]);

const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range,
  [`${PYTHON}strip`]: (text: unknown, characters?: string) =>
    stripStart(stripEnd(textOf(text), characters), characters),
  [`${PYTHON}lstrip`]: (text: unknown, characters?: string) => stripStart(textOf(text), characters),
  [`${PYTHON}rstrip`]: (text: unknown, characters?: string) => stripEnd(textOf(text), characters),
  [`${PYTHON}trim`]: (text: unknown, isNone: boolean, characters?: string) => {
    // What is not there has nothing to strip: a message without a content.
    const written = isNone ? "None" : text === undefined ? "" : textOf(text);
    return stripStart(stripEnd(written, characters), characters);
  },
  [`${PYTHON}tojson`]: toJson,
  [`${PYTHON}select`]: (list: unknown, test: unknown, operand: unknown) =>
    textsOf(list).filter((text) => isEqual(text, test, operand)),
  [`${PYTHON}reject`]: (list: unknown, test: unknown, operand: unknown) =>
    textsOf(list).filter((text) => !isEqual(text, test, operand)),
};

/** Sends the calls of the tree that Python answers otherwise to our functions. */
function rewrite(node: unknown): void {
  if (Array.isArray(node)) return node.forEach(rewrite);
  if (node instanceof Map) return node.forEach((value, key) => (rewrite(key), rewrite(value)));
  if (typeof node !== "object" || node === null) return;
  Object.values(node).forEach(rewrite);
  const { type, callee, filter, operand, args } = node as TreeNode;
  if (type === "CallExpression" && callee?.type === "MemberExpression") {
    const name = METHODS.get(String(callee.property?.value));
    if (name !== undefined) {
      redirect(node as TreeNode, callee.property!, name, callee.object!, args!);
    }
  }
  if (type === "FilterExpression") {
    const isCall = filter!.type === "CallExpression";
    const identifier = isCall ? filter!.callee! : filter!;
    const name = FILTERS.get(String(identifier.value));
    const more = isCall ? filter!.args! : [];
    // The engine hands both over as undefined.
    const isNone = name === "trim" ? [isNoneOf(operand!)] : [];
    if (name !== undefined) {
      redirect(node as TreeNode, identifier, name, operand!, [...isNone, ...more]);
    }
  }
}

/** The nodes are changed and not made: the engine exports no class of them. */
function redirect(
  node: TreeNode,
  identifier: TreeNode,
  name: string,
  subject: TreeNode,
  more: TreeNode[],
): void {
  identifier.value = PYTHON + name;
  node.type = "CallExpression";
  node.callee = identifier;
  node.args = [subject, ...more];
}

/** Whether a variable, or a member of one, is `None`; all else is evaluated once, and not asked. */
function isNoneOf(subject: TreeNode): TreeNode {
  let at = subject;
  while (at.type === "MemberExpression") at = at.object!;
  if (at.type !== "Identifier") return { type: "Identifier", value: "false" };
  const test = { type: "Identifier", value: "none" };
  return { type: "TestExpression", operand: subject, negate: false, test };
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  throw new TypeError("Cannot strip what is not a text");
}

// Llama 3.1 rejects the names that equal one; the engine filters no list of texts.

function textsOf(list: unknown): string[] {
  if (!Array.isArray(list)) throw new TypeError("Cannot select from what is not a list");
  return list.map(({ value }) => {
    if (typeof value === "string") return value;
    throw new TypeError("Cannot select from a list of other things than texts");
  });
}

function isEqual(text: string, test: unknown, operand: unknown): boolean {
  if (test === "equalto" || test === "eq" || test === "==") return text === operand;
  throw new TypeError(`Cannot select by the test ${test}: only equalto is supported`);
}

/** `tojson(value, ensure_ascii, indent, separators, sort_keys)`, as transformers defines it. */
function toJson(value: unknown, ...options: unknown[]): string {
  const named = options.at(-1) instanceof Map ? options.pop() as Map<string, unknown> : new Map();
  const option = (index: number, name: string): unknown => {
    const given = options[index] ?? named.get(name)?.value;
    return given ?? undefined;
  };
  const indent = option(1, "indent");
  const separators = option(2, "separators") as { value: string }[] | undefined;
  return pythonJson(value, {
    indent: typeof indent === "number" ? indent : null,
    separators: separators === undefined
      ? [typeof indent === "number" ? "," : ", ", ": "]
      : [String(separators[0]?.value), String(separators[1]?.value)],
    ensureAscii: option(0, "ensure_ascii") === true,
    sortKeys: option(3, "sort_keys") === true,
  });
}

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= RANGE_MAX)) throw new RangeError(`Cannot make a range of more than ${RANGE_MAX}`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}
