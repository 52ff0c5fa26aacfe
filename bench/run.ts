// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno task bench [suite...] [--quick] [--json FILE] [--runs N] [--only TEXT]`, see README.md.

import { parseArgs } from "node:util";
import { killAll } from "./process.ts";
import { jsonLines } from "./json_lines.ts";
import { anyCpu, separateCpus } from "./placement.ts";
import { measureCase, type Result } from "./rounds.ts";
import type { Case, Prepared, Suite } from "./suite.ts";
import { table } from "./table.ts";

const USAGE = `Usage: deno task bench [suite...] [options]

  suite...      which suites, all of them by default
  --quick       fewer cases and subjects: a suite stays under a minute
  --runs N      rounds of which the median is taken, 5 by default and 3 with --quick
  --no-pin      let the kernel choose the CPUs
  --only TEXT   only the cases and subjects with TEXT in "<case> <subject>"
  --json FILE   also write one JSON object per line and number`;

const ROUNDS = 5;
const QUICK_ROUNDS = 3;

interface Options {
  readonly suites: readonly string[];
  readonly quick: boolean;
  /** Null for as many as the suite wants. */
  readonly rounds: number | null;
  readonly pin: boolean;
  readonly only: string;
  readonly json: string | null;
}

if (import.meta.main) main(Deno.args);

async function main(args: string[]): Promise<void> {
  stopOnInterrupt();
  const options = readOptions(args, await suiteNames());
  if (typeof options === "string") {
    console.error(`${options}\n\n${USAGE}`);
    Deno.exitCode = 2;
    return;
  }
  using json = options.json === null ? null : await Deno.create(options.json);
  for (const name of options.suites) {
    if (!await runSuite(name, options, json)) Deno.exitCode = 1;
  }
}

/** Reads the command line; a text says what is wrong with it. */
function readOptions(args: string[], known: readonly string[]): Options | string {
  let parsed;
  try {
    parsed = parseArguments(args);
  } catch (error) {
    return (error as Error).message;
  }
  const { values } = parsed;
  const positionals = parsed.positionals.map((name) => name.replaceAll("_", "-"));
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return `Cannot find suite "${unknown}": there are ${known.join(", ")}`;
  }
  const rounds = values.runs === undefined ? null : Number(values.runs);
  if (rounds !== null && (!Number.isInteger(rounds) || rounds < 1)) {
    return `Cannot run: --runs must be a number above 0, received "${values.runs}"`;
  }
  return {
    suites: positionals.length > 0 ? positionals : known,
    quick: values.quick,
    rounds,
    pin: !values["no-pin"],
    only: values.only,
    json: values.json ?? null,
  };
}

// Its type follows from its options.
function parseArguments(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      runs: { type: "string" },
      "no-pin": { type: "boolean", default: false },
      only: { type: "string", default: "" },
    },
  });
}

/** Measures and prints one suite; false when a subject failed. */
async function runSuite(
  name: string,
  options: Options,
  json: Deno.FsFile | null,
): Promise<boolean> {
  const { suite } = await import(`./suite_${name.replaceAll("-", "_")}.ts`) as { suite: Suite };
  showProgress(`${name}: preparing`);
  const placement = options.pin ? await separateCpus() : anyCpu("--no-pin");
  const prepared = await suite.prepare({ quick: options.quick, placement });
  const { cases, notes } = select(prepared, options.only);
  const rounds = options.rounds ??
    Math.max(options.quick ? QUICK_ROUNDS : ROUNDS, suite.roundsMin ?? 0);
  const results = new Map<Case, Result[]>();
  for (const [index, one] of cases.entries()) {
    const measured = await measureCase(suite, one, { rounds, placement }, (subject, round) => {
      const where = `case ${index + 1}/${cases.length}, run ${round + 1}/${rounds}`;
      showProgress(`${name}: ${where}: ${one.name}, ${subject}`);
    });
    results.set(one, measured);
    const lines = jsonLines(name, suite, one, measured);
    json?.writeSync(new TextEncoder().encode(lines));
  }
  await prepared.end?.();
  showProgress("");
  const conditions = `${machine()}; ${placement.note}; median of ${rounds}`;
  const head = [`${name}: ${suite.title}`, conditions, ...notes];
  console.log(`${head.join("\n")}\n\n${table(suite, results)}\n`);
  return ![...results.values()].flat().some(({ trouble }) => trouble?.startsWith("failed"));
}

function select({ cases, notes }: Prepared, text: string): Prepared {
  const selected = cases.map((one) => ({
    name: one.name,
    subjects: one.subjects.filter(({ name }) => `${one.name} ${name}`.includes(text)),
  }));
  return { cases: selected.filter(({ subjects }) => subjects.length > 0), notes };
}

/** The suites that exist: every `suite_<name>.ts` of this folder, with dashes for underscores. */
async function suiteNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(new URL(".", import.meta.url))) {
    const match = /^suite_(\w+)\.ts$/.exec(entry.name);
    if (match !== null) names.push(match[1]!.replaceAll("_", "-"));
  }
  return names.sort();
}

function machine(): string {
  const system = `${Deno.build.os} ${Deno.osRelease()}`;
  return `Deno ${Deno.version.deno}, ${system}, ${navigator.hardwareConcurrency} cores`;
}

/** One line on stderr that overwrites itself on a terminal; empty text clears it. */
function showProgress(text: string): void {
  const line = Deno.stderr.isTerminal() ? `\r\x1b[K${text}` : text === "" ? "" : `${text}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

function stopOnInterrupt(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      killAll();
      Deno.exit(130);
    });
  }
}
