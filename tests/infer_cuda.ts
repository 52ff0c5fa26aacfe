// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { NativeBackend, type NativeBackendOptions } from "../infer/backend/native_backend.ts";
import {
  type CudaPath,
  NativeDevice,
  type NativeDeviceOptions,
} from "../infer/backend/native_device.ts";
import { nativeLibrary } from "../infer/backend/native_library.ts";
import { openModel } from "../infer/model/open_model.ts";
import { buildOnce, compileEach, runCompiler } from "../infer/native/build_once.ts";
import { CUDA_SHARED } from "../infer/native/native_sources.ts";
import { BOUNDS } from "./infer_model.ts";
import { BUILD_DIRECTORY, HAS_COMPILER } from "./infer_native.ts";
import { leakTest } from "./leak.ts";

// The CUDA library compiled for the processor: infer/native/cuda/host has a GPU's threads there. It
// proves what kernels compute, not how fast, nor that a GPU does the same; see STATUS.md there.

/** On a machine with a GPU: the real library, which is tested instead. */
const REAL_LIBRARY = Deno.env.get("PHOTON_INFER_CUDA_LIBRARY") || undefined;

/** What bounds of errors are multiplied with: a GPU rounds exponentials and sums its own way. */
export const ROUNDING = REAL_LIBRARY === undefined ? 1 : 5;

/** Whether this machine can build it. */
export const HAS_EMULATION = HAS_COMPILER && runs("g++", ["--version"]);

const REASON = HAS_EMULATION ? "" : " (no C++ compiler: g++ is not installed)";
const NATIVE = new URL("../infer/native/", import.meta.url);

// Data: for all sources; casts between halves and words are how CUDA is written.
// deno-fmt-ignore
const FLAGS = [
  "-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing", "-Wall", "-Wextra",
  "-Wno-unused-function", "-Wno-unknown-pragmas", "-DINFER_CUDA_ON_HOST", "-Icuda/host", "-Icuda",
];
// deno-fmt-ignore
const SANITIZE_FLAGS = [
  "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
];
/** Path of the library that is tested. */
export const LIBRARY = REAL_LIBRARY ?? `${BUILD_DIRECTORY}/libphoton_infer_cuda_host.so`;

// What contexts would measure says nothing about a GPU, and takes time.
if (REAL_LIBRARY === undefined && !Deno.env.has("PHOTON_INFER_RESIDENT")) {
  Deno.env.set("PHOTON_INFER_RESIDENT", "never");
}

// Before any test: a library stays open until the process ends, which a test would be blamed for.
if (HAS_EMULATION) {
  if (REAL_LIBRARY === undefined) await buildEmulation(LIBRARY);
  nativeLibrary("cuda", LIBRARY);
}

/** A test of the CUDA kernels on the processor; ignored where there is no compiler. */
export function cudaTest(name: string, body: () => Promise<void> | void): void {
  const title = REAL_LIBRARY === undefined ? name : name.replace("CUDA emulation", "CUDA");
  leakTest(`${title}${REASON}`, body, { ignore: !HAS_EMULATION });
}

/** Opens the emulated GPU. */
export function openCuda(
  path: CudaPath = "cuda",
  options: NativeDeviceOptions = {},
): NativeDevice {
  return new NativeDevice({ ...options, device: "cuda", library: LIBRARY, path });
}

/** Loads a model onto it: keys and values in F32 unless it is said. */
export async function loadCuda(
  path: string,
  options: Partial<NativeBackendOptions> = {},
): Promise<NativeBackend> {
  using source = await openModel(path);
  const defaults = { bounds: BOUNDS, blockCount: 128, kvType: "float32" } as const;
  const device = { device: "cuda", library: LIBRARY } as const;
  return await NativeBackend.load(source, { ...defaults, ...device, ...options });
}

/**
 * Builds the library, or `program` (a C source beside infer.h) with the sanitizers; nothing when
 * what is there was made of the same sources.
 */
export async function buildEmulation(path: string, program?: string): Promise<void> {
  const headers = [...filesIn(""), ...filesIn("cuda/bench/")].filter((file) => /h$/.test(file));
  const files = [...filesIn("cuda/"), ...filesIn("cuda/host/"), ...CUDA_SHARED];
  if (program !== undefined) files.push(program);
  const sanitize = program === undefined ? [] : SANITIZE_FLAGS;
  await buildOnce({
    path,
    sources: [...files, ...headers],
    settings: [FLAGS, SANITIZE_FLAGS],
    async compile(folder, built) {
      const sources = files.filter((file) => /\.(cu|cpp|c)$/.test(file));
      const objects = await compileEach(sources, async (source, object) => {
        const isC = source.endsWith(".c");
        const flags = isC ? ["-O1", "-fPIC", "-fvisibility=hidden"] : [...FLAGS, "-xc++"];
        const args = [...flags, ...sanitize, "-c", source, "-o", object];
        const warnings = await runCompiler(isC ? "cc" : "g++", folder, args);
        if (warnings !== "") throw new Error(`Cannot build the emulation: ${warnings}`);
      });
      // A program shows its symbols to the libraries that it opens.
      const link = program === undefined ? ["-shared"] : [...sanitize, "-rdynamic"];
      await runCompiler("g++", folder, [...link, "-o", built, ...objects, "-lpthread", "-ldl"]);
    },
  });
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, NATIVE))]
    .filter(({ name }) => /\.(cu|cuh|cpp|h)$/.test(name)).map(({ name }) => folder + name).sort();
}

function runs(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args }).outputSync().success;
  } catch {
    return false;
  }
}
