// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openLibrary } from "../ffi/load.ts";
import { buildOnce, runCompiler } from "../infer/native/build_once.ts";
import { HAS_EMULATION } from "./infer_cuda.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";
import { setVariables } from "./set_variables.ts";

// A cuBLASLt for the emulated GPU: infer/native/cuda/host/peers/cublaslt.cpp.

const LIBRARY = `${BUILD_DIRECTORY}/libcublasLt_fake.so`;
const SOURCE = "cuda/host/peers/cublaslt.cpp";
const FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"];
const LIBRARY_VARIABLE = "PHOTON_INFER_CUBLASLT_LIBRARY";
const USE_VARIABLE = "PHOTON_INFER_CUBLASLT";

if (HAS_EMULATION) {
  await buildOnce({
    path: LIBRARY,
    sources: [SOURCE, "cuda/host/streams.h", "half.h"],
    settings: FLAGS,
    async compile(folder, built) {
      await runCompiler("g++", folder, [...FLAGS, "-o", built, SOURCE]);
    },
  });
}

/** What the fake library knows of itself. */
const fake = HAS_EMULATION
  ? openLibrary([LIBRARY], {
    products: { name: "fake_cublaslt_products", parameters: [], result: "i32" },
    openThings: { name: "fake_cublaslt_open_things", parameters: [], result: "i32" },
  })
  : undefined;

/** Products that the fake library has multiplied so far. */
export function productsMade(): number {
  return fake!.symbols.products();
}

/** Handles and descriptors of the fake library that are not destroyed. */
export function openThings(): number {
  return fake!.symbols.openThings();
}

/** Lets devices that are opened from now on use the fake library, or another file. */
export function useCublasLt(
  use: "never" | "always" | "measured",
  library: string = LIBRARY,
): Disposable {
  return setVariables({ [LIBRARY_VARIABLE]: library, [USE_VARIABLE]: use });
}
