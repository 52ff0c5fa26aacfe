// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openTokenizer } from "./chat/open_tokenizer.ts";
import type { JsonNode } from "./model/json_node.ts";
import type { ModelSource } from "./model/model_source.ts";
import type { RopeConfig } from "./model/rope.ts";
import { elementCount, type TensorInfo } from "./model/tensor.ts";
import { weightPlan } from "./model/weight_plan.ts";

/**
 * What a model is, for people: its shape, its tensors and their sizes, its tokenizer.
 *
 * @example The first line of it
 * ```ts
 * import { inspectModel, openModel } from "@photon/std/infer";
 * import { assertStringIncludes } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/qwen3-linear");
 * assertStringIncludes(await inspectModel(source), "qwen3");
 * ```
 * @throws {ModelFileError} when the tokenizer or a chat template is wrong
 */
export async function inspectModel(source: ModelSource): Promise<string> {
  const sections = [
    section("Model", shapeRows(source)),
    section("Tokenizer", await tokenizerRows(source)),
    section("Tensors", tensorRows(source)),
  ];
  return sections.join("\n\n");
}

type Row = readonly [name: string, ...values: string[]];

function section(title: string, rows: readonly Row[]): string {
  const widths = rows.reduce<number[]>((widths, row) => {
    return row.map((cell, i) => Math.max(widths[i] ?? 0, cell.length));
  }, []);
  const lines = rows.map((row) =>
    `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd()
  );
  return [title, ...lines].join("\n");
}

function shapeRows({ path, format, config, generation }: ModelSource): Row[] {
  const { headCount, kvHeadCount, headSize, quantization } = config;
  const { eosTokenIds, ...sampling } = generation;
  return [
    ["path", path],
    ["format", format],
    ["family", config.family],
    ["parameters", count(parameterCount(config))],
    ["layers", String(config.layerCount)],
    ["hidden", `${config.hiddenSize}, ${config.intermediateSize} inside`],
    ["heads", `${headCount} queries, ${kvHeadCount} keys and values, of ${headSize}`],
    ["vocabulary", `${config.vocabularySize}, ${config.tiedEmbeddings ? "tied" : "untied"}`],
    ["context", `${config.contextTokensMax} tokens`],
    ["RoPE", describeRope(config.rope)],
    ["norm epsilon", String(config.normEpsilon)],
    ["biases", biases(config)],
    ["quantization", quantization ? `INT8 in groups of ${quantization.groupSize}` : "none"],
    ["end tokens", eosTokenIds.join(", ") || "none"],
    ["sampling", Object.entries(sampling).map((pair) => pair.join(" ")).join(", ") || "not said"],
  ];
}

function parameterCount(config: ModelSource["config"]): number {
  return weightPlan(config).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function biases(config: ModelSource["config"]): string {
  const names = [config.attentionBias && "attention", config.mlpBias && "feed-forward"];
  return names.filter(Boolean).join(", ") || "none";
}

function describeRope(rope: RopeConfig): string {
  const { theta, type, ...rest } = rope;
  const numbers = Object.entries(rest).map(([name, value]) =>
    value instanceof Float32Array ? `${value.length} factors` : `${name} ${value}`
  );
  return [type, `theta ${theta}`, ...numbers].join(", ");
}

async function tokenizerRows(source: ModelSource): Promise<Row[]> {
  let root: JsonNode;
  try {
    root = await source.tokenizer();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [["file", "none"]];
    throw error;
  }
  const { tokenizer, chatTemplates } = await openTokenizer({
    ...source,
    tokenizer: () => Promise.resolve(root),
  });
  const model = root.member("model");
  const special = tokenizer.addedTokens.filter(({ special }) => special);
  const { bosTokenId } = source.config;
  const shown = special.slice(0, 8).map(({ id, content }) => `${content} ${id}`);
  return [
    ["model", `${model.member("type").text()}, ${tokenizer.size} tokens`],
    ["merges", String(model.member("merges").elements().length)],
    ["added", `${tokenizer.addedTokens.length}, of them special ${special.length}`],
    ["special", shown.join(", ") + (special.length > shown.length ? ", ..." : "")],
    ["begin token", bosTokenId === null ? "none" : String(bosTokenId)],
    ["chat templates", [...chatTemplates.keys()].join(", ") || "none"],
  ];
}

function tensorRows({ tensors, path }: ModelSource): Row[] {
  const all = [...tensors.values()];
  const rows = all.map((tensor): Row => [
    tensor.name,
    tensor.type,
    `[${tensor.shape.join(", ")}]`,
    size(tensor.byteLength),
    tensor.file.startsWith(`${path}/`) ? tensor.file.slice(path.length + 1) : "",
  ]);
  const byType = Map.groupBy(all, ({ type }) => type);
  const totals = [...byType].map(([type, group]) => total(`total ${type}`, group));
  return [...rows, ...totals, total("total", all)];
}

function total(name: string, tensors: readonly TensorInfo[]): Row {
  const bytes = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return [name, "", `${tensors.length} tensors`, size(bytes), ""];
}

/** `1.24 billion` */
function count(number: number): string {
  if (number >= 1e9) return `${(number / 1e9).toFixed(2)} billion`;
  return number >= 1e6 ? `${(number / 1e6).toFixed(1)} million` : String(number);
}

/** `12.3 MB` */
function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} B`;
}
