// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseArgs } from "node:util";
import { inspectModel } from "./inspect_model.ts";
import { ModelFileError } from "./model_file_error.ts";
import { GROUP_SIZES } from "./model/group_quantize.ts";
import { openModel } from "./model/open_model.ts";
import { quantizeDirectory } from "./model/quantize_directory.ts";
import { GGUF_WEIGHT_TYPES, isGgufWeightType, writeGguf } from "./model/write_gguf.ts";
import { ProgressBar } from "./progress_bar.ts";

const USAGE = `Usage: deno task infer COMMAND

  inspect MODEL                       shape, tokenizer and tensors of a model
  quantize DIR OUT [--bits 8] [--group 64] [--workers N]
                                      INT8 in groups of 32, 64 or 128, on all cores
  gguf MODEL OUT.gguf [--type Q8_0]   F32, F16, BF16, Q8_0 or Q4_0, for llama.cpp

MODEL is a directory in Hugging Face's layout or a GGUF file.
`;

/** Exit status of a command that was not understood, as shells have it. */
const STATUS_USAGE = 2;

/**
 * Runs a command of `deno task infer`.
 *
 * @returns the exit status: 0 done, 1 failed, 2 not understood
 */
export async function runCommand(args: readonly string[], signal?: AbortSignal): Promise<number> {
  try {
    return await dispatch(args, signal);
  } catch (error) {
    if (error instanceof UsageError || isParseError(error)) {
      put(Deno.stderr, `${(error as Error).message}\n\n${USAGE}`);
      return STATUS_USAGE;
    }
    if (!isExpected(error) && error !== signal?.reason) throw error;
    put(Deno.stderr, `${(error as Error).message}\n`);
    return 1;
  }
}

class UsageError extends Error {}

/** What `parseArgs` throws for an option that there is not. */
function isParseError(error: unknown): boolean {
  return error instanceof TypeError &&
    /^ERR_PARSE_ARGS/.test((error as { code?: string }).code ?? "");
}

/** Errors whose message says all, those of the system too; others are defects, with their stack. */
function isExpected(error: unknown): boolean {
  return error instanceof ModelFileError || error instanceof Deno.errors.AlreadyExists ||
    error instanceof Error && /^E[A-Z0-9]+$/.test((error as { code?: string }).code ?? "");
}

async function dispatch(args: readonly string[], signal: AbortSignal | undefined): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      bits: { type: "string" },
      group: { type: "string" },
      workers: { type: "string" },
      type: { type: "string" },
    },
  });
  const [command, ...paths] = positionals;
  if (values.help) {
    put(Deno.stdout, USAGE);
    return 0;
  }
  const expect = (count: number) => {
    if (paths.length !== count) {
      throw new UsageError(`${command} takes ${count} path${count === 1 ? "" : "s"}`);
    }
  };
  switch (command) {
    case "inspect":
      expect(1);
      await inspect(paths[0]!);
      return 0;
    case "quantize":
      expect(2);
      await quantize(paths[0]!, paths[1]!, values, signal);
      return 0;
    case "gguf":
      expect(2);
      await gguf(paths[0]!, paths[1]!, values.type ?? "Q8_0", signal);
      return 0;
  }
  throw new UsageError(command === undefined ? "Name a command" : `"${command}" is no command`);
}

async function inspect(path: string): Promise<void> {
  using source = await openModel(path);
  put(Deno.stdout, `${await inspectModel(source)}\n`);
}

async function quantize(
  from: string,
  to: string,
  values: { readonly bits?: string; readonly group?: string; readonly workers?: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const bits = wholeNumber("bits", values.bits ?? "8", [8]);
  const groupSize = wholeNumber("group", values.group ?? "64", GROUP_SIZES);
  const workers = values.workers === undefined ? undefined : wholeNumber("workers", values.workers);
  using source = await openModel(from);
  using bar = new ProgressBar(`INT${bits}, groups of ${groupSize}`);
  await quantizeDirectory(source, to, {
    groupSize,
    ...(workers !== undefined && { workers }),
    onProgress: (done, total) => bar.advance(done, total),
    ...(signal && { signal }),
  });
}

async function gguf(
  from: string,
  to: string,
  type: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!isGgufWeightType(type)) {
    throw new UsageError(`--type is ${type}, not ${GGUF_WEIGHT_TYPES.join(", ")}`);
  }
  using source = await openModel(from);
  using bar = new ProgressBar(type);
  await writeGguf(source, to, {
    type,
    onProgress: (done, total) => bar.advance(done, total),
    ...(signal && { signal }),
  });
}

function wholeNumber(name: string, text: string, allowed?: readonly number[]): number {
  const value = Number(text);
  const isAllowed = allowed ? allowed.includes(value) : value >= 1 && value <= 256;
  if (/^\d+$/.test(text) && isAllowed) return value;
  throw new UsageError(
    `--${name} is ${text}, not ${allowed?.join(", ") ?? "a number from 1 to 256"}`,
  );
}

function put(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}

/** The program: Ctrl-C gives up, and what was written is removed; a second one ends it at once. */
async function main(): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    Deno.removeSignalListener("SIGINT", stop);
    controller.abort(new Error("Interrupted"));
  };
  Deno.addSignalListener("SIGINT", stop);
  const status = await runCommand(Deno.args, controller.signal);
  Deno.removeSignalListener("SIGINT", stop);
  Deno.exitCode = status;
}

if (import.meta.main) main();
