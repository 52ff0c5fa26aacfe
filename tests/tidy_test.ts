// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { repositoryRules } from "./tidy_repository.ts";
import { fileRules, type Offence, type Rule } from "./tidy_rules.ts";
import { scan, scanRepository } from "./tidy_scan.ts";

// The house style as tests. A failure lists file, line and the way to mend it; the second half of
// this file proves that each rule finds what it is for.

const ROOT = new URL("../", import.meta.url);
const RULES: readonly Rule[] = [...fileRules, ...repositoryRules];

const repository = scanRepository(ROOT);
for (const rule of RULES) {
  Deno.test(`tidy: ${rule.name}`, () => report([...rule.check(repository)]));
}

function report(offences: readonly Offence[]): void {
  if (offences.length === 0) return;
  const lines = offences.map(({ path, line, hint }) => `\n  ${path}:${line}: ${hint}`);
  // The places are the message; where this file threw is not.
  throw Object.assign(new Error(`${offences.length} to mend${lines.join("")}`), { stack: "" });
}

/** A rule, files to hold it against, and where they break it. */
interface Case {
  /** A word or two that the rule's name alone has. */
  readonly rule: string;
  readonly files: Record<string, string>;
  /** The offences expected, as `path:line`. */
  readonly found: readonly string[];
}

function config(members: object): string {
  return JSON.stringify(members);
}

function pinned(version: string): string {
  return `npx -y deno@${version} task demo\nnpx -y deno@${version} task test`;
}

function long(count: number, line: string): string {
  return `${line}\n`.repeat(count);
}

// Data: one row a thing to find, or to let pass where `found` is empty.
// deno-fmt-ignore
const cases: readonly Case[] = [
  { rule: "copyright",  files: { "net/a.ts": "export {};" },                                        found: ["net/a.ts:1"] },
  { rule: "400 lines",  files: { "net/a.ts": long(401, "") },                                       found: ["net/a.ts:401"] },
  { rule: "400 lines",  files: { "net/a.ts": "// Data: a table.\n" + long(401, "") },               found: [] },
  { rule: "70 lines",   files: { "net/a.ts": `function f() {\n${long(69, "  g();")}}` },            found: ["net/a.ts:1"] },
  { rule: "70 lines",   files: { "net/a.ts": `class A {\n  f(\n    x: X,\n  ): void {\n${long(70, "    g();")}  }\n}` }, found: ["net/a.ts:2"] },
  { rule: "70 lines",   files: { "net/a.ts": `class A {\n  f(): void {}\n  g(): void {\n  }\n${long(70, "  #x = 1;")}}` }, found: [] },
  { rule: "70 lines",   files: { "tests/a_test.ts": `Deno.test("a", () => {\n${long(70, "  g();")}});` }, found: ["tests/a_test.ts:1"] },
  { rule: "columns",    files: { "net/a.ts": "f();\n// " + "x".repeat(98) },                        found: ["net/a.ts:2"] },
  { rule: "columns",    files: { "net/a.ts": `// deno-fmt-ignore\nconst a = {\n  a: 1,${" ".repeat(99)}// 1\n};` }, found: [] },
  { rule: "file names", files: { "net/utils.ts": "", "net/MyFile.ts": "", "net/deep/a.ts": "" },    found: ["net/utils.ts:1", "net/MyFile.ts:1", "net/deep/a.ts:1"] },
  { rule: "file names", files: { "tests/types_test.ts": "", "infer/native/a.ts": "" },              found: [] },
  { rule: "constructs", files: { "net/a.ts": "const a: any = 1;\nf<any>(a as any);" },              found: ["net/a.ts:1", "net/a.ts:2", "net/a.ts:2"] },
  { rule: "constructs", files: { "net/a.ts": '// any\nconst a = "any" + `any ${Promise.any([])}`;\nconst r = /any/;' }, found: [] },
  { rule: "constructs", files: { "net/a.ts": "class A {\n  private a = 1;\n  constructor(public b: B) {}\n}" }, found: ["net/a.ts:2", "net/a.ts:3"] },
  { rule: "constructs", files: { "net/a.ts": "export default 1;\nexport const enum A {}" },         found: ["net/a.ts:1", "net/a.ts:2"] },
  { rule: "constructs", files: { "net/a.ts": "const f = (a: A): B => a;\nconst g = { h: () => 1 };" }, found: ["net/a.ts:1"] },
  { rule: "constructs", files: { "net/a.ts": "const a = await f();\nasync function g() {\n  await f();\n}" }, found: ["net/a.ts:1"] },
  { rule: "constructs", files: { "net/a.ts": 'console.log("a");', "bench/a.ts": 'console.log("a");' }, found: ["net/a.ts:1"] },
  { rule: "constructs", files: { "net/a.ts": "Deno.dlopen(a, b);\nDeno.UnsafePointer.of(a);", "ffi/a.ts": "Deno.dlopen(a, b);" }, found: ["net/a.ts:1", "net/a.ts:2"] },
  { rule: "constructs", files: { "io/a.ts": "if (r === -11) f();\nif (i === -1) f();\nconst EAGAIN = 11;\nconst ENTRIES = 8;" }, found: ["io/a.ts:1", "io/a.ts:3"] },
  { rule: "constructs", files: { "net/a.ts": "// TODO: later\n// TODO(#12): later\n// deno-lint-ignore no-empty\n// deno-lint-ignore no-empty -- why" }, found: ["net/a.ts:1", "net/a.ts:3"] },
  { rule: "doc comment", files: { "net/a.ts": "/** A. */\nexport class A extends C {}\nexport class B extends C {}" }, found: ["net/a.ts:3"] },
  { rule: "doc comment", files: { "net/a.ts": "/** F. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\n/**\n * D.\n */\n// deno-fmt-ignore\nexport const D = {};" }, found: [] },
  { rule: "error messages", files: { "net/a.ts": 'new Error("cannot read");\nnew Deno.errors.NotFound(\n  "Cannot read.",\n);\nnew TypeError(`It isn\'t ${a ? "x." : `y`} here`);' }, found: ["net/a.ts:1", "net/a.ts:3", "net/a.ts:5"] },
  { rule: "error messages", files: { "net/a.ts": 'new Error("Cannot read. " +\n  "b");\nnew RangeError(`Cannot read "${a.b}"`);\nnew Error(text);' }, found: [] },
  { rule: "imports point", files: { "net/a.ts": 'import { a } from "../fs/a.ts";\nimport { b } from "../io/mod.ts";\nimport { c } from "../io/c.ts";\nimport d from "npm:d";' }, found: ["net/a.ts:1", "net/a.ts:2", "net/a.ts:4"] },
  { rule: "imports point", files: { "http/a.ts": 'import type { A } from "../rpc/a.ts";\nexport * from "../net/_a.ts";\n/** import a from "../rpc/a.ts" */' }, found: ["http/a.ts:1", "http/a.ts:2"] },
  { rule: "imports point", files: { "io/a.ts": 'import {\n  a,\n} from "../net/a.ts";\nconst b = await import("../tests/a.ts");\nimport net from "node:net";' }, found: ["io/a.ts:3", "io/a.ts:4"] },
  { rule: "comes back", files: { "io/a.ts": 'import "./b.ts";', "io/b.ts": 'import { c } from "./c.ts";', "io/c.ts": 'import { a } from "./a.ts";' }, found: ["io/c.ts:1"] },
  { rule: "comes back", files: { "io/a.ts": 'import "./b.ts";', "io/b.ts": 'import type { A } from "./a.ts";' }, found: [] },
  { rule: "module folder", files: { "deno.json": config({ exports: { "./io": "./io/mod.ts" } }), "net/mod.ts": "" }, found: ["deno.json:1", "net/mod.ts:1", "deno.json:1"] },
  { rule: "module folder", files: { "deno.json": config({ exports: { "./io": "./io/mod.ts" } }), "io/mod.ts": "/**\n * I/O.\n * @module */" }, found: [] },
  { rule: "carry an example", files: { "io/mod.ts": 'export { A } from "./a.ts";\nexport * from "./b.ts";', "io/a.ts": "/** A. */\nexport class A {}\nexport class B {}", "io/b.ts": "/**\n * B.\n * @example Use\n * ```ts\n * ```\n */\nexport function b() {}\nexport function c() {}" }, found: ["io/a.ts:2", "io/b.ts:8"] },
  { rule: "repository needs", files: Object.fromEntries(["README.md", "ARCHITECTURE.md", "LICENSE", "deno.json", "deno.jsr.json", "mod.ts", ".ci/run"].map((path) => [path, ""])), found: ["CHANGELOG.md:1"] },
  { rule: "import maps", files: { "deno.json": config({ imports: { "@std/a": "npm:a", "@std/b": "npm:b" } }), "deno.jsr.json": config({ imports: { "@std/a": "jsr:@std/a@^1" } }), "tests/a_test.ts": 'import { a } from "@std/a";' }, found: ["deno.json:1", "deno.jsr.json:1"] },
  { rule: "version of Deno", files: { "README.md": pinned("1.2.3"), "bench/a.md": `Deno ${"1.2.3"}\nDeno ${"1.2.4"}` }, found: ["bench/a.md:2"] },
  { rule: "version of Deno", files: { "README.md": "" },                                            found: ["README.md:1", "README.md:1"] },
  { rule: "registry host", files: { "README.md": `a\n/${"work"}/main\nhttps://${"registry"}.npm.org`, "deno.lock": '{ "tarball": "https://a" }' }, found: ["README.md:2", "README.md:3", "deno.lock:1"] },
];

for (const rule of RULES) {
  Deno.test(`tidy: the rule finds what breaks it: ${rule.name}`, () => {
    const own = cases.filter((row) => rule.name.includes(row.rule));
    assert(own.some(({ found }) => found.length > 0), "Write a row that breaks the rule");
    for (const { files, found } of own) {
      const scanned = Object.entries(files).map(([path, text]) => scan(path, text));
      const offences = [...rule.check(scanned)].map(({ path, line }) => `${path}:${line}`);
      assertEquals(offences, found, JSON.stringify(files));
    }
  });
}
