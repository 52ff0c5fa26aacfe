// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { NativeBackend, type NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { type CudaPath, NativeDevice } from "../infer/backend/native_device.ts";
import { nativeLibrary } from "../infer/backend/native_library.ts";
import { openModel } from "../infer/model/open_model.ts";
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
/** C sources that it shares with the library for processors. */
const SHARED = ["status.c", "model.c", "step_check.c"];

/** Path of the library that is tested. */
export const LIBRARY = REAL_LIBRARY ?? `${BUILD_DIRECTORY}/libphoton_infer_cuda_host.so`;

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
export function openCuda(path: CudaPath = "cuda"): NativeDevice {
  return new NativeDevice({ device: "cuda", library: LIBRARY, path });
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
  const shared = program === undefined ? SHARED : [...SHARED, program];
  const files = [...filesIn("cuda/"), ...filesIn("cuda/host/"), ...shared];
  const texts = files.map((file) => [file, Deno.readTextFileSync(new URL(file, NATIVE))]);
  const headers = filesIn("").filter((file) => file.endsWith(".h"))
    .map((file) => [file, Deno.readTextFileSync(new URL(file, NATIVE))]);
  const all = new TextEncoder().encode(JSON.stringify([FLAGS, SANITIZE_FLAGS, texts, headers]));
  const stamp = new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
  const stampPath = `${path}.stamp`;
  if (readIfThere(stampPath) === stamp && readIfThere(path) !== undefined) return;
  Deno.mkdirSync(BUILD_DIRECTORY, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: BUILD_DIRECTORY, prefix: "cuda-" });
  try {
    await compileAll(files.filter((file) => /\.(cu|cpp|c)$/.test(file)), folder, program);
    const link = program === undefined ? ["-shared"] : SANITIZE_FLAGS;
    const objects = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
    await run("g++", [...link, "-o", `${folder}/made`, ...objects, "-lpthread"]);
    Deno.renameSync(`${folder}/made`, path);
    Deno.writeTextFileSync(stampPath, stamp);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function compileAll(
  sources: readonly string[],
  folder: string,
  program: string | undefined,
): Promise<void> {
  const waiting = [...sources];
  const sanitize = program === undefined ? [] : SANITIZE_FLAGS;
  const work = async () => {
    for (let source = waiting.shift(); source; source = waiting.shift()) {
      const object = `${folder}/${source.replaceAll("/", "_")}.o`;
      const isC = source.endsWith(".c");
      const flags = isC ? ["-O1", "-fPIC", "-fvisibility=hidden"] : [...FLAGS, "-xc++"];
      await run(isC ? "cc" : "g++", [...flags, ...sanitize, "-c", source, "-o", object]);
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], cwd: NATIVE, stdin: "null" });
  const { success, stderr } = await command.output();
  const text = new TextDecoder().decode(stderr);
  if (!success || text !== "") throw new Error(`Cannot build the emulation: ${text}`);
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, NATIVE))]
    .filter(({ name }) => /\.(cu|cuh|cpp|h)$/.test(name)).map(({ name }) => folder + name).sort();
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function runs(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args }).outputSync().success;
  } catch {
    return false;
  }
}
