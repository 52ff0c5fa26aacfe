// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { onRing } from "./net_pair.ts";
import { REPOSITORY } from "./subprocess.ts";

// The tests of what goes beyond Deno's API, once more on the other engines. The engine is chosen
// once per isolate, so each needs a process of its own.

/** The longest takes a quarter of a minute. */
const RUN_LIMIT_MS = 180_000;

// deno-fmt-ignore
const FILES = [
  "chunks", "conn_options", "conn_signal", "conn", "connect", "exit", "faults", "listener", "moments",
].map((name) => `tests/net_${name}_test.ts`);

Deno.test("connections and listeners hold with PHOTON_ENGINE=deno", async () => {
  await runTests({ PHOTON_ENGINE: "deno" });
});

Deno.test({
  name: "connections and listeners hold with PHOTON_TASK_RUN=cooperative",
  ignore: !onRing || Deno.env.has("PHOTON_TASK_RUN"),
  fn: () => runTests({ PHOTON_TASK_RUN: "cooperative" }),
});

async function runTests(env: Record<string, string>): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--reporter=dot", "--v8-flags=--expose-gc"],
      ...["--preload=tests/warm_up.ts", ...FILES],
    ],
    cwd: REPOSITORY,
    env: { ...env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), RUN_LIMIT_MS);
  try {
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
  } finally {
    clearTimeout(limit);
  }
}
