// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { KvType } from "../infer/backend/backend.ts";
import { NativeBackend, type NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { openModel } from "../infer/model/open_model.ts";
import { cudaTest, LIBRARY } from "./infer_cuda.ts";
import { deviceBytes, IS_EMULATION } from "./infer_cuda_group.ts";
import { allLogits, BOUNDS, greedyTokens, MODELS, readGolden } from "./infer_model.ts";
import { HAS_COMPILER, loadNative } from "./infer_native.ts";
import { setVariables } from "./set_variables.ts";
import { workerTest } from "./worker_leak.ts";

// How an engine keeps keys and values, and that it keeps to `kvBytesMax` whatever it keeps.

const MODEL = `${MODELS}qwen3-linear`;
const PROMPT = [...readGolden("qwen3-linear").inputIds];
/** More than four blocks in F32, and less than five. */
const KV_BYTES_MAX = 2 ** 17 + 1000;
const BLOCK_TOKENS = 16;

// Data: bytes of a number, and of a head's scales in a block.
// deno-fmt-ignore
const KEPT: readonly { kvType: KvType; numberBytes: number; scaleBytes: number }[] = [
  { kvType: "float32", numberBytes: 4, scaleBytes: 0 },
  { kvType: "float16", numberBytes: 2, scaleBytes: 0 },
  { kvType: "int8",    numberBytes: 1, scaleBytes: 2 * BLOCK_TOKENS * 4 },
  { kvType: "float8",  numberBytes: 1, scaleBytes: 2 * BLOCK_TOKENS * 4 },
];

/** On several GPUs each has its heads: what a block takes is the same in all. */
const ENGINES: readonly { name: string; options: EngineOptions; isThere: boolean }[] = [
  { name: "on the processor", options: { backend: "native" }, isThere: HAS_COMPILER },
  { name: "on a GPU", options: { backend: "cuda" }, isThere: IS_EMULATION },
  {
    ...{ name: "on two GPUs", isThere: IS_EMULATION },
    options: { backend: "cuda", tensorParallel: 2 },
  },
];

for (const { name, options, isThere } of ENGINES) {
  if (!isThere) {
    Deno.test.ignore(`keys and values ${name} (no compiler)`, () => {});
    continue;
  }
  workerTest(`keys and values ${name} are kept as asked for, within kvBytesMax`, async () => {
    using _gpus = setVariables({
      ...{ PHOTON_INFER_CUDA_LIBRARY: LIBRARY, INFER_HOST_DEVICES: "2" },
      PHOTON_INFER_NCCL_LIBRARY: "/nowhere",
    });
    for (const { kvType, numberBytes, scaleBytes } of KEPT) {
      await using engine = await Engine.load(MODEL, {
        ...{ ...options, kvType, kvBytesMax: KV_BYTES_MAX, blockTokens: BLOCK_TOKENS },
        ...{ tokensMax: 64, sequencesMax: 8 },
      });
      const { layerCount, kvHeadCount, headSize } = engine.config;
      const headBytes = 2 * BLOCK_TOKENS * headSize * numberBytes + scaleBytes;
      const blockBytes = layerCount * kvHeadCount * headBytes;
      const blocks = Math.floor(KV_BYTES_MAX / blockBytes);
      assertEquals(engine.stats().blocks, blocks, kvType);
      assertEquals(engine.memory?.kvBytes, blocks * blockBytes);
      const { weightBytes, stepBytes } = engine.memory!;
      assert(weightBytes > 0 && stepBytes > 0);
      const answer = { temperature: 0, ignoreEos: true, maxTokens: 8 };
      const { tokens } = await engine.generate(PROMPT, answer);
      using same = await loadNative(MODEL, { kvType });
      assertEquals(tokens, greedyTokens(same, PROMPT, 8), kvType);
    }
  });
}

workerTest("keys and values in TypeScript are F32, and nothing else is", async () => {
  const load = (options: EngineOptions) =>
    Engine.load(MODEL, { backend: "reference", kvBytesMax: KV_BYTES_MAX, ...options });
  for (const options of [{}, { kvType: "float32" as const }]) {
    await using engine = await load(options);
    const { layerCount, kvHeadCount, headSize } = engine.config;
    const blockBytes = 2 * layerCount * kvHeadCount * headSize * BLOCK_TOKENS * 4;
    assertEquals(engine.stats().blocks, Math.floor(KV_BYTES_MAX / blockBytes));
    assertEquals(engine.memory, undefined);
  }
  const { NotSupported } = Deno.errors;
  const message = 'Cannot keep keys and values as "int8" with this backend, TypeScript';
  await assertRejects(() => load({ kvType: "int8" }), NotSupported, message);
  const unknown = "fp4" as KvType;
  await assertRejects(() => load({ kvType: unknown }), RangeError, 'keys and values as "fp4"');
});

workerTest(
  "a module that says nothing of keys and values is refused where they matter",
  async () => {
    const backend = new URL("infer_hash_model.ts", import.meta.url);
    await assertRejects(
      () => Engine.load(MODEL, { backend, kvType: "float16" }),
      Deno.errors.NotSupported,
      'Cannot keep keys and values as "float16" with this backend, file:',
    );
  },
);

if (IS_EMULATION) {
  cudaTest("CUDA emulation: a backend knows all device memory that it takes", async () => {
    for (const tensorParallel of [1, 2]) {
      const others = new Set<number>();
      for (const use of ["never", "always"]) {
        for (const kvType of ["float16", "float8"] as const) {
          using _use = setVariables({ PHOTON_INFER_CUBLASLT: use });
          others.add(await uncountedBytes({ tensorParallel, kvType }));
        }
      }
      // Of the device, not of the model: what rows go through on their way, and what GPUs add.
      assertEquals(others.size, 1, [...others].join(", "));
    }
  });
}

/** Device memory that a backend takes and does not know of, before and after a step. */
async function uncountedBytes(options: Partial<NativeBackendOptions>): Promise<number> {
  using source = await openModel(MODEL);
  const before = deviceBytes();
  using backend = await NativeBackend.load(source, {
    ...{ device: "cuda", library: LIBRARY, communicator: "host", ...options },
    ...{ bounds: BOUNDS, blockCount: 16 },
  });
  const loaded = backend.memory;
  const others = deviceBytes() - before - totalOf(loaded);
  allLogits(backend, PROMPT);
  assert(backend.memory.stepBytes > loaded.stepBytes);
  assertEquals(deviceBytes() - before - totalOf(backend.memory), others);
  return others;
}

function totalOf({ weightBytes, kvBytes, stepBytes }: NativeBackend["memory"]): number {
  return weightBytes + kvBytes + stepBytes;
}
