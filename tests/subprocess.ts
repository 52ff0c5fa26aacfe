// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";

/** How a program ended. */
export interface ProgramResult {
  /** Exit code; 143 when it was stopped for running past the limit. */
  code: number;
  /** All it printed. */
  stdout: string;
  /** All it complained about. */
  stderr: string;
}

/** A program that runs longer is taken to hang and is stopped. */
const PROGRAM_LIMIT_MS = 20_000;

/** Root of this repository, where its `deno.json` lies. */
export const REPOSITORY: URL = new URL("../", import.meta.url);

/** First line of a program that gets `connect` and `listen` from Deno. */
export const DENO_NET = "const { connect, listen } = Deno;";

/** First line of a program that gets `connect` and `listen` from this library. */
export const PHOTON_NET = `import { connect, listen } from "${new URL("net/mod.ts", REPOSITORY)}";`;

/**
 * Runs test files in a process of their own, on the engine that the environment asks for: it is
 * chosen once per isolate.
 *
 * @throws {AssertionError} with the whole output, when a test failed or the run hung
 */
export async function runTestFiles(
  files: readonly string[],
  env: Record<string, string>,
  limitMs: number,
  flags: readonly string[] = [],
): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--reporter=dot", "--v8-flags=--expose-gc", ...flags],
      ...["--preload=tests/warm_up.ts", ...files],
    ],
    cwd: REPOSITORY,
    env: { ...env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), limitMs);
  try {
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
  } finally {
    clearTimeout(limit);
  }
}

/** Runs source text as a program of its own, with the given flags and no prompts. */
export async function runProgram(
  source: string,
  flags: string[],
  env: Record<string, string> = {},
  cwd: string | URL = REPOSITORY,
): Promise<ProgramResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", ...flags, "-"],
    cwd,
    env: { ...env, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), PROGRAM_LIMIT_MS);
  try {
    const output = child.output();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(source));
    await input.close();
    const { code, stdout, stderr } = await output;
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } finally {
    clearTimeout(limit);
  }
}
