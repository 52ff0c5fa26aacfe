// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Writes redis/command_table.ts, redis/commands.ts and redis/commands_<family>.ts from what a
// server of version 7.0 says and from redis_command_facts*.txt: deno run -A tests/redis_generate.ts

import { settle } from "../redis/client_options.ts";
import { startServer } from "../redis/embedded.ts";
import { openConnection } from "../redis/handshake.ts";
import { defineCommand } from "../redis/command_definition.ts";
import { type DocumentedArgument, usageOf } from "./redis_usage.ts";
import { familyClass, wrapperOf } from "./redis_generate_wrapper.ts";

/** All that is known of one command. */
export interface CommandFacts {
  /** `CLIENT SETNAME`. */
  readonly name: string;
  /** Family, which names a file. */
  readonly family: string;
  /** As `COMMAND INFO` has it. */
  readonly arity: number;
  /** Flags in order. */
  readonly flags: string;
  /** Key positions, as `keysOf` writes them. */
  readonly keys: string;
  /** First version. */
  readonly since: string;
  /** Complexity: `O(1)`. */
  readonly complexity: string;
  /** How it is used, as `parseUsage` reads it. */
  readonly usage: string;
  /** What it replies. */
  readonly reply: string;
  /** A line about it. */
  readonly summary: string;
  /** No server here has it. */
  readonly isUnverified: boolean;
}

/** What a server says of one command: `COMMAND INFO` and `COMMAND DOCS`. */
export interface ServerFacts {
  readonly name: string;
  readonly arity: number;
  readonly flags: string;
  readonly keys: string;
  readonly since: string;
  readonly complexity: string;
  readonly usage: string;
}

/** One row of the facts by hand. */
export interface HandFacts {
  readonly name: string;
  readonly family: string;
  readonly reply: string;
  readonly summary: string;
  readonly usage: string | undefined;
}

type Plain = string | number | null | Plain[] | Map<string, Plain> | Set<string>;

/** Asks a server for all of its commands. */
export async function askServer(path: string): Promise<Map<string, ServerFacts>> {
  const connection = await openConnection(settle({ path }));
  const ask = async (...words: string[]) =>
    await connection.request({
      definition: defineCommand(words.join(" "), -1, "", []),
      args: [],
    }) as Plain;
  const infos = flatten(await ask("COMMAND") as Plain[]);
  const docs = flattenDocs(await ask("COMMAND", "DOCS") as Map<string, Plain>);
  connection.close();
  return new Map(infos.map((info) => {
    const name = String(info[0]).toUpperCase().replace("|", " ");
    const doc = docs.get(name);
    const flags = [...info[2] as Set<string>].join(" ");
    const argumentsOf = (doc?.get("arguments") ?? []) as unknown as Map<string, Plain>[];
    return [name, {
      name,
      arity: Number(info[1]),
      flags,
      keys: keysOf([...info[8] as Set<unknown>] as Map<string, Plain>[]),
      since: String(doc?.get("since") ?? ""),
      complexity: complexityOf(String(doc?.get("complexity") ?? "")),
      usage: usageOf(argumentsOf.map(documented)),
    }];
  }));
}

/** Every command and subcommand; a container that has subcommands is none, `COMMAND` aside. */
function flatten(infos: Plain[]): Plain[][] {
  return (infos as Plain[][]).flatMap((info) => {
    const subcommands = [...info[9] as Set<Plain>] as Plain[][];
    if (subcommands.length === 0) return [info];
    return info[0] === "command" ? [info, ...subcommands] : subcommands;
  });
}

function flattenDocs(docs: Map<string, Plain>): Map<string, Map<string, Plain>> {
  const flat = new Map<string, Map<string, Plain>>();
  for (const [name, doc] of docs as Map<string, Map<string, Plain>>) {
    flat.set(name.toUpperCase(), doc);
    for (const [sub, inner] of (doc.get("subcommands") ?? []) as Map<string, Map<string, Plain>>) {
      flat.set(sub.toUpperCase().replace("|", " "), inner);
    }
  }
  return flat;
}

function documented(argument: Map<string, Plain>): DocumentedArgument {
  const parts = argument.get("arguments") as unknown as Map<string, Plain>[] | undefined;
  const flags = argument.get("flags") as unknown as Iterable<string> | undefined;
  const token = argument.get("token");
  return {
    name: String(argument.get("name")),
    type: String(argument.get("type")),
    ...(token === undefined ? {} : { token: String(token) }),
    flags: flags ? [...flags] : [],
    arguments: parts ? [...parts].map(documented) : [],
  };
}

/** Only the terms: `O(N) ... O(1)` becomes `O(N), O(1)`. */
function complexityOf(text: string): string {
  return [...new Set(text.match(/O\((?:[^()]|\([^()]*\))*\)/g) ?? [])].join(", ");
}

/**
 * Key positions in short: `1`, `1..-1`, `1..-1/2`, `#2` (a count, and so many behind it),
 * `STREAMS+6:half` (behind the word, which is looked for from place 6 on), `?`.
 */
function keysOf(specs: Map<string, Plain>[]): string {
  return specs.map((spec) => {
    const begin = spec.get("begin_search") as Map<string, Plain>;
    const find = spec.get("find_keys") as Map<string, Plain>;
    const [where, range] = [begin.get("spec"), find.get("spec")] as Map<string, Plain>[];
    if (begin.get("type") === "unknown" || find.get("type") === "unknown") return "?";
    if (begin.get("type") === "keyword") {
      const what = Number(range!.get("lastkey")) === 0
        ? "one"
        : range!.get("limit") === 2
        ? "half"
        : "all";
      return `${where!.get("keyword")}+${where!.get("startfrom")}:${what}`;
    }
    const first = Number(where!.get("index"));
    if (find.get("type") === "keynum") return `#${first + Number(range!.get("keynumidx"))}`;
    const [last, step] = [Number(range!.get("lastkey")), Number(range!.get("keystep"))];
    const end = last === 0 ? "" : `..${last > 0 ? first + last : last}`;
    return `${first}${end}${step > 1 ? `/${step}` : ""}`;
  }).join(" ");
}

/** The lines of a file of facts, without those that say nothing. */
function linesOf(name: string): string[] {
  const text = Deno.readTextFileSync(new URL(name, import.meta.url));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("//"));
}

/** The rows of `redis_command_facts.txt`. */
export function handFacts(lines: readonly string[]): HandFacts[] {
  let family = "";
  const rows: HandFacts[] = [];
  for (const line of lines) {
    if (line.startsWith("# ")) family = line.slice(2);
    else if (line.startsWith("~ ")) {
      const row = rows.at(-1)!;
      const usage = line.slice(2 + row.name.length).trim();
      rows[rows.length - 1] = { ...row, usage };
    } else {
      const [name, reply, summary] = line.split(" | ").map((cell) => cell.trim());
      rows.push({ name: name!, family, reply: reply!, summary: summary!, usage: undefined });
    }
  }
  return rows;
}

/** The rows of `redis_command_facts_unverified.txt`. */
export function unverifiedFacts(lines: readonly string[]): CommandFacts[] {
  let family = "";
  return lines.flatMap((line) => {
    if (line.startsWith("# ")) family = line.slice(2);
    if (line.startsWith("# ")) return [];
    const cells = splitCells(line);
    const [name, since, arity, flags, keys, complexity, reply, usage, summary] = cells as string[];
    return [{
      ...{ name: name!, family, arity: Number(arity), flags: flags!, keys: keys!, since: since! },
      ...{ complexity: complexity!, usage: usage!, reply: reply!, summary: summary! },
      isUnverified: true,
    }];
  });
}

/** Cells are kept apart by " | "; those of the usage have no spaces around. */
function splitCells(line: string): string[] {
  return line.split(/ \|(?= |$)/).map((cell) => cell.trim());
}

/** Everything, the facts of the server joined with those by hand. */
export function joinFacts(server: ReadonlyMap<string, ServerFacts>): CommandFacts[] {
  const verified = handFacts(linesOf("redis_command_facts.txt")).map((row) => {
    const facts = server.get(row.name);
    if (facts === undefined) throw new Error(`The server has no ${row.name}`);
    return { ...facts, ...row, usage: row.usage ?? facts.usage, isUnverified: false };
  });
  const missing = [...server.keys()].filter((name) => !verified.some((row) => row.name === name));
  if (missing.length > 0) throw new Error(`No facts about ${missing.join(", ")}`);
  return [...verified, ...unverifiedFacts(linesOf("redis_command_facts_unverified.txt"))];
}

/** All files by their names. */
export function generate(facts: readonly CommandFacts[]): Map<string, string> {
  const families = [...new Set(facts.map(({ family }) => family))];
  const files = new Map([["command_table.ts", tableFile(facts)]]);
  let base = "CommandSender";
  let baseFile = "command_sender.ts";
  for (const family of families) {
    const rows = facts.filter((row) => row.family === family);
    files.set(`commands_${family}.ts`, familyFile(family, rows, base, baseFile));
    base = familyClass(family);
    baseFile = `commands_${family}.ts`;
  }
  files.set("commands.ts", lastFile(base, baseFile));
  return files;
}

const HEAD = "// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.\n" +
  "// Generated by tests/redis_generate.ts from what a server says; do not edit.\n";

function tableFile(facts: readonly CommandFacts[]): string {
  const rows = facts.map((row) => {
    const cells = [
      row.name,
      row.arity,
      row.flags,
      row.keys,
      row.since,
      row.isUnverified ? "unverified" : "",
    ];
    return `  ${JSON.stringify(cells)},`;
  });
  return `${HEAD}
/** One command: what the server says of it, and whether one was asked. */
export type CommandRow = readonly [
  name: string,
  arity: number,
  flags: string,
  keys: string,
  since: string,
  note: "" | "unverified",
];

/** Every command of Redis 7.0, and those of later versions and modules, which are unverified. */
// deno-fmt-ignore
export const COMMAND_ROWS: readonly CommandRow[] = [
${rows.join("\n")}
];
`;
}

function familyFile(
  family: string,
  rows: readonly CommandFacts[],
  base: string,
  baseFile: string,
): string {
  const wrappers = rows.filter(({ reply }) => reply !== "push").map(wrapperOf);
  const uses = wrappers.map(({ code, options }) => code + options).join("\n");
  const name = familyClass(family);
  const title = family.replaceAll("_", " ");
  const methods = wrappers.map(({ code }) => code).join("\n");
  return `${HEAD}
${imports(uses, "command_arguments.ts", /\b(?:push[A-Z]\w*|Key|Many|Score|Pairs|Tuples)\b/g)}
import { findCommand } from "./command_lookup.ts";
${imports(uses, "command_replies.ts", /\b(?:read[A-Z]\w*|StreamEntry|ReplyRecord)\b/g)}
import { ${base} } from "./${baseFile}";
${imports(uses, "reply.ts", /\bReply\b/g)}
${imports(uses, "request_encoder.ts", /\bArgument\b/g)}
${wrappers.map(({ options }) => options).join("\n")}

/** The commands of the family "${title}" and of those before it. */
export abstract class ${name}<S extends string | Uint8Array = string> extends ${base}<S> {
${methods}
}

${wrappers.map(({ constant }) => constant).join("\n")}
`;
}

function imports(uses: string, file: string, names: RegExp): string {
  const found = [...new Set(uses.match(names) ?? [])].sort();
  if (found.length === 0) return "";
  const isValue = (name: string) => /^(?:push|read)/.test(name);
  if (!found.some(isValue)) return `import type { ${found.join(", ")} } from "./${file}";`;
  const marked = found.map((name) => isValue(name) ? name : `type ${name}`);
  return `import { ${marked.join(", ")} } from "./${file}";`;
}

function lastFile(base: string, baseFile: string): string {
  return `${HEAD}
import { ${base} } from "./${baseFile}";

/**
 * Every command as a method: its words in camel case, what must be given as arguments, and
 * everything else as options that are called as the server calls them. Integers are numbers;
 * beyond 2^53 they come as bigint.
 *
 * @typeParam S What strings of replies are
 *
 * @example Options have the server's names
 * \`\`\`ts
 * import { type Commands, connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const commands: Commands = client;
 * await commands.zadd("race", [[12, "ann"], [9, "bob"]]);
 * const fastest = await commands.zrange("race", 0, 0, { WITHSCORES: true });
 * assertEquals(fastest, [["bob", 9]]);
 * \`\`\`
 */
export abstract class Commands<S extends string | Uint8Array = string> extends ${base}<S> {}
`;
}

if (import.meta.main) {
  await using server = await startServer();
  const files = generate(joinFacts(await askServer(server.path)));
  const folder = new URL("../redis/", import.meta.url);
  for (const [name, text] of files) await Deno.writeTextFile(new URL(name, folder), text);
  const paths = [...files.keys()].map((name) => new URL(name, folder).pathname);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", ...paths] }).spawn().status;
}
