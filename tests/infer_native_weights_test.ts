// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { libraryPlaces, openFirst } from "../infer/backend/native_library.ts";
import { NativeDevice } from "../infer/backend/native_device.ts";
import { NativeWeights } from "../infer/backend/native_weights.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { loadWeights, type LoadWeightsOptions } from "../infer/model/load_weights.ts";
import { type Matrix, readRow } from "../infer/model/matrix.ts";
import type { ModelSource } from "../infer/model/model_source.ts";
import { openModel } from "../infer/model/open_model.ts";
import { quantizeDirectory } from "../infer/model/quantize_directory.ts";
import type { WeightRole } from "../infer/model/weight_plan.ts";
import { type GgufWeightType, writeGguf } from "../infer/model/write_gguf.ts";
import { ABI_VERSION } from "../infer/native/native_sources.ts";
import { inFolder, putFiles, readFolder } from "./infer_hostile.ts";
import { MODELS } from "./infer_model.ts";
import { HAS_COMPILER, loadNative, nativeTest } from "./infer_native.ts";

// Weights in the native library: the same numbers as loadWeights(), whatever file they come from.

const LLAMA = `${MODELS}llama-square-llama3`;
const QWEN = `${MODELS}qwen3-tied-default`;

nativeTest(
  "weights from safetensors are those of loadWeights(), stored and quantised",
  async () => {
    for (const path of [LLAMA, QWEN, `${MODELS}llama-bias-linear`]) {
      using source = await openModel(path);
      for (const weights of ["stored", "float32", { groupSize: 32 }, { groupSize: 128 }] as const) {
        await assertSame(source, { weights });
      }
    }
  },
);

nativeTest("weights from GGUF are those of loadWeights(), rotated rows too", async () => {
  await inFolder(async (folder) => {
    for (const path of [LLAMA, QWEN]) {
      using source = await openModel(path);
      for (const type of ["F32", "F16", "BF16", "Q8_0", "Q4_0"] satisfies GgufWeightType[]) {
        await writeGguf(source, `${folder}/model.gguf`, { type });
        using copy = await openModel(`${folder}/model.gguf`);
        await assertSame(copy, { weights: "stored" });
        await assertSame(copy, { weights: { groupSize: 64 } });
      }
    }
  });
});

// The workers of quantizeDirectory() end with descriptors that Deno closes later.
const onDisk = {
  name: "weights quantised on disk are those of loadWeights()",
  ignore: !HAS_COMPILER,
};
Deno.test(onDisk, async () => {
  await inFolder(async (folder) => {
    using source = await openModel(LLAMA);
    await quantizeDirectory(source, `${folder}/quantized`, { groupSize: 32 });
    using quantized = await openModel(`${folder}/quantized`);
    await assertSame(quantized, {});
  });
});

nativeTest("loading tells how far it is and ends when its signal aborts", async () => {
  const told: [number, number][] = [];
  using _backend = await loadNative(QWEN, {
    onProgress: (read, total) => told.push([read, total]),
  });
  const total = told[0]![1];
  assertEquals(told.at(-1), [total, total]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const loading = loadNative(QWEN, {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  assertEquals(await loading.catch((error) => error), reason);
});

nativeTest("a weight that is not a number is told by its file and tensor", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(QWEN);
    const weights = files["model.safetensors"]!;
    const length = new DataView(weights.buffer, weights.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + length)));
    const name = "model.layers.1.mlp.up_proj.weight";
    const broken = weights.slice();
    // All bits set is not a number in any format.
    broken.fill(0xff, 8 + length + header[name].data_offsets[0] + 400).subarray(0);
    putFiles(folder, { ...files, "model.safetensors": broken });
    const loading = loadNative(folder, { weights: { groupSize: 32 } });
    const error = await loading.catch((error) => error);
    assert(error instanceof ModelFileError, String(error));
    assert(error.message.includes("not finite"), error.message);
  });
});

nativeTest("a library that is not there is told with every place that was tried", () => {
  try {
    openFirst(["/nowhere/first.so", "/nowhere/second.so"]);
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound);
    for (const part of ["/nowhere/first.so", "/nowhere/second.so", "deno task build"]) {
      assert(error.message.includes(part), error.message);
    }
    return;
  }
  throw new Error("It was opened");
});

nativeTest("the library is looked for in the build folder, the cache and the system", () => {
  const places = libraryPlaces();
  assertEquals(places.length, 3);
  assert(places[0]!.endsWith("infer/native/.build/libinfer_cpu.so"), places[0]);
  assert(places[1]!.includes(`photon_std/infer_abi_${ABI_VERSION}/`), places[1]);
  assertEquals(places[2], "libinfer_cpu.so");
});

nativeTest("without --allow-ffi, loading is refused in Deno's words", async () => {
  const module = new URL("../infer/mod.ts", import.meta.url).href;
  const program = `
    import { NativeBackend, openModel } from ${JSON.stringify(module)};
    const source = await openModel(${JSON.stringify(QWEN)});
    const bounds = { tokensMax: 1, sequencesMax: 1, blocksPerSequenceMax: 1, blockTokens: 1 };
    const loading = NativeBackend.load(source, { bounds, blockCount: 1 });
    console.log(await loading.catch((error) => error.name));`;
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", "--allow-read", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  });
  const child = output.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { stdout } = await child.output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "NotCapable");
});

nativeTest("a file that became too short after it was opened is told by its tensor", async () => {
  await inFolder(async (folder) => {
    putFiles(folder, readFolder(QWEN));
    using source = await openModel(folder);
    await Deno.truncate(`${folder}/model.safetensors`, 50_000);
    using device = new NativeDevice({ threads: 1 });
    using weights = new NativeWeights(device, source.config);
    await assertRejects(() => weights.load(source, {}), ModelFileError);
  });
});

/** Every row of every matrix, bit by bit. */
async function assertSame(source: ModelSource, options: LoadWeightsOptions): Promise<void> {
  using device = new NativeDevice({ threads: 2 });
  using native = new NativeWeights(device, source.config);
  await native.load(source, options);
  const { embedding, head, layers } = await loadWeights(source, options);
  const same = (role: WeightRole, layer: number, matrix: Matrix) => {
    const row = new Float32Array(matrix.columns);
    for (let i = 0; i < matrix.rows; i++) {
      readRow(matrix, i, row);
      assertEquals(
        native.readRow(role, layer, i, matrix.columns),
        row,
        `${role} ${layer}, row ${i}`,
      );
    }
  };
  same("embedding", -1, embedding);
  if (!source.config.tiedEmbeddings) same("head", -1, head);
  for (const [i, layer] of layers.entries()) {
    for (const role of ["query", "key", "value", "output", "gate", "up", "down"] as const) {
      same(role, i, layer[role].matrix);
    }
  }
}
