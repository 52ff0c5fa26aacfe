// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { variable } from "./build_library.ts";
import { buildOnce, compileEach, runCompiler } from "./build_once.ts";
import {
  CUDA_HEADERS,
  CUDA_LIBRARY_NAME,
  CUDA_SHARED,
  CUDA_SOURCES,
  HEADERS,
} from "./native_sources.ts";

/** Options of {@linkcode buildCudaLibrary}. */
export interface CudaBuildOptions {
  /** Where the library goes; made when it is not there. */
  readonly directory: string;
  /** Path of nvcc; see {@linkcode findNvcc}. */
  readonly compiler: string;
}

// Data: generations of GPUs with machine code of their own; newer ones translate that of the last.
const COMPUTE = [75, 80, 86, 89, 90];
// deno-fmt-ignore
const FLAGS = [
  "-std=c++17", "-O3", "-Xcompiler=-fPIC,-fvisibility=hidden,-O2,-pthread", "-Xfatbin=-compress-all",
  ...COMPUTE.map((compute) => `-gencode=arch=compute_${compute},code=sm_${compute}`),
  `-gencode=arch=compute_${COMPUTE.at(-1)},code=compute_${COMPUTE.at(-1)}`,
];

/**
 * Where the CUDA compiler is: at the environment variable `NVCC`, in the folder `CUDA_HOME`, where
 * the system looks for programs, or where NVIDIA's installer puts it.
 *
 * @returns undefined when there is none
 */
export async function findNvcc(): Promise<string | undefined> {
  const [chosen, home] = [variable("NVCC"), variable("CUDA_HOME")];
  const places = [chosen, home && `${home}/bin/nvcc`, "nvcc", "/usr/local/cuda/bin/nvcc"];
  for (const place of places) {
    if (place !== undefined && await isProgram(place)) return place;
  }
}

/**
 * Compiles the CUDA library, unless what is there was compiled from the same sources. Takes
 * minutes.
 *
 * @returns Path of the library
 * @throws {Error} with what the compiler said, when it fails
 */
export async function buildCudaLibrary({ directory, compiler }: CudaBuildOptions): Promise<string> {
  const sources = [...CUDA_SOURCES, ...CUDA_SHARED];
  // Wheels of the toolkit have `lib` where its installer has `lib64`.
  const lib = `${compiler.replace(/\/?[^/]*$/, "") || "."}/../lib`;
  const link = [
    ...["-shared", "-cudart=static", "-Xcompiler=-static-libstdc++,-static-libgcc"],
    ...compiler.includes("/") ? [`-L${lib}`] : [],
  ];
  return await buildOnce({
    path: `${directory}/${CUDA_LIBRARY_NAME}`,
    sources: [...sources, ...CUDA_HEADERS, ...HEADERS],
    settings: [compiler, FLAGS],
    async compile(folder, built) {
      const objects = await compileEach(sources, async (source, object) => {
        await runCompiler(compiler, folder, [...FLAGS, "-Icuda", "-c", source, "-o", object]);
      });
      await runCompiler(compiler, folder, [...link, "-o", built, ...objects]);
    },
  });
}

async function isProgram(path: string): Promise<boolean> {
  try {
    const args = ["--version"];
    return (await new Deno.Command(path, { args, stdout: "null", stderr: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
