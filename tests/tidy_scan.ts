// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A text file of the repository as the rules of `tidy_rules.ts` see it. */
export interface ScannedFile {
  /** Path from the repository's root, with slashes. */
  readonly path: string;
  /** The whole text. */
  readonly text: string;
  /** The text by lines. */
  readonly lines: readonly string[];
  /** TypeScript only: the text with comments and the insides of literals blanked, offsets kept. */
  readonly code: string;
  /** TypeScript only: the text with all but comments blanked, offsets kept. */
  readonly comments: string;
}

/** A function, method or test by the lines it takes. */
export interface Span {
  /** Line number of its first line, from 1. */
  readonly line: number;
  /** Lines from the first to the last. */
  readonly length: number;
}

/** Scans a text; only a path that ends in `.ts` has code and comments. */
export function scan(path: string, text: string): ScannedFile {
  const parts = path.endsWith(".ts") ? separate(text) : { code: "", comments: "" };
  return { path, text, lines: text.split("\n"), ...parts };
}

/**
 * Every text file of the repository, scanned; it needs no git. What `.gitignore` names is left out,
 * and so is every folder with a leading dot but `.ci`.
 */
export function scanRepository(root: URL): ScannedFile[] {
  const ignored = Deno.readTextFileSync(new URL(".gitignore", root)).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const files: ScannedFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of Deno.readDirSync(new URL(`./${folder}`, root))) {
      const path = folder + entry.name;
      if (isIgnored(entry, ignored)) continue;
      if (entry.isDirectory) visit(`${path}/`);
      if (!entry.isFile) continue;
      const text = Deno.readTextFileSync(new URL(`./${path}`, root));
      // A file with a zero byte is not text.
      if (!text.includes("\0")) files.push(scan(path, text));
    }
  };
  visit("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Line number, from 1, of an offset into the text. */
export function lineAt(file: ScannedFile, offset: number): number {
  let line = 1;
  for (let i = file.text.indexOf("\n"); i >= 0 && i < offset; i = file.text.indexOf("\n", i + 1)) {
    line++;
  }
  return line;
}

/**
 * Top-level functions, methods of top-level classes and top-level calls with a closure (tests).
 *
 * It trusts the formatter's indentation: what begins at a column ends at the next closing brace in
 * the same column.
 */
export function spans(file: ScannedFile): Span[] {
  const code = file.code.split("\n");
  const found: Span[] = [];
  let inClass = false;
  for (const [i, line] of code.entries()) {
    if (/^\w/.test(line)) inClass = /\bclass\b/.test(line);
    const indent = TOP_LEVEL_REGEXP.test(line) ? "" : "  ";
    if (indent !== "" && !(inClass && METHOD_REGEXP.test(line))) continue;
    const length = spanLength(code.slice(i), indent);
    if (length > 0) found.push({ line: i + 1, length });
  }
  return found;
}

/** Numbers of the lines, from 1, of the statements under a `deno-fmt-ignore` comment. */
export function unformattedLines(file: ScannedFile): Set<number> {
  const numbers = new Set<number>();
  for (const [i, line] of file.lines.entries()) {
    if (!/^\s*\/\/ deno-fmt-ignore\b/.test(line)) continue;
    const indent = line.search(/\S/);
    const opensBlock = /[[{(]$/.test(file.lines[i + 1] ?? "");
    const closing = new RegExp(`^ {${indent}}[\\]})]`);
    for (let j = i + 1; j < file.lines.length; j++) {
      numbers.add(j + 1);
      if (!opensBlock || closing.test(file.lines[j]!)) break;
    }
  }
  return numbers;
}

const TOP_LEVEL_REGEXP = /^(?:(?:export )?(?:async )?function\b|[\w.]+\(.*\{$)/;
const METHOD_REGEXP =
  /^ {2}(?:(?:static|async|override|get|set) )*\*?(?:#?[\w$]+|\[[\w.]+\])(?:<.*>)?\(/;

/** Lines up to the closing brace at this indentation; 0 for a declaration without a body. */
function spanLength(code: readonly string[], indent: string): number {
  if (/[;}]$/.test(code[0]!)) return code[0]!.endsWith("}") ? 1 : 0;
  const withoutBody = new RegExp(`^${indent}\\).*;$`);
  const end = new RegExp(`^${indent}\\}[^{]*$`);
  for (const [i, line] of code.entries()) {
    if (i === 0) continue;
    if (withoutBody.test(line)) return 0;
    if (end.test(line)) return i + 1;
  }
  return code.length;
}

function isIgnored(entry: Deno.DirEntry, patterns: readonly string[]): boolean {
  if (entry.isDirectory && entry.name.startsWith(".")) return entry.name !== ".ci";
  return patterns.some((pattern) =>
    pattern.startsWith("*")
      ? entry.name.endsWith(pattern.slice(1))
      : entry.isDirectory && `${entry.name}/` === pattern
  );
}

// One token at a time: a comment, a quoted string, a regular expression, a brace, or plain code.
const TOKEN_REGEXP = new RegExp(
  [
    /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<quoted>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/,
    /(?<regexp>\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/)/,
    /[^"'`/{}]+/,
    /[\s\S]/,
  ].map((part) => part.source).join("|"),
  "y",
);
// What a template literal has before its end or its next `${`.
const TEMPLATE_REGEXP = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y;
// After these a slash begins a regular expression; after a value it divides.
const BEFORE_REGEXP = /(?:^|[([{},;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|void))$/;

type Kind = "code" | "comment" | "literal" | "template";

function separate(text: string): { code: string; comments: string } {
  let code = "";
  let comments = "";
  const take = (piece: string, kind: Kind): void => {
    const blank = piece.replace(/[^\n]/g, " ");
    comments += kind === "comment" ? piece : blank;
    if (kind === "code") code += piece;
    else if (kind === "literal") code += piece[0] + blank.slice(1, -1) + piece.at(-1);
    else code += blank;
  };
  // Braces open inside each `${`, innermost last.
  const depths: number[] = [];
  while (code.length < text.length) {
    const { piece, kind } = nextToken(text, code);
    take(piece, kind);
    const depth = depths.pop();
    if (piece === "`" || (piece === "}" && depth === 0)) {
      if (piece === "`" && depth !== undefined) depths.push(depth);
      take(matchAt(TEMPLATE_REGEXP, text, code.length)[0], "template");
      const opens = text.startsWith("${", code.length);
      take(opens ? "${" : text.slice(code.length, code.length + 1), "code");
      if (opens) depths.push(0);
    } else if (depth !== undefined) {
      depths.push(piece === "{" ? depth + 1 : piece === "}" ? depth - 1 : depth);
    }
  }
  return { code, comments };
}

function nextToken(text: string, code: string): { piece: string; kind: Kind } {
  const match = matchAt(TOKEN_REGEXP, text, code.length);
  const { comment, quoted, regexp } = match.groups!;
  if (comment !== undefined) return { piece: comment, kind: "comment" };
  if (quoted !== undefined) return { piece: quoted, kind: "literal" };
  if (regexp === undefined) return { piece: match[0], kind: "code" };
  const begins = BEFORE_REGEXP.test(code.slice(-80).trimEnd());
  return begins ? { piece: regexp, kind: "literal" } : { piece: "/", kind: "code" };
}

function matchAt(sticky: RegExp, text: string, offset: number): RegExpExecArray {
  sticky.lastIndex = offset;
  return sticky.exec(text)!;
}
