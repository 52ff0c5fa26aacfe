// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { openModel } from "../infer/model/open_model.ts";
import { useCublasLt } from "./infer_cublaslt.ts";
import { buildEmulation, cudaTest, loadCuda } from "./infer_cuda.ts";
import { FAKE_NCCL } from "./infer_cuda_group.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";
import { BOUNDS, perplexityOn } from "./infer_perplexity.ts";

/** Of each way: some seconds. On a GPU bench.sh runs a hundred thousand. */
const RANDOM_STEPS = 120;

/** Random models whose steps are compared. */
const RESIDENT_MODELS = 6;

// Data: programs that make every call, and what they are told.
const PROGRAMS = [
  { program: "test_operators.c", more: {} },
  {
    program: "cuda/test_group.c",
    more: { INFER_HOST_DEVICES: "4", PHOTON_INFER_NCCL_LIBRARY: FAKE_NCCL },
  },
];

for (const { program, more } of PROGRAMS) {
  cudaTest(
    `CUDA emulation: ${program}: clean under the sanitizers, whatever warps run first`,
    async () => {
      const path = `${BUILD_DIRECTORY}/${program.replace(/^.*\/|\.c$/g, "")}_cuda`;
      await buildEmulation(path, program);
      for (const seed of ["0", "1"]) {
        // One of them with large products, the other without.
        using _use = useCublasLt(seed === "0" ? "never" : "always");
        assertEquals(await lastLineOf(path, [], { ...more, INFER_HOST_SEED: seed }), "ok");
      }
    },
  );
}

cudaTest("CUDA emulation: random operators and steps, clean and without a leak", async () => {
  const program = `${BUILD_DIRECTORY}/random_steps_cuda`;
  await buildEmulation(program, "cuda/bench/random_steps.cu");
  for (const use of ["never", "always", "measured"] as const) {
    using _use = useCublasLt(use);
    const line = JSON.parse(await lastLineOf(program, [`${RANDOM_STEPS}`, use.length.toString()]));
    assertEquals(line.random_steps, RANDOM_STEPS);
    assertEquals(line.free_bytes_after, line.free_bytes_before);
  }
});

cudaTest("CUDA emulation: one kernel a step, or many, under the sanitizers", async () => {
  const program = `${BUILD_DIRECTORY}/resident_steps_cuda`;
  await buildEmulation(program, "cuda/bench/resident_steps.cu");
  // Another GPU has room for shorter rings.
  for (const [seed, shared] of [["1", "227"], ["2", "99"]]) {
    const env = { INFER_HOST_SEED: seed!, INFER_HOST_SHARED_KB: shared! };
    const line = await lastLineOf(program, [`${RESIDENT_MODELS}`, seed!], env);
    assertEquals(JSON.parse(line), { resident_models: RESIDENT_MODELS });
  }
});

/** Runs a program of the emulation, which must say nothing of errors or leaks. */
async function lastLineOf(
  program: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { INFER_HOST_LEAKS: "1", ...more };
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env })
    .output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, err!.slice(0, 4_000));
  assertEquals(err, "");
  return out!.trim().split("\n").at(-1)!;
}

cudaTest("CUDA emulation: INT8 is within 1 % of the stored weights' perplexity", async () => {
  const folder = new URL("fixtures/infer/", import.meta.url).pathname;
  using source = await openModel(`${folder}demo_f16`);
  const measure = async (options: Partial<NativeBackendOptions>) => {
    const kept = { bounds: BOUNDS, blockCount: 32, kvType: "float16" } as const;
    using backend = await loadCuda(`${folder}demo_f16`, { ...kept, ...options });
    return (await perplexityOn(backend, source, `${folder}demo_held_out.jsonl`, 6)).perplexity;
  };
  const stored = await measure({});
  assert(stored > 1.1 && stored < 1.6, `${stored}`);
  for (const groupSize of [64, 128]) {
    const ratio = await measure({ weights: { groupSize } }) / stored;
    assert(Math.abs(ratio - 1) < 0.01, `groups of ${groupSize}: ${ratio}`);
  }
  {
    using _use = useCublasLt("always");
    const ratio = await measure({ path: "w8a8", weights: { groupSize: 64 } }) / stored;
    assert(Math.abs(ratio - 1) < 0.02, `prompts as integers: ${ratio}`);
  }
  for (const kvType of ["int8", "float8"] as const) {
    const ratio = await measure({ weights: { groupSize: 64 }, kvType }) / stored;
    assert(Math.abs(ratio - 1) < 0.01, `keys and values in ${kvType}: ${ratio}`);
  }
});
