// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { NativeBackend } from "../infer/backend/native_backend.ts";
import { checkStatus } from "../infer/backend/native_library.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import { encodeFloats } from "../infer/model/float_format.ts";
import { findNvcc } from "../infer/native/build_cuda_library.ts";
import { openThings, productsMade, useCublasLt } from "./infer_cublaslt.ts";
import { cudaTest, loadCuda, openCuda, ROUNDING } from "./infer_cuda.ts";
import { allLogits, MODELS, relativeError } from "./infer_model.ts";
import { loadNative } from "./infer_native.ts";

// Products of many tokens by cuBLASLt, on the emulation with a cuBLASLt of its own: what is handed
// to it, and what is made of what it gives.

const QWEN = `${MODELS}qwen3-untied-yarn`;
/** As many tokens as a step of the tests' models has. */
const PROMPT = Array.from({ length: 96 }, (_, i) => 3 + i * 7 % 61);

// Data: tokens, rows, columns.
const SHAPES = [[64, 32, 64], [65, 33, 96], [70, 129, 257], [100, 70, 130]] as const;

// Data: a path, a type of weights, and how far its products may be off those of exact numbers: F16
// inputs are off by 2^-12, BF16 ones are two numbers each, integers are in 127 steps a row.
const PRODUCTS = [
  ["cuda", "int8", 3e-4],
  ["cuda", "bfloat16", 2e-5],
  ["cuda", "float16", 2e-6],
  ["w8a8", "int8", 2e-2],
] as const;

for (const [path, type, errorMax] of PRODUCTS) {
  cudaTest(`CUDA emulation, ${path}: products of ${type} by cuBLASLt`, () => {
    using _use = useCublasLt("always");
    using device = openCuda(path);
    for (const [tokens, rows, columns] of SHAPES) {
      const before = productsMade();
      for (const groupSize of type === "int8" ? [32, 64, 128] : [0]) {
        const weights = storedWeights(type, rows, columns, groupSize);
        const input = floats(tokens * columns, 3);
        const output = new Float32Array(tokens * rows);
        const status = device.calls.opMultiply(
          ...[device.handle, input, tokens, NATIVE_TYPES[type], groupSize, rows, columns] as const,
          ...[NATIVE_TYPES[type], weights.bytes, weights.scales, output] as const,
        );
        checkStatus(device.calls, status);
        const expected = multiply(input, weights.numbers, tokens, rows, columns);
        const error = relativeError(output, expected, output.length);
        const what = `${tokens} x ${rows} x ${columns} in groups of ${groupSize}`;
        assert(error <= errorMax * ROUNDING, `${what}: the relative error is ${error}`);
      }
      assert(productsMade() > before, "cuBLASLt was not asked");
    }
  });
}

cudaTest("CUDA emulation: prompts by cuBLASLt are as exact as those of own kernels", async () => {
  for (const name of ["qwen3-untied-yarn", "llama-bias-linear", "llama-tied-default"]) {
    for (const weights of ["stored", { groupSize: 32 }] as const) {
      const options = { weights };
      using cpu = await loadNative(`${MODELS}${name}`);
      const exact = allLogits(cpu, PROMPT).slice();
      const { vocabularySize } = cpu.config;
      const errors: number[] = [];
      for (const use of ["never", "always"] as const) {
        using _use = useCublasLt(use);
        const before = productsMade();
        using cuda = await loadCuda(`${MODELS}${name}`, options);
        errors.push(relativeError(allLogits(cuda, PROMPT), exact, vocabularySize));
        if (weights !== "stored") assertEquals(productsMade() > before, use === "always");
      }
      assert(errors[1]! <= errors[0]! + 1e-5, `${name}: off by ${errors[1]}, not ${errors[0]}`);
    }
  }
  assertEquals(openThings(), 0);
});

cudaTest("CUDA emulation: a context measures which products cuBLASLt is faster at", async () => {
  using _use = useCublasLt("measured");
  const before = productsMade();
  using cuda = await loadCuda(QWEN, { weights: { groupSize: 32 } });
  // Some runs of each of a layer's four products, for 64 tokens.
  assert(productsMade() - before >= 4, "nothing was measured");
  assertEquals(cuda.device.cublasLt, "990000");
  const [error, rounding] = await errorsBeside(cuda);
  assert(error <= rounding, `off by ${error}, the processor by ${rounding}`);
});

cudaTest(
  "CUDA emulation: a deterministic context never asks cuBLASLt, nor do few tokens",
  async () => {
    using _use = useCublasLt("always");
    const before = productsMade();
    for (const path of ["deterministic", "cuda"] as const) {
      using cuda = await loadCuda(QWEN, { path, weights: { groupSize: 32 } });
      allLogits(cuda, PROMPT.slice(0, path === "cuda" ? 63 : 96));
    }
    assertEquals(productsMade(), before);
  },
);

cudaTest("CUDA emulation: W8A8 changes prompts little, and what follows them not", async () => {
  using _use = useCublasLt("measured");
  using cuda = await loadCuda(QWEN, { path: "w8a8", weights: { groupSize: 32 } });
  assertEquals(cuda.device.path, "w8a8");
  const before = productsMade();
  const [error, rounding] = await errorsBeside(cuda);
  assert(error < 4 * rounding, `off by ${error}, rounding in groups by ${rounding}`);
  const after = productsMade();
  assert(after > before, "no product was made of integers");
  allLogits(cuda, PROMPT.slice(0, 8));
  assertEquals(productsMade(), after);
});

cudaTest("CUDA emulation: without cuBLASLt all works, and W8A8 says why not", async () => {
  using _use = useCublasLt("always", "/nowhere/libcublasLt.so");
  using cuda = await loadCuda(QWEN, { weights: { groupSize: 32 } });
  allLogits(cuda, PROMPT);
  const { cublasLt } = cuda.device;
  assert(cublasLt!.includes("cuBLASLt is not there") && cublasLt!.includes("/nowhere"), cublasLt);
  const attempt = () => loadCuda(QWEN, { path: "w8a8", weights: { groupSize: 32 } });
  await assertRejects(
    attempt,
    Deno.errors.NotSupported,
    "Cannot multiply in W8A8: cuBLASLt is not",
  );
});

/** How far logits are off those of stored weights: a backend's, and the processor's in INT8. */
async function errorsBeside(backend: NativeBackend): Promise<[number, number]> {
  using stored = await loadNative(QWEN);
  using rounded = await loadNative(QWEN, { weights: { groupSize: 32 } });
  const exact = allLogits(stored, PROMPT).slice();
  const errorOf = (other: NativeBackend) => {
    return relativeError(allLogits(other, PROMPT), exact, stored.config.vocabularySize);
  };
  return [errorOf(backend), errorOf(rounded)];
}

const nvcc = await findNvcc();
const header = nvcc?.replace(/bin\/nvcc$/, "include/cublasLt.h");
const hasHeader = header !== undefined && isFile(header);

Deno.test({
  name: `nvcc: cuBLASLt is declared as its header has it${hasHeader ? "" : " (no cublasLt.h)"}`,
  ignore: !hasHeader,
  fn: async () => {
    const directory = await Deno.makeTempDir();
    const native = new URL("../infer/native/", import.meta.url).pathname;
    const checks = CONSTANTS.map(([own, theirs]) => `static_assert(${own} == ${theirs});`);
    const text = ["#include <cublasLt.h>", '#include "cuda/cublaslt.cuh"', ...checks, ""];
    try {
      await Deno.writeTextFile(`${directory}/check.cu`, text.join("\n"));
      const args = ["-std=c++17", "-arch=sm_90", "-I.", "-Icuda", "-c", `${directory}/check.cu`];
      const command = new Deno.Command(nvcc!, {
        args: [...args, "-o", `${directory}/check.o`],
        cwd: native,
      });
      const { success, stderr } = await command.output();
      assert(success, new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

// Data: what cublaslt.cuh says, and what the header does.
// deno-fmt-ignore
const CONSTANTS = [
  ["CUBLASLT_DONE",            "(int)CUBLAS_STATUS_SUCCESS"],
  ["CUBLASLT_F32",             "(int)CUDA_R_32F"],
  ["CUBLASLT_F16",             "(int)CUDA_R_16F"],
  ["CUBLASLT_BF16",            "(int)CUDA_R_16BF"],
  ["CUBLASLT_INT8",            "(int)CUDA_R_8I"],
  ["CUBLASLT_INT32",           "(int)CUDA_R_32I"],
  ["CUBLASLT_COMPUTE_F32",     "(int)CUBLAS_COMPUTE_32F"],
  ["CUBLASLT_COMPUTE_INT32",   "(int)CUBLAS_COMPUTE_32I"],
  ["CUBLASLT_TURNED",          "(int)CUBLAS_OP_T"],
  ["CUBLASLT_DESC_TURN_A",     "(int)CUBLASLT_MATMUL_DESC_TRANSA"],
  ["CUBLASLT_WORKSPACE_BYTES", "(int)CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES"],
  ["CUBLASLT_ALIGNMENT_A",     "(int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES"],
  ["CUBLASLT_ALIGNMENT_A + 1", "(int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES"],
  ["CUBLASLT_ALIGNMENT_A + 2", "(int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES"],
  ["CUBLASLT_ALIGNMENT_A + 3", "(int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES"],
  ["sizeof(cublaslt_algorithm)", "sizeof(cublasLtMatmulAlgo_t)"],
  ["sizeof(cublaslt_result)",    "sizeof(cublasLtMatmulHeuristicResult_t)"],
  ["offsetof(cublaslt_result, workspace_bytes)", "offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize)"],
  ["offsetof(cublaslt_result, state)", "offsetof(cublasLtMatmulHeuristicResult_t, state)"],
] as const;

/** A matrix as a library takes it, and its numbers. */
interface StoredWeights {
  readonly bytes: Uint8Array<ArrayBuffer> | Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer> | null;
  readonly numbers: Float32Array;
}

function storedWeights(
  type: "int8" | "bfloat16" | "float16",
  rows: number,
  columns: number,
  groupSize: number,
): StoredWeights {
  const random = floats(rows * columns, 7);
  if (type !== "int8") {
    // Few bits: the same in all types.
    const numbers = random.map((x) => Math.round(x * 128) / 128);
    const bytes = encodeFloats(type === "bfloat16" ? "BF16" : "F16", numbers);
    return { bytes: bytes as Uint8Array<ArrayBuffer>, scales: null, numbers };
  }
  const groups = Math.ceil(columns / groupSize);
  // Powers of two, which F16 has, and whose largest level is 127.
  const scales = floats(rows * groups, 9).map((x) => 2 ** -Math.round(8 + 2 * x));
  const levels = new Int8Array(rows * columns);
  const numbers = new Float32Array(rows * columns);
  for (let i = 0; i < levels.length; i++) {
    const column = i % columns;
    levels[i] = column % groupSize === 0 ? 127 : Math.round(random[i]! * 127);
    numbers[i] = levels[i]! *
      scales[Math.floor(i / columns) * groups + Math.floor(column / groupSize)]!;
  }
  return { bytes: levels, scales, numbers };
}

function multiply(
  input: Float32Array,
  weights: Float32Array,
  tokens: number,
  rows: number,
  columns: number,
): Float32Array {
  const output = new Float32Array(tokens * rows);
  for (let token = 0; token < tokens; token++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) {
        sum += input[token * columns + i]! * weights[row * columns + i]!;
      }
      output[token * rows + row] = sum;
    }
  }
  return output;
}

/** Numbers from -1 to 1, the same for the same seed. */
function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
