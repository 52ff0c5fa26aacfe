// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CommandFacts } from "./redis_generate.ts";
import { parseUsage, type UsagePart, type ValueType } from "./redis_usage.ts";

/** What is generated for one command. */
export interface Wrapper {
  /** Its definition. */
  readonly constant: string;
  /** Interface of its options, or "". */
  readonly options: string;
  /** Its method. */
  readonly code: string;
}

/** Name of the class of a family. */
export function familyClass(family: string): string {
  return `${pascal(family)}Commands`;
}

// Data: replies: their type, and the function that makes it; "" takes the reply as it is.
// deno-fmt-ignore
const REPLIES: Record<string, readonly [type: string, read: string]> = {
  any:              ["Reply", ""],
  bool:             ["boolean", "readBoolean"],
  bools:            ["boolean[]", "readBooleans"],
  bytes:            ["Uint8Array", ""],
  "bytes?":         ["Uint8Array | null", ""],
  claimed:          ["{ cursor: string; entries: StreamEntry<S>[]; ids: string[]; deletedIds: string[] }", "readClaimed<S>"],
  counts:           ["Map<string, number>", "readCounts"],
  double:           ["number", "readDouble"],
  "double?":        ["number | null", "readDoubleOrNull"],
  doubles:          ["number[]", "readDoubles"],
  "doubles?":       ["(number | null)[]", "readDoublesOrNulls"],
  entries:          ["StreamEntry<S>[]", "readEntries<S>"],
  int:              ["number", ""],
  "int?":           ["number | null", ""],
  ints:             ["number[]", ""],
  "ints?":          ["(number | null)[]", ""],
  "keyed?":         ["[key: S, element: S] | null", "readKeyed<S>"],
  "keyedScored?":   ["[key: S, member: S, score: number] | null", "readKeyedScored<S>"],
  map:              ["Map<S, S>", "readMap<S>"],
  ok:               ["string", "readText"],
  "ok?":            ["string | null", "readTextOrNull"],
  pairs:            ["[S, S][]", "readPairs<S>"],
  "popped?":        ["[key: S, elements: S[]] | null", "readPopped<S>"],
  "poppedScored?":  ["[key: S, members: [S, number][]] | null", "readPoppedScored<S>"],
  "positions?":     ["([longitude: number, latitude: number] | null)[]", "readPositions"],
  record:           ["ReplyRecord", "readRecord"],
  "record?":        ["ReplyRecord | null", "readRecordOrNull"],
  records:          ["ReplyRecord[]", "readRecords"],
  scan:             ["[cursor: string, items: S[]]", "readScan<S>"],
  scanPairs:        ["[cursor: string, pairs: [S, S][]]", "readScanPairs<S>"],
  scanScored:       ["[cursor: string, members: [S, number][]]", "readScanScored<S>"],
  scored:           ["[S, number][]", "readScored<S>"],
  str:              ["S", ""],
  "str?":           ["S | null", ""],
  "streams?":       ["[key: S, entries: StreamEntry<S>[]][] | null", "readStreams<S>"],
  strs:             ["S[]", "readList"],
  "strs?":          ["(S | null)[]", "readList"],
  strsOrNull:       ["S[] | null", "readListOrNull"],
  text:             ["string", "readText"],
  "text?":          ["string | null", "readTextOrNull"],
  texts:            ["string[]", "readTexts"],
};

// Data: types of arguments.
const TYPES: Record<ValueType, string> = {
  "": "Argument",
  i: "number | bigint",
  d: "Score",
  k: "Key",
  x: "Many<Argument>",
};

/** Words that TypeScript keeps for itself, and a name that the method needs. */
const RESERVED = new Set(["function", "arguments", "default", "args", "options", "in", "new"]);

/** Interface, method and definition of one command. */
export function wrapperOf(facts: CommandFacts): Wrapper {
  const writer = new WrapperWriter();
  writer.writeAll(parseUsage(facts.usage));
  const method = facts.name === "COMMAND" ? "commands" : camel(facts.name);
  const constant = facts.name.replace(/\W+/g, "_");
  const optionsName = `${pascal(facts.name.toLowerCase())}Options`;
  const fields = [...writer.fields];
  return {
    constant: `const ${constant} = findCommand(${JSON.stringify(facts.name)});`,
    options: fields.length === 0 ? "" : optionsInterface(optionsName, method, fields),
    code: methodOf(facts, method, constant, fields.length > 0 ? optionsName : undefined, writer),
  };
}

function optionsInterface(
  name: string,
  method: string,
  fields: [string, readonly [type: string, text: string]][],
): string {
  const lines = fields.map(([field, [type, text]]) => {
    const key = /^\w+$/.test(field) ? field : JSON.stringify(field);
    return `  /** \`${text}\` */\n  ${key}?: ${type} | undefined;`;
  });
  const head = `/** Options of {@linkcode Commands.${method}}. */\nexport interface ${name}`;
  return `\n${head} {\n${lines.join("\n")}\n}`;
}

function methodOf(
  facts: CommandFacts,
  method: string,
  constant: string,
  options: string | undefined,
  writer: WrapperWriter,
): string {
  const [plain, ...conditional] = repliesOf(facts.reply);
  const params = writer.params.map(({ name, type, initial }) =>
    initial === undefined ? `${name}: ${type}` : `${name}: ${type} = ${initial}`
  );
  const declared = writer.params.map(({ name, type, initial }) =>
    `${name}${initial === undefined ? "" : "?"}: ${type}`
  );
  const types = [plain!, ...conditional].map(({ type }) => type);
  const overloads = conditional.toReversed().map(({ option, type }) => {
    const given = option === "count" || option === "COUNT"
      ? "number"
      : option === "STORE"
      ? "Key"
      : "true";
    const required = `options: ${options} & { ${option}: ${given} }`;
    const before = declared.map((param) => param.replace(/^(\w+)\?: (.*)$/, "$1: $2 | undefined"));
    return `  ${method}(${[...before, required].join(", ")}): Promise<${type}>;`;
  });
  const all = options ? [...params, `options: ${options} = {}`] : params;
  const signature = (list: string[], type: string) =>
    `${method}(${list.join(", ")}): Promise<${type}>`;
  if (overloads.length > 0) {
    overloads.push(`  ${signature([...declared, `options?: ${options}`], plain!.type)};`);
  }
  const doc = docOf(facts);
  const isSimple = types.every((type) => /^[\w |]+$/.test(type));
  const union = [...new Set(isSimple ? types.join(" | ").split(" | ") : types)].join(" | ");
  const body = bodyOf(constant, writer, [plain!, ...conditional], union);
  return `${overloads.map((line) => `${doc}\n${line}`).join("\n")}
${overloads.length > 0 ? "" : doc}
  ${signature(all, union)} {
${body}
  }
`;
}

interface ReplyCase {
  readonly option: string;
  readonly type: string;
  readonly read: string;
  readonly asBytes: boolean;
}

/** `a ; OPTION: b` */
function repliesOf(text: string): ReplyCase[] {
  return text.split(" ; ").map((part, index) => {
    const [option, shape] = index === 0 ? ["", part] : part.split(": ") as [string, string];
    const entry = REPLIES[shape!];
    if (entry === undefined) throw new Error(`There is no reply "${shape}"`);
    return { option, type: entry[0], read: entry[1], asBytes: entry[0].startsWith("Uint8Array") };
  });
}

function bodyOf(
  constant: string,
  writer: WrapperWriter,
  cases: ReplyCase[],
  union: string,
): string {
  const [plain, ...conditional] = cases as [ReplyCase, ...ReplyCase[]];
  const single = writer.lines.length === 1
    ? /^args\.push\(((?:[^()]|\([^()]*\))*)\);$/.exec(writer.lines[0]!)?.[1]
    : undefined;
  const list = writer.lines.length === 0 ? "[]" : single === undefined ? "args" : `[${single}]`;
  const lines = list === "args" ? ["const args: Argument[] = [];", ...writer.lines] : [];
  const reads = new Set(cases.map(({ read }) => read));
  let read = plain.read;
  if (reads.size > 1) {
    // The last option that is given decides.
    const choice = conditional.toReversed().map(({ option, read }) =>
      `options.${option} !== undefined && options.${option} !== false ? ${read || "undefined"} : `
    ).join("");
    lines.push(
      `const read = ${
        choice.replaceAll(
          /options\.(count|COUNT|STORE) !== undefined && options\.\1 !== false/g,
          "options.$1 !== undefined",
        )
      }${plain.read || "undefined"};`,
    );
    read = "read";
  }
  const cast = reads.size > 1 || read === "readList" || read === "readListOrNull";
  const given = plain.asBytes
    ? ", undefined, true"
    : read === ""
    ? ""
    : `, ${read}${cast ? " as never" : ""}`;
  lines.push(`return this.send<${union}>(${constant}, ${list}${given});`);
  return lines.map((line) => `    ${line}`).join("\n");
}

function docOf({ summary, complexity, since, isUnverified }: CommandFacts): string {
  const cost = complexity === "" ? "" : `Complexity ${complexity}. `;
  const note = isUnverified ? "; unverified: no server that has it was asked" : "";
  const lines = [...wrap(summary), "", ...wrap(`${cost}Since ${since}${note}.`)];
  return ["  /**", ...lines.map((line) => `   * ${line}`.trimEnd()), "   */"].join("\n");
}

/** Lines of a comment that are not too long. */
function wrap(text: string): string[] {
  return text.match(/.{1,94}(?: |$)/g)!.map((line) => line.trimEnd());
}

/** Walks over the usage of a command and collects parameters, options and code. */
class WrapperWriter {
  readonly params: { name: string; type: string; initial?: string | undefined }[] = [];
  /** Options: type, and how they are written. */
  readonly fields = new Map<string, readonly [type: string, text: string]>();
  readonly lines: string[] = [];

  writeAll(parts: readonly UsagePart[]): void {
    for (let i = 0; i < parts.length; i++) {
      const [part, next] = [parts[i]!, parts[i + 1]];
      if (isCount(part, next)) {
        this.#counted(next!);
        i++;
      } else this.#write(part);
    }
  }

  #push(code: string): void {
    const last = this.lines.at(-1)?.match(/^args\.push\((.*)\);$/);
    if (last) this.lines[this.lines.length - 1] = `args.push(${last[1]}, ${code});`;
    else this.lines.push(`args.push(${code});`);
  }

  #param(name: string, type: string, initial?: string): string {
    const taken = this.params.some((param) => param.name === name) || RESERVED.has(name);
    const unique = taken ? `${name}${RESERVED.has(name) ? "Name" : "2"}` : name;
    this.params.push({ name: unique, type, initial });
    return unique;
  }

  #write(part: UsagePart): void {
    if (part.kind === "word") this.#push(JSON.stringify(part.word));
    else if (part.kind === "value") this.#value(part);
    else if (part.kind === "group") this.#group(part);
    else if (part.kind === "choice") this.#choice(part);
    else this.#optional(part.parts, part.repeats);
  }

  #value({ name, type, repeats }: UsagePart & { kind: "value" }): void {
    const word = repeats ? plural(camel(name)) : camel(name);
    if (repeats || type === "x") {
      const wide = type === "x" ? TYPES.x : `Many<${TYPES[type]}>`;
      this.lines.push(`pushMany(args, ${this.#param(word, wide)});`);
    } else this.#push(this.#param(word, TYPES[type]));
  }

  #group({ parts, repeats }: UsagePart & { kind: "group" }): void {
    if (!repeats) return this.writeAll(parts);
    this.lines.push(`pushTuples(args, ${this.#param("entries", tuplesType(parts))});`);
  }

  #counted(next: UsagePart): void {
    if (next.kind === "group") {
      this.lines.push(
        `pushCountedTuples(args, ${this.#param("entries", tuplesType(next.parts))});`,
      );
      return;
    }
    const value = (next.kind === "optional" ? next.parts[0] : next) as UsagePart & {
      kind: "value";
    };
    const initial = next.kind === "optional" ? "[]" : undefined;
    const name = this.#param(plural(camel(value.name)), `Many<${TYPES[value.type]}>`, initial);
    this.lines.push(`pushCounted(args, ${name});`);
  }

  #choice({ name, choices }: UsagePart & { kind: "choice" }): void {
    const isWords = choices.every(([first, ...rest]) =>
      first?.kind === "word" && rest.length === 0
    );
    if (isWords) return this.#push(this.#param(camel(name), wordsType(choices)));
    const isNamed = choices.every(([first]) => first?.kind === "word");
    if (!isNamed) return this.#push(this.#param(camel(name), "Argument"));
    const type = choices.map(([first, ...rest]) => {
      const { word } = first as { word: string };
      return rest.length === 0 ? JSON.stringify(word) : `{ ${word}: ${valuesType(rest)} }`;
    });
    this.lines.push(`pushChoice(args, ${this.#param(camel(name), type.join(" | "))});`);
  }

  #optional(parts: readonly UsagePart[], repeats: boolean): void {
    const [first, ...rest] = parts;
    if (first!.kind === "optional") return parts.forEach((part) => this.#write(part));
    if (first!.kind === "choice") {
      for (const choice of first!.choices) this.#optional(choice, false);
      return;
    }
    if (first!.kind === "word") return this.#option(first!.word, rest, repeats);
    const isMany = (first!.kind === "value" || first!.kind === "group") && first!.repeats;
    if (isMany && first!.kind === "value") {
      const name = this.#param(plural(camel(first!.name)), `Many<${TYPES[first!.type]}>`, "[]");
      this.lines.push(`pushMany(args, ${name});`);
    } else if (isMany) {
      const { parts } = first as UsagePart & { kind: "group" };
      this.lines.push(`pushTuples(args, ${this.#param("entries", tuplesType(parts), "[]")});`);
    } else this.#unnamed(parts);
  }

  /** Values that are optional and have no word: an option by the name of the first. */
  #unnamed(parts: readonly UsagePart[]): void {
    const values = parts.filter((part) => part.kind === "value");
    const name = camel((values[0] as { name: string }).name);
    this.fields.set(name, [valuesType(values), values.map(nameOf).join(" ")]);
    this.lines.push(`pushValue(args, options.${name});`);
    for (const part of parts) if (part.kind === "optional") this.#write(part);
  }

  #option(word: string, rest: readonly UsagePart[], repeats: boolean): void {
    const own = rest.filter((part) => part.kind !== "optional");
    const access = /^\w+$/.test(word) ? `options.${word}` : `options[${JSON.stringify(word)}]`;
    const type = own.length === 0 ? "boolean" : valuesType(own);
    const names = own.flatMap((part) => part.kind === "group" ? part.parts : [part]).map(textOf);
    this.fields.set(word, [repeats ? `Many<${type}>` : type, [word, ...names].join(" ")]);
    const push = repeats ? "pushRepeated" : "pushOption";
    this.lines.push(`${push}(args, ${JSON.stringify(word)}, ${access});`);
    for (const part of rest) if (part.kind === "optional") this.#write(part);
  }
}

function isCount(part: UsagePart, next: UsagePart | undefined): boolean {
  if (part.kind !== "value" || !/^num(?:keys|fields|ids)$/.test(part.name) || !next) return false;
  const inner = next.kind === "optional" ? next.parts[0]! : next;
  return (inner.kind === "value" || inner.kind === "group") && inner.repeats;
}

function valuesType(parts: readonly UsagePart[]): string {
  const flat = parts.flatMap((part) => part.kind === "group" ? part.parts : [part]);
  if (flat.length > 1) {
    return `readonly [${flat.map((part) => `${nameOf(part)}: ${typeOf(part)}`).join(", ")}]`;
  }
  return typeOf(flat[0]!);
}

function typeOf(part: UsagePart): string {
  if (part.kind === "choice") return wordsType(part.choices);
  if (part.kind !== "value") return "Argument";
  return part.repeats ? `Many<${TYPES[part.type]}>` : TYPES[part.type];
}

function tuplesType(parts: readonly UsagePart[]): string {
  const types = parts.map(typeOf);
  if (types.length === 2) return `Pairs<${types.join(", ")}>`;
  return `Tuples<readonly [${parts.map((part, i) => `${nameOf(part)}: ${types[i]}`).join(", ")}]>`;
}

function wordsType(choices: readonly UsagePart[][]): string {
  return choices.map(([first]) => first?.kind === "word" ? JSON.stringify(first.word) : "string")
    .join(" | ");
}

function nameOf(part: UsagePart): string {
  return part.kind === "value" || part.kind === "choice" ? camel(part.name) : "value";
}

function textOf(part: UsagePart): string {
  if (part.kind !== "choice") return nameOf(part);
  return part.choices.map(([first]) => first?.kind === "word" ? first.word : "value").join("|");
}

function camel(name: string): string {
  const [first, ...rest] = name.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== "");
  return first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

function pascal(name: string): string {
  const word = camel(name);
  return word[0]!.toUpperCase() + word.slice(1);
}

function plural(name: string): string {
  return name.endsWith("s") || name.endsWith("data") ? name : `${name}s`;
}
