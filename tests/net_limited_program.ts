// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { REPOSITORY } from "./subprocess.ts";

/** A program that runs longer is taken to hang and is stopped. */
const PROGRAM_LIMIT_MS = 20_000;

/**
 * Runs source text as a program that may open only so many descriptors, and gives what it printed.
 *
 * @throws {Error} With what it complained about, when it failed or hung
 */
export async function runWithDescriptors(source: string, descriptorsMax: number): Promise<string> {
  const run = `ulimit -n ${descriptorsMax} && exec "$0" "$@"`;
  const deno = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", "-"];
  const child = new Deno.Command("sh", {
    args: ["-c", run, ...deno],
    cwd: REPOSITORY,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), PROGRAM_LIMIT_MS);
  try {
    const output = child.output();
    await new Blob([source]).stream().pipeTo(child.stdin);
    const { code, stdout, stderr } = await output;
    const text = new TextDecoder();
    if (code !== 0) throw new Error(`Program ended with ${code}: ${text.decode(stderr)}`);
    return text.decode(stdout);
  } finally {
    clearTimeout(limit);
  }
}
