// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { median, type Result } from "./rounds.ts";
import type { Case, Suite } from "./suite.ts";

/** Digits behind the point of a ratio. */
const RATIO_DIGITS = 2;
/** Characters of an error message in a row; the JSON lines have all of it. */
const TROUBLE_CHARS_MAX = 160;

/**
 * The table of a suite: one block per case, one row per subject, all columns aligned.
 *
 * A number is the median of the rounds. A ratio is the median of the ratios of each round, which a
 * drift of the machine between rounds does not touch. `+-` is half the distance between the best
 * and the worst round of the first column, in per cent of its median.
 */
export function table(suite: Suite, results: ReadonlyMap<Case, readonly Result[]>): string {
  const rows: string[][] = [];
  const titles = new Map<number, string>();
  for (const [one, measured] of results) {
    titles.set(rows.length, one.name);
    for (const result of measured) rows.push(row(suite, result, measured));
  }
  const heads = ["", ...suite.columns.map(({ head }) => head), ...ratioHeads(suite), "+-"];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((cells) => cells.length > 2 ? cells[column]!.length : 0))
  );
  widths[0] = Math.max(...rows.map(([name]) => name!.length));
  const lines = [aligned(heads, widths)];
  for (const [index, cells] of rows.entries()) {
    const title = titles.get(index);
    if (title !== undefined) lines.push(title);
    lines.push(aligned(cells, widths));
  }
  return [...lines, ...notes(results)].join("\n");
}

/** Cells of one subject: its name and numbers, or its name and what is wrong. */
function row(suite: Suite, result: Result, all: readonly Result[]): string[] {
  const { subject, rounds, trouble } = result;
  if (trouble !== null) {
    return [`  ${subject}`, trouble.replaceAll(/\s+/g, " ").slice(0, TROUBLE_CHARS_MAX)];
  }
  const series = (metric: string) => rounds.map((round) => round[metric] ?? NaN);
  const ratios = suite.ratios.map(({ metric, baseline }) => {
    const base = all.find((other) => other.subject === baseline)?.rounds ?? [];
    return series(metric).map((value, round) => value / (base[round]?.[metric] ?? NaN));
  });
  return [
    `  ${subject}`,
    ...suite.columns.map(({ metric, digits }) => number(median(series(metric)), digits)),
    ...ratios.map((ratio) => number(median(ratio), RATIO_DIGITS)),
    spread(series(suite.columns[0]!.metric)),
  ];
}

/** `msg/s/deno`: the column, divided by that subject. */
function ratioHeads({ columns, ratios }: Suite): string[] {
  return ratios.map(({ metric, baseline }) => {
    const { head } = columns.find((column) => column.metric === metric)!;
    return `${head.split(" ")[0]} / ${baseline}`;
  });
}

function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

function spread(values: readonly number[]): string {
  const half = (Math.max(...values) - Math.min(...values)) / 2;
  const percent = 100 * half / median(values);
  return Number.isFinite(percent) ? `${percent.toFixed(0)}%` : "-";
}

function aligned([name, ...cells]: readonly string[], [first, ...widths]: number[]): string {
  const padded = cells.length === 1
    ? cells
    : cells.map((cell, column) => cell.padStart(widths[column]!));
  return [name!.padEnd(first!), ...padded].join("  ").trimEnd();
}

/** What the servers said about themselves, each line once. */
function notes(results: ReadonlyMap<Case, readonly Result[]>): string[] {
  const said = [...results.values()].flat()
    .filter(({ note }) => note !== "")
    .map(({ subject, note }) => `${subject}: ${note}`);
  return said.length === 0 ? [] : ["", ...new Set(said)];
}
