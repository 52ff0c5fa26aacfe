// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { peerPath } from "./programs.ts";
import { Missing } from "./suite.ts";

/** The node-llama-cpp that is compared with: llama.cpp with its prebuilt libraries for CPUs. */
export const NODE_LLAMA_CPP_VERSION = "3.22.1";

const FOLDER = new URL(".build/llama_cpp", import.meta.url).pathname;
const PACKAGE = `${FOLDER}/node_modules/node-llama-cpp`;

/**
 * Folder of node-llama-cpp from npm, installed when it is not there yet. Only the library for this
 * kind of machine comes along: all of them are 700 MB.
 */
export async function llamaCppPackage(): Promise<string | Missing> {
  const library = `@node-llama-cpp/linux-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  const version = NODE_LLAMA_CPP_VERSION;
  if (await installedVersion() === version) return PACKAGE;
  await Deno.mkdir(FOLDER, { recursive: true });
  const quiet = ["--silent", "--ignore-scripts", "--omit=optional", "--prefix", FOLDER];
  const packages = [`node-llama-cpp@${version}`, `${library}@${version}`];
  try {
    const args = ["install", ...quiet, ...packages];
    const { success } = await new Deno.Command("npm", { args, stdin: "null" }).output();
    return success ? PACKAGE : new Missing("npm cannot install node-llama-cpp");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Missing("npm is not installed");
    throw error;
  }
}

/** A prompt to be continued. */
export interface GreedyJob {
  /** A GGUF file. */
  readonly path: string;
  readonly prompt: readonly number[];
  readonly count: number;
}

/**
 * Greedy continuations of prompts by llama.cpp.
 *
 * @throws {Error} with what it printed, when it cannot
 */
export async function llamaCppGreedy(
  folder: string,
  jobs: readonly GreedyJob[],
): Promise<number[][]> {
  const args = [peerPath("llama_cpp_greedy.mjs"), folder];
  const child = new Deno.Command("node", {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(jobs)));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`llama.cpp failed:\n${decoder.decode(stderr).slice(-2_000)}`);
  return JSON.parse(decoder.decode(stdout).trim().split("\n").at(-1)!);
}

async function installedVersion(): Promise<string | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${PACKAGE}/package.json`)).version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
