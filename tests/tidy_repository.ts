// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { docAbove, LIBRARY_FOLDERS, libraryFolder, type Offence, type Rule } from "./tidy_rules.ts";
import { lineAt, type ScannedFile } from "./tidy_scan.ts";

/** The rules that hold between files. */
export const repositoryRules: readonly Rule[] = [
  { name: "imports point down the house", check: checkImports },
  { name: "no import comes back to where it began", check: checkCycles },
  { name: "every module folder has a mod.ts with a module doc", check: checkModules },
  { name: "public functions and classes carry an example", check: checkExamples },
  { name: "the files that a repository needs are there", check: checkRequiredFiles },
  { name: "the import maps name what is used, both the same", check: checkImportMaps },
  { name: "one version of Deno is named", check: checkDenoVersion },
  { name: "no registry host and no path of a machine is named", check: checkPlaces },
];

// Data: which folders each folder may import, its own aside.
// deno-fmt-ignore
const BELOW: Record<string, readonly string[]> = {
  ffi:    [],
  thread: [],
  io:     ["ffi", "thread"],
  net:    ["ffi", "thread", "io"],
  fs:     ["ffi", "thread", "io"],
  http:   ["ffi", "thread", "io", "net", "fs"],
  rpc:    ["ffi", "thread", "io", "net", "fs"],
  redis:  ["ffi", "thread", "io", "net", "fs"],
  infer:  ["ffi", "thread", "io", "net", "fs", "http"],
};

// Data: what library code may import from outside the repository, and which folders may.
// deno-fmt-ignore
const OUTSIDE: Record<string, readonly string[]> = {
  "@huggingface/jinja": ["infer"], // chat templates, by those who define them
  "@std/http/etag": ["http"], // entity tags, and what matches them
  "@std/http/negotiation": ["http"], // which coding a client prefers
  "@std/http/status": ["http"], // reason phrases
  "@std/media-types/content-type": ["http"], // what a file is, by its name
  "node:async_hooks": ["thread"], // values that follow a coroutine; AsyncContext is not in Deno
  "node:buffer":  ["http", "redis"], // text out of octets without a view of them, 50-70 ns instead of 150
  "node:crypto":  ["http", "net"], // SHA-1, HMAC in a call, digests of files piece by piece
  "node:net":     ["io"], // adopts the read end of the wake socket, with ref and unref
  "node:tls":     ["net"], // Mozilla's roots, which come with Deno
  "node:util":    ["http", "infer"], // parseArgs, for command lines
  "node:process": ["http", "io", "net", "rpc"], // opens node:net, zlib, crypto at first use, not at import
  "node:zlib":    ["http"], // its types
  "node:timers":  ["io", "thread"], // setImmediate, the yield of a busy turn
};

// Data: the files whose absence a rule reports.
const REQUIRED_FILES = [
  ...["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"],
  ...["deno.json", "deno.jsr.json", "mod.ts", ".ci/run"],
];

interface Import {
  readonly specifier: string;
  /** Path of the imported file, where it is one of the repository. */
  readonly target: string | undefined;
  readonly line: number;
  /** Gone at run time. */
  readonly isType: boolean;
}

const IMPORT_REGEXP = /^(?:import|export)(?<type> type)?\b[^;"']*?["']|\bimport\(\s*["']/gm;

/** What a file imports and re-exports. */
function importsOf(file: ScannedFile): Import[] {
  return [...file.code.matchAll(IMPORT_REGEXP)]
    .filter(([text]) => /\bfrom\s*["']$|^import\s*\(?\s*["']$/.test(text))
    .map((match) => {
      const start = match.index + match[0].length;
      const specifier = file.text.slice(start, file.text.indexOf(match[0].at(-1)!, start));
      const target = specifier.startsWith(".")
        ? new URL(specifier, `file:///${file.path}`).pathname.slice(1)
        : undefined;
      const isType = match.groups!.type !== undefined;
      return { specifier, target, line: lineAt(file, start), isType };
    });
}

function* checkImports(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of files) {
    if (libraryFolder(file.path) === undefined) continue;
    for (const found of importsOf(file)) {
      const hint = importHint(file.path, found);
      if (hint !== undefined) yield { path: file.path, line: found.line, hint };
    }
  }
}

function importHint(path: string, { specifier, target }: Import): string | undefined {
  const from = libraryFolder(path)!;
  if (target === undefined) {
    if (OUTSIDE[specifier]?.includes(from)) return undefined;
    return `"${specifier}" is from outside: write it here, or list it in OUTSIDE with a reason`;
  }
  const to = libraryFolder(target);
  if (to === undefined) return `${target} is not part of the library`;
  if (from === "") return target === `${to}/mod.ts` ? undefined : "re-export whole modules only";
  if (target.endsWith("mod.ts")) return "import the file that defines it, not the mod.ts";
  if (to === from) return undefined;
  if (!BELOW[from]!.includes(to)) return `${from}/ may not import ${to}/: see BELOW`;
  return /\/_[^/]*$/.test(target) ? `${target} is private to its folder` : undefined;
}

function* checkCycles(files: readonly ScannedFile[]): Iterable<Offence> {
  const library = files.filter((file) => libraryFolder(file.path) !== undefined);
  const edges = new Map(library.map((file) => [
    file.path,
    importsOf(file).filter((found) => !found.isType && found.target !== undefined),
  ]));
  const finished = new Set<string>();
  const visit = function* (path: string, trail: readonly string[]): Iterable<Offence> {
    for (const { target, line } of edges.get(path) ?? []) {
      if (finished.has(target!)) continue;
      const begin = [...trail, path].indexOf(target!);
      if (begin < 0) yield* visit(target!, [...trail, path]);
      else {
        const circle = [...trail, path].slice(begin).join(" -> ");
        yield { path, line, hint: `${circle} -> ${target}: move what both need below them` };
      }
    }
    finished.add(path);
  };
  for (const { path } of library) yield* visit(path, []);
}

function* checkModules(files: readonly ScannedFile[]): Iterable<Offence> {
  const config = files.find((file) => file.path === "deno.json");
  const exported = Object.values(parseMap(config, "exports"));
  for (const path of exported.map((path) => path.replace(/^\.\//, ""))) {
    if (files.some((file) => file.path === path)) continue;
    yield { path: "deno.json", line: 1, hint: `exports names ${path}, which does not exist` };
  }
  for (const folder of ["", ...LIBRARY_FOLDERS]) {
    if (!files.some((file) => libraryFolder(file.path) === folder)) continue;
    const path = folder === "" ? "mod.ts" : `${folder}/mod.ts`;
    const module = files.find((file) => file.path === path);
    if (!module || !/@module\b/.test(module.comments)) {
      yield { path, line: 1, hint: "open it with a doc comment that ends in @module" };
    }
    if (!exported.includes(`./${path}`)) {
      yield { path: "deno.json", line: 1, hint: `list ./${path} in exports` };
    }
  }
}

const REEXPORT_REGEXP = /^export (?:\*|\{(?<names>[^}]*)\}) from ["']/gm;
const DEFINITION_REGEXP = /^export (?:async |abstract )*(?:function\*?|class) ([\w$]+)/gm;

function* checkExamples(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const module of files.filter((file) => /^\w+\/mod\.ts$/.test(file.path))) {
    for (const match of module.code.matchAll(REEXPORT_REGEXP)) {
      const names = match.groups!.names?.split(",").map((name) => name.trim().split(" ")[0]);
      const start = match.index + match[0].length;
      const specifier = /^[^"']*/.exec(module.text.slice(start))![0];
      const path = new URL(specifier, `file:///${module.path}`).pathname.slice(1);
      const file = files.find((file) => file.path === path);
      if (file) yield* missingExamples(file, names);
    }
  }
}

function* missingExamples(file: ScannedFile, names?: (string | undefined)[]): Iterable<Offence> {
  const seen = new Set<string>();
  for (const match of file.code.matchAll(DEFINITION_REGEXP)) {
    const name = match[1]!;
    if (seen.has(name) || (names && !names.includes(name))) continue;
    seen.add(name);
    const line = lineAt(file, match.index);
    if (/@example \S.*\n[ *]*```ts/.test(docAbove(file, line) ?? "")) continue;
    yield {
      path: file.path,
      line,
      hint: `show how ${name} is used: @example Title, then \`\`\`ts`,
    };
  }
}

function* checkRequiredFiles(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const path of REQUIRED_FILES) {
    if (!files.some((file) => file.path === path)) yield { path, line: 1, hint: "write it" };
  }
}

function* checkImportMaps(files: readonly ScannedFile[]): Iterable<Offence> {
  const npm = parseMap(files.find((file) => file.path === "deno.json"), "imports");
  const jsr = parseMap(files.find((file) => file.path === "deno.jsr.json"), "imports");
  for (const name of Object.keys(npm)) {
    const isUsed = files.some((file) =>
      importsOf(file).some(({ specifier }) => specifier === name)
    );
    if (!isUsed) yield { path: "deno.json", line: 1, hint: `nothing imports ${name}: drop it` };
    const [scope, part] = name.split("/");
    const expected = scope === "@std" ? `jsr:@std/${part}@` : npm[name]!;
    if (jsr[name]?.startsWith(expected)) continue;
    yield { path: "deno.jsr.json", line: 1, hint: `map ${name} to ${expected}...` };
  }
}

function* checkDenoVersion(files: readonly ScannedFile[]): Iterable<Offence> {
  const readme = files.find((file) => file.path === "README.md")?.text ?? "";
  const pinned = /\bdeno@(\d+\.\d+\.\d+)\b/.exec(readme)?.[1];
  for (const task of ["demo", "test"]) {
    if (readme.includes(`npx -y deno@${pinned} task ${task}`)) continue;
    yield { path: "README.md", line: 1, hint: `show the command npx -y deno@... task ${task}` };
  }
  for (const file of files) {
    for (const match of file.text.matchAll(/(?<!\w)[Dd]eno[@ ]v?(\d+\.\d+\.\d+)\b/g)) {
      if (match[1] === pinned) continue;
      const hint = `${match[1]} is not the version that README.md pins, ${pinned}`;
      yield { path: file.path, line: lineAt(file, match.index), hint };
    }
  }
}

const PLACE_REGEXP = /\bregistry\.[a-z0-9-]+\.[a-z]+|(?<![\w.-])\/(?:work|root|home)\/\w/g;

function* checkPlaces(files: readonly ScannedFile[]): Iterable<Offence> {
  for (const file of files) {
    const pattern = file.path === "deno.lock" ? /\w+:\/\/[^"\s]+/g : PLACE_REGEXP;
    for (const match of file.text.matchAll(pattern)) {
      const hint = `"${match[0]}" exists on one machine only: make it relative, or drop it`;
      yield { path: file.path, line: lineAt(file, match.index), hint };
    }
  }
}

/** One object of strings of a JSON file; empty where there is none. */
function parseMap(file: ScannedFile | undefined, member: string): Record<string, string> {
  return JSON.parse(file?.text ?? "{}")[member] ?? {};
}
