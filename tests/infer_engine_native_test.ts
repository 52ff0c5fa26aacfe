// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { NativeBackend } from "../infer/backend/native_backend.ts";
import { openModel } from "../infer/model/open_model.ts";
import { BOUNDS, MODELS, readGolden } from "./infer_model.ts";
import { HAS_COMPILER } from "./infer_native.ts";
import { workerTest } from "./worker_leak.ts";

// Engines on the native library.

const NAME = "llama-tied-default";
const { inputIds, greedy } = readGolden(NAME);

/** A test of the native library in a worker; ignored where there is no compiler. */
function nativeWorkerTest(name: string, body: () => Promise<void>): void {
  if (HAS_COMPILER) return workerTest(name, body);
  Deno.test({ name: `${name} (no C compiler: cc is not installed)`, ignore: true, fn: body });
}

function load(options: EngineOptions = {}): Promise<Engine> {
  return Engine.load(MODELS + NAME, { backend: "native", ...options });
}

nativeWorkerTest(
  "an engine finds the native library, and goes on as transformers does",
  async () => {
    await using engine = await load();
    assertMatch(engine.backend, /^native: /);
    const options = { temperature: 0, ignoreEos: true, maxTokens: greedy.length };
    assertEquals((await engine.generate(inputIds, options)).tokens, [...greedy]);
  },
);

nativeWorkerTest(
  "a seeded answer is the same alone, in a batch, forked and preempted",
  async () => {
    const prompts = Array.from({ length: 6 }, (_, i) => inputIds.slice(i, 12 + 3 * i));
    const ask = async (engine: Engine, i: number) => {
      const options = { seed: 7 + i, temperature: 2, ignoreEos: true, maxTokens: 30, n: 1 + i % 2 };
      return String(
        (await engine.generate(prompts[i]!, options)).answers.map(({ tokens }) => tokens),
      );
    };
    const alone: string[] = [];
    {
      await using engine = await load({ prefixCache: false });
      for (let i = 0; i < prompts.length; i++) alone.push(await ask(engine, i));
    }
    const tight = { blockTokens: 4, blockCount: 30, tokensMax: 16, sequencesMax: 6 };
    for (const options of [{}, { prefillTokensMax: 3 }, { speculative: {} }, tight]) {
      await using engine = await load(options);
      assertEquals(await Promise.all(prompts.map((_, i) => ask(engine, i))), alone);
      if (options === tight) assert(engine.stats().preemptions > 0, "nothing was preempted");
    }
  },
);

nativeWorkerTest("bounds that the library cannot count to are refused by name", async () => {
  // Taken by its last 32 bits it would be 16.
  const blockTokens = 2 ** 32 + 16;
  for (const options of [{ blockTokens }, { blockTokens, blockCount: 8 }]) {
    await assertRejects(() => load(options), RangeError, `with blockTokens ${blockTokens}:`);
  }
  using source = await openModel(MODELS + NAME);
  for (const blockCount of [0, 1.5, 2 ** 32 + 1]) {
    await assertRejects(
      () => NativeBackend.load(source, { bounds: BOUNDS, blockCount }),
      RangeError,
      `with blockCount ${blockCount}:`,
    );
  }
});
