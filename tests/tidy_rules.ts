// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { lineAt, type ScannedFile, spans, unformattedLines } from "./tidy_scan.ts";

/** One place that breaks a rule. */
export interface Offence {
  /** Path of the file. */
  readonly path: string;
  /** Line number, from 1. */
  readonly line: number;
  /** What is wrong there and how to mend it. */
  readonly hint: string;
}

/** One rule of the house style, over the whole repository at once. */
export interface Rule {
  /** What holds where the rule is kept. */
  readonly name: string;
  /** Every place that breaks it. */
  check(files: readonly ScannedFile[]): Iterable<Offence>;
}

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;
const COPYRIGHT = "// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.";

/** The folders that are published, lowest first. */
export const LIBRARY_FOLDERS: readonly string[] = [
  ...["ffi", "thread", "io", "net", "fs"],
  ...["http", "rpc", "redis", "infer"],
];

/** The module folder of a library file, `""` for the top `mod.ts`, undefined for all others. */
export function libraryFolder(path: string): string | undefined {
  if (path === "mod.ts") return "";
  const folder = path.split("/")[0]!;
  return path.endsWith(".ts") && LIBRARY_FOLDERS.includes(folder) ? folder : undefined;
}

/** The rules that look at one file at a time. */
export const fileRules: readonly Rule[] = [
  { name: "every .ts file begins with the copyright line", check: checkCopyright },
  { name: `files have at most ${FILE_LINES_MAX} lines, tables excepted`, check: checkFileLength },
  { name: `functions have at most ${FUNCTION_LINES_MAX} lines`, check: checkFunctionLength },
  { name: `lines have at most ${LINE_COLUMNS_MAX} columns`, check: checkLineWidth },
  { name: "file names say what is inside", check: checkFileName },
  { name: "banned constructs are not used", check: checkConstructs },
  { name: "every export has a doc comment", check: checkDocs },
  { name: "error messages follow the grammar", check: checkErrorMessages },
];

interface Construct {
  /** Where it is banned; the tests of ffi/ count as ffi. */
  readonly where: "everywhere" | "library" | "outside ffi" | "library outside ffi";
  /** Which half of the text is searched. */
  readonly part: "code" | "comments";
  readonly pattern: RegExp;
  readonly hint: string;
}

// `=== -11`, `EAGAIN = 11`, `errno === 11`; -1 is the usual "not found".
const ERRNO_REGEXP = new RegExp(
  [
    /(?:[!=]==?|\bcase)\s+-(?!1\b)\d{1,3}\b/,
    /\bE(?:ACCES|ADDR|AGAIN|BADF|BUSY|CANCELED|CONN|INTR|INVAL|IO|MFILE)[A-Z]*\s*[:=]\s*-?\d/,
    /\bE(?:NOBUFS|NOENT|NOMEM|NOSYS|NOTCONN|PERM|PIPE|TIME|WOULDBLOCK)[A-Z]*\s*[:=]\s*-?\d/,
    /\berrno\s*[!=]==?\s*\d/,
  ].map((part) => part.source).join("|"),
  "g",
);

// Data: what no file of a kind may say.
// deno-fmt-ignore
const constructs: readonly Construct[] = [
  { where: "everywhere", part: "code", pattern: /(?<![.\w])any\b(?!\s*[:(?])/g,                           hint: "`any` switches the type checker off: write `unknown` or the type" },
  { where: "everywhere", part: "code", pattern: /(?<=^\s*|[(,]\s*)(?:private|protected|public)\s+[\w#]/gm,   hint: "write `#name`: it is private at run time as well" },
  { where: "everywhere", part: "code", pattern: /\bexport default\b/g,                                    hint: "export a name, so that every importer calls it the same" },
  { where: "everywhere", part: "code", pattern: /^\s*(?:export )?(?:declare )?(?:const )?enum\s/gm,       hint: "write a `const` object or a union of strings" },
  { where: "everywhere", part: "code", pattern: /^(?:export )?const \w+(?:: [^=\n]+)? = (?:async )?(?:\([^)]*\)|\w+)(?:: [^=\n]+)? =>/gm, hint: "write a `function` declaration at top level" },
  { where: "library",    part: "code", pattern: /^(?!\s|.*(?:=>|\bfunction\b)).*\bawait\b/gm,             hint: "move the top-level `await` into a function: an import must do nothing" },
  { where: "library",    part: "code", pattern: /\bconsole\.\w+/g,                                        hint: "a library does not print: throw, or return what there is to say" },
  { where: "outside ffi", part: "code", pattern: /\bDeno\.(?:dlopen|Unsafe\w+)/g,                         hint: "only ffi/ opens libraries and touches pointers: give ffi/ a function for it" },
  { where: "library outside ffi", part: "code", pattern: ERRNO_REGEXP, hint: "only ffi/ knows error numbers: compare `error.code`, or use its table" },
  { where: "everywhere", part: "comments", pattern: /\b(?:TODO|FIXME|HACK|XXX)\b(?!\((?:#\d+|[a-z][\w-]*)\))/g, hint: "name the issue or the person: `TODO(#12): ...`" },
  { where: "everywhere", part: "comments", pattern: /\bdeno-lint-ignore(?:-file)?\b(?!.* -- \S)/g,        hint: "say why: `deno-lint-ignore rule -- reason`" },
];

// Data: stems that say nothing about what a file holds.
const EMPTY_STEMS = ["util", "helper", "common", "type", "index", "misc", "shared"];
const FILE_NAME_REGEXP = /^_?[a-z0-9]+(?:_[a-z0-9]+)*(?:\.d)?\.ts$/;

function* checkCopyright(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    if (file.lines[0] === COPYRIGHT) continue;
    yield { path: file.path, line: 1, hint: `begin the file with: ${COPYRIGHT}` };
  }
}

function* checkFileLength(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    const isTable = file.lines.slice(0, 5).some((line) =>
      /^\/\/ (?:Data:|Generated by)/.test(line)
    );
    const count = file.lines.length - 1;
    if (isTable || count <= FILE_LINES_MAX) continue;
    yield { path: file.path, line: count, hint: `${count} lines: split it, one idea a file` };
  }
}

function* checkFunctionLength(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    for (const { line, length } of spans(file)) {
      if (length <= FUNCTION_LINES_MAX) continue;
      yield { path: file.path, line, hint: `${length} lines: give each step a name` };
    }
  }
}

function* checkLineWidth(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    const unformatted = unformattedLines(file);
    for (const [i, { length }] of file.lines.entries()) {
      if (length <= LINE_COLUMNS_MAX || unformatted.has(i + 1)) continue;
      yield { path: file.path, line: i + 1, hint: `${length} columns: break the line` };
    }
  }
}

function* checkFileName(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    const name = file.path.split("/").at(-1)!;
    const stem = name.replace(/^_|(?:\.d)?\.ts$/g, "");
    if (!FILE_NAME_REGEXP.test(name)) {
      yield { path: file.path, line: 1, hint: "name the file in snake_case" };
    } else if (EMPTY_STEMS.includes(stem.replace(/s$/, ""))) {
      yield { path: file.path, line: 1, hint: `"${stem}" says nothing: name what is inside` };
    }
    const depth = file.path.split("/").length;
    if (depth > 2 && libraryFolder(file.path) !== undefined && !file.path.startsWith("infer/")) {
      yield { path: file.path, line: 1, hint: "a module folder is flat: move the file up" };
    }
  }
}

function* checkConstructs(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    for (const { where, part, pattern, hint } of constructs) {
      if (where.startsWith("library") && libraryFolder(file.path) === undefined) continue;
      if (where.endsWith("outside ffi") && /^(?:tests\/ffi_|ffi\/)/.test(file.path)) continue;
      for (const match of file[part].matchAll(pattern)) {
        yield { path: file.path, line: lineAt(file, match.index + match[0].search(/\S/)), hint };
      }
    }
  }
}

const EXPORT_REGEXP =
  /^export (?:async |abstract |declare )*(function|class|interface|type|const|let)\*? ([\w$]+)/gm;

function* checkDocs(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    const functions = new Set<string>();
    for (const { index, 1: kind, 2: name } of file.code.matchAll(EXPORT_REGEXP)) {
      // Of an overloaded function the first signature carries the documentation.
      const isOverload = functions.has(name!);
      if (kind === "function") functions.add(name!);
      const line = lineAt(file, index);
      if (isOverload || docAbove(file, line) !== undefined) continue;
      yield { path: file.path, line, hint: `say above what ${name} gives: /** ... */` };
    }
  }
}

/** The doc comment directly above a line, ignore comments and `// Data:` notes between allowed. */
export function docAbove(file: ScannedFile, line: number): string | undefined {
  let last = line - 2;
  while (/^\s*\/\/ /.test(file.lines[last] ?? "")) last--;
  if (!file.lines[last]?.trimEnd().endsWith("*/")) return undefined;
  let first = last;
  while (first >= 0 && !file.lines[first]!.trimStart().startsWith("/**")) first--;
  return first < 0 ? undefined : file.lines.slice(first, last + 1).join("\n");
}

// Data: the beginnings of Deno's own messages, which an interchangeable function repeats.
const DENO_MESSAGES = [
  "The request has been cancelled.",
  "Unsupported 'certFile' / 'keyFile' options provided: use 'cert' / 'key' instead.",
  "failed to lookup address information",
  "invalid host",
  "invalid IPv6 address",
  "operation canceled",
  "fetch failed",
  "error reading a body from connection",
  "not connected",
  "unexpected end of file",
  "peer closed connection without sending TLS close_notify",
];

const ERROR_REGEXP = /\bnew (?:Deno\.errors\.\w+|\w*Error|DOMException)\(\s*(["'`])/g;
const CONTRACTION_REGEXP = /\b\w+n't\b|\b(?:it|that|there|what|let)'s\b|\w'(?:re|ve|ll|d|m)\b/i;

function* checkErrorMessages(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of typeScript(files)) {
    if (libraryFolder(file.path) === undefined) continue;
    for (const match of file.code.matchAll(ERROR_REGEXP)) {
      const start = match.index + match[0].length;
      const end = literalEnd(file.code, start, match[1]!);
      const message = file.text.slice(start, end);
      if (DENO_MESSAGES.some((text) => message.startsWith(text))) continue;
      const isWhole = !/^\s*\+/.test(file.code.slice(end + 1, end + 40));
      const line = lineAt(file, start);
      if (/^[a-z]/.test(message)) {
        yield { path: file.path, line, hint: "begin the message with a capital: `Cannot ...`" };
      }
      if (isWhole && message.endsWith(".")) {
        yield { path: file.path, line, hint: "end the message without a period" };
      }
      if (CONTRACTION_REGEXP.test(message)) {
        yield { path: file.path, line, hint: "write the contraction out: `is not`, `cannot`" };
      }
    }
  }
}

/** Offset of the delimiter that ends a literal; what a template interpolates is passed over. */
function literalEnd(code: string, start: number, delimiter: string): number {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if (depth === 0 && code[i] === delimiter) return i;
    if (code[i] === "{") depth++;
    else if (code[i] === "}") depth--;
  }
  return code.length;
}

function typeScript(files: readonly ScannedFile[]): ScannedFile[] {
  return files.filter((file) => file.path.endsWith(".ts"));
}
