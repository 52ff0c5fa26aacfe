// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `infer_cuda_report.ts RESULT`: what bench.sh has kept of the model that the engine was timed
// with: tokens a second through the engine beside their goals, of the library alone, and of
// transformers.

/** A line of a result; see speed.cu, infer_cuda_speed.ts and transformers_speed.py. */
interface ResultLine {
  readonly model?: string;
  readonly engine?: boolean;
  readonly peer?: string;
  readonly decode?: number;
  readonly prompt?: number;
  readonly "tokens_per_s"?: number;
  readonly "first_token_ms"?: number;
  readonly goal?: number;
  readonly "goal_ms"?: number;
}

const HEADS = ["tokens/s", "goal", "engine", "library", "transformers"];
const WIDTH = 14;

if (import.meta.main) console.log(report(await Deno.readTextFile(Deno.args[0]!)));

/** The table. The first line of a kind counts: later ones are of other settings. */
export function report(text: string): string {
  const all: ResultLine[] = text.trim().split("\n").map((line) => JSON.parse(line));
  const engineModel = all.find(({ engine }) => engine)?.model;
  const lines = all.filter(({ model }) => model === engineModel);
  const names = new Set(lines.map(nameOf).filter((name) => name !== undefined));
  const rows = [...names].flatMap((name) => {
    const same = lines.filter((line) => nameOf(line) === name);
    const engine = same.find((line) => line.engine);
    const library = same.find((line) => !line.engine && line.peer === undefined);
    const peer = same.find((line) => line.peer !== undefined);
    const each = [engine, library, peer];
    const rates = each.map((line) => line?.tokens_per_s);
    const firsts = each.map((line) => line?.first_token_ms);
    return [
      [name, engine?.goal, ...rates],
      ...engine?.goal_ms === undefined ? [] : [[`${name}, ms`, engine.goal_ms, ...firsts]],
    ];
  });
  return [HEADS, ...rows].map((row) => row.map(cell).join("")).join("\n");
}

function nameOf({ decode, prompt }: ResultLine): string | undefined {
  if (decode !== undefined) return `batch ${decode}`;
  return prompt === undefined ? undefined : `prompt ${prompt}`;
}

function cell(value: string | number | undefined, column: number): string {
  const text = String(value ?? "-");
  return column === 0 ? text.padEnd(WIDTH) : text.padStart(WIDTH);
}
