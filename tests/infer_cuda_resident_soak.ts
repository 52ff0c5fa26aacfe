// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { NativeBackend, NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { openLibrary } from "../ffi/load.ts";
import type { SamplingParams } from "../infer/sampling/sampling_params.ts";
import { buildOnce, runCompiler } from "../infer/native/build_once.ts";
import { cudaTest, HAS_EMULATION, LIBRARY, loadCuda } from "./infer_cuda.ts";
import { deviceBytes, failAllocation } from "./infer_cuda_group.ts";
import { askWith, Run } from "./infer_engine_run.ts";
import { allLogits, BOUNDS, greedyTokens, MODEL_NAMES, MODELS, readGolden } from "./infer_model.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";
import { concatenated, isSame, stepLogits } from "./infer_ragged_batches.ts";
import { setVariables } from "./set_variables.ts";

// Steps of one token as one kernel: bit by bit what the kernels say that it stands for.

const VARIABLE = "PHOTON_INFER_RESIDENT";
const LLAMA = "llama-tied-default";
const QWEN = "qwen3-untied-yarn";
/** Compares steps of random models, so many of a seed. */
const PROGRAM = "cuda/bench/resident_steps.cu";
const KV_TYPES = ["float16", "int8", "float8"] as const;

/** The emulation's own count; undefined for the real library. */
const emulation = HAS_EMULATION && Deno.env.get("PHOTON_INFER_CUDA_LIBRARY") === undefined
  ? openLibrary([LIBRARY], { host_grids_together: { parameters: [], result: "i32" } })?.symbols
  : undefined;

/** Kept in F32: those weights it does not take. */
const WIDE_NAMES: readonly string[] = ["llama-bias-linear", "llama-yarn"];

for (const name of MODEL_NAMES.filter((name) => !WIDE_NAMES.includes(name))) {
  cudaTest(`CUDA emulation: one kernel a step: ${name}: the same numbers`, async () => {
    const { inputIds, greedy } = readGolden(name);
    using plain = await load("never", name, { kvType: "float16" });
    using resident = await load("always", name, { kvType: "float16" });
    assertSame(resident, plain, [...inputIds].slice(0, 12));
    const tokens = greedyTokens(plain, inputIds, greedy.length);
    assertEquals(greedyTokens(resident, inputIds, greedy.length), tokens);
  });
}

cudaTest("CUDA emulation: one kernel a step: all weights, keys and values", async () => {
  for (const name of [LLAMA, QWEN]) {
    const prompt = [...readGolden(name).inputIds].slice(0, 9);
    for (const kvType of KV_TYPES) {
      for (const groupSize of [32, 64, 128]) {
        const options = { kvType, weights: { groupSize } };
        using plain = await load("never", name, options);
        using resident = await load("always", name, options);
        assertSame(resident, plain, prompt);
      }
    }
  }
});

cudaTest("CUDA emulation: one kernel a step: random contexts over shuffled blocks", async () => {
  const prompt = Array.from({ length: 96 }, (_, i) => 1 + 7 * i % 200);
  const options = { kvType: "int8", weights: { groupSize: 64 } } as const;
  using plain = await load("never", QWEN, options);
  using resident = await load("always", QWEN, options);
  const orders = fc.shuffledSubarray(Array.from({ length: 128 }, (_, i) => i), { minLength: 128 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 92 }), fc.integer({ min: 1, max: 4 }), orders, (
      computed,
      count,
      order,
    ) => {
      const blocks = order.slice(0, BOUNDS.blocksPerSequenceMax);
      const answers = [plain, resident].map((backend) => {
        stepLogits(backend, prompt.slice(0, computed), 0, blocks);
        const tokens = prompt.slice(computed, computed + count);
        return tokens.map((token, i) => stepLogits(backend, [token], computed + i, blocks));
      });
      assert(isSame(concatenated(answers[1]!), concatenated(answers[0]!)), "the logits differ");
    }),
    { seed: 14, numRuns: 12 },
  );
});

cudaTest("CUDA emulation: one kernel a step: whatever the order of warps and blocks", async () => {
  const prompt = [...readGolden(LLAMA).inputIds].slice(0, 6);
  const options = { kvType: "float16", weights: { groupSize: 32 } } as const;
  using plain = await load("never", LLAMA, options);
  using resident = await load("always", LLAMA, options);
  for (const seed of ["1", "2", "3"]) {
    using _seed = setVariables({ INFER_HOST_SEED: seed });
    assertSame(resident, plain, prompt);
  }
});

cudaTest(
  "CUDA emulation: one kernel a step: what it is told is there before it begins",
  async () => {
    const prompt = [...readGolden(LLAMA).inputIds].slice(0, 6);
    using _late = setVariables({ INFER_HOST_LATE: "1" });
    using plain = await load("never", LLAMA, { kvType: "float16" });
    using resident = await load("always", LLAMA, { kvType: "float16" });
    assertSame(resident, plain, prompt);
    // Logits of more tokens lie elsewhere.
    for (const backend of [plain, resident]) allLogits(backend, prompt);
    assertSame(resident, plain, prompt);
  },
);

cudaTest("CUDA emulation: one kernel a step: whatever allocation fails, all goes on", async () => {
  if (emulation === undefined) return;
  const before = deviceBytes();
  let failures = 0;
  for (let after = 0; await failsToLoad(after); after++) {
    assertEquals(deviceBytes(), before, `after ${after} allocations`);
    failures++;
  }
  assert(failures > 15, `${failures} failures`);
  const prompt = [...readGolden(LLAMA).inputIds].slice(0, 6);
  using plain = await load("never", LLAMA, { kvType: "float16" });
  using resident = await load("always", LLAMA, { kvType: "float16" });
  assertSame(resident, plain, prompt);
  // There is no room for more logits, on the device and on the host: where they were is no more.
  for (const after of [0, 1]) {
    {
      using _failure = failAllocation(after);
      assertThrows(() => allLogits(resident, prompt), Error, "logits");
    }
    assertSame(resident, plain, prompt);
  }
});

/** Whether a model is not loaded when so many allocations succeed, then one fails. */
async function failsToLoad(after: number): Promise<boolean> {
  using _failure = failAllocation(after);
  try {
    using _backend = await load("always", LLAMA, { kvType: "float16" });
    return false;
  } catch {
    return true;
  }
}

cudaTest("CUDA emulation: one kernel a step: rows as wide as real ones", async () => {
  // On a GPU bench.sh runs it.
  if (emulation === undefined) return;
  const program = `${BUILD_DIRECTORY}/resident_steps`;
  await buildOnce({
    path: program,
    sources: [PROGRAM, "cuda/bench/check.cuh", "infer.h"],
    settings: [LIBRARY],
    async compile(folder, built) {
      const link = ["-xnone", LIBRARY, `-Wl,-rpath,${BUILD_DIRECTORY}`];
      await runCompiler("g++", folder, ["-std=c++17", "-xc++", PROGRAM, ...link, "-o", built]);
    },
  });
  const { success, stderr } = await new Deno.Command(program, { args: ["4", "3"] }).output();
  assert(success, new TextDecoder().decode(stderr));
});

// Data: what is asked, one after the other.
const PARAMS: readonly SamplingParams[] = [
  { temperature: 0, maxTokens: 24 },
  { temperature: 1, seed: 1, maxTokens: 24, topK: 40, topP: 0.9 },
  { temperature: 0, repetitionPenalty: 1.3, maxTokens: 12, logprobs: 2 },
  { temperature: 1, seed: 4, logitBias: { 3: 2 }, stop: ["a", "Q"], maxTokens: 12 },
];

cudaTest("CUDA emulation: one kernel a step: engines say the same", async () => {
  const { tokensMax, blockTokens, blocksPerSequenceMax } = BOUNDS;
  const scheduled = {
    ...{ tokensMax, sequencesMax: 8, blockTokens, blockCount: 128, blocksPerSequenceMax },
    ...{ prefillTokensMax: 24, prefixCache: true, agingSteps: 50 },
  };
  for (const late of [undefined, "1"]) {
    using _late = late === undefined ? undefined : setVariables({ INFER_HOST_LATE: late });
    using plain = await load("never", LLAMA, { kvType: "float16" });
    using resident = await load("always", LLAMA, { kvType: "float16" });
    const before = gridsTogether();
    for (const params of PARAMS) {
      const runs = [plain, resident].map((backend) => new Run(scheduled, backend, null));
      for (const run of runs) run.run([askWith(params)]);
      assertEquals(runs[1]!.said(0), runs[0]!.said(0));
    }
    assert(emulation === undefined || gridsTogether() > before + 40, "it was not taken");
  }
});

cudaTest("CUDA emulation: one kernel a step: only where it can be", async () => {
  const prompt = [...readGolden(LLAMA).inputIds];
  // Data: what it does not take.
  const others = [
    { name: LLAMA, kvType: "float32" },
    { name: LLAMA, kvType: "float16", path: "deterministic" },
    { name: WIDE_NAMES[0]!, kvType: "float16" },
  ] as const;
  for (const { name, ...options } of others) {
    using plain = await load("never", name, options);
    using resident = await load("always", name, options);
    const before = gridsTogether();
    assert(isSame(decode(resident, prompt), decode(plain, prompt)), "the logits differ");
    assertEquals(gridsTogether(), before);
  }
  using measured = await load("measured", LLAMA, { kvType: "float16" });
  assertMatch(measured.device.resident!, /^(measured|not taken): \d+ us, not \d+ us$/);
});

/** One step a token, on both: to the bit. */
function assertSame(
  resident: NativeBackend,
  plain: NativeBackend,
  prompt: readonly number[],
): void {
  const before = gridsTogether();
  const expected = decode(plain, prompt);
  assertEquals(gridsTogether(), before);
  assert(isSame(decode(resident, prompt), expected), "the logits differ");
  assert(expected.every((logit) => Number.isFinite(logit)), "a logit is no number");
  if (emulation !== undefined) assertEquals(gridsTogether(), before + prompt.length);
}

/** Logits of steps of one token each. */
function decode(backend: NativeBackend, prompt: readonly number[]): Float32Array {
  const blocks = Array.from({ length: BOUNDS.blocksPerSequenceMax }, (_, i) => 7 * i % 128);
  return concatenated(prompt.map((token, i) => stepLogits(backend, [token], i, blocks)));
}

function gridsTogether(): number {
  return emulation?.host_grids_together() ?? 0;
}

/** Loads a golden model whose steps of one token are one kernel, or never are. */
async function load(
  use: "never" | "always" | "measured",
  name: string,
  options: Partial<NativeBackendOptions>,
): Promise<NativeBackend> {
  using _use = setVariables({ [VARIABLE]: use });
  return await loadCuda(MODELS + name, options);
}
