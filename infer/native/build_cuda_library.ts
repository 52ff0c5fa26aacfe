// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { variable } from "./build_library.ts";
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

const FOLDER = new URL("./", import.meta.url);

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
  const path = `${directory}/${CUDA_LIBRARY_NAME}`;
  const names = [...CUDA_SOURCES, ...CUDA_SHARED, ...CUDA_HEADERS, ...HEADERS];
  const texts = new Map(await Promise.all(names.map(readSource)));
  const all = new TextEncoder().encode(JSON.stringify([compiler, FLAGS, ...texts]));
  const stamp = new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
  if (readIfThere(`${path}.stamp`) === stamp && readIfThere(path) !== undefined) return path;
  await Deno.mkdir(directory, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: directory, prefix: "build-cuda-" });
  try {
    await Deno.mkdir(`${folder}/cuda`);
    for (const [name, text] of texts) await Deno.writeTextFile(`${folder}/${name}`, text);
    await compileAll(compiler, folder);
    const built = `${folder}/${CUDA_LIBRARY_NAME}.new`;
    const objects = [...CUDA_SOURCES, ...CUDA_SHARED].map(objectOf);
    // Wheels of the toolkit have `lib` where its installer has `lib64`.
    const lib = `${compiler.replace(/\/?[^/]*$/, "") || "."}/../lib`;
    const link = [
      "-shared",
      "-cudart=static",
      "-Xcompiler=-static-libstdc++,-static-libgcc",
      ...compiler.includes("/") ? [`-L${lib}`] : [],
    ];
    await run(compiler, folder, [...link, "-o", built, ...objects]);
    await Deno.writeTextFile(`${folder}/stamp`, stamp);
    await Deno.rename(built, path);
    await Deno.rename(`${folder}/stamp`, `${path}.stamp`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
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

async function readSource(name: string): Promise<[string, string]> {
  const response = await fetch(new URL(name, FOLDER));
  if (!response.ok) throw new Error(`Cannot fetch ${response.url}: ${response.status}`);
  return [name, await response.text()];
}

async function compileAll(compiler: string, folder: string): Promise<void> {
  const waiting = [...CUDA_SOURCES, ...CUDA_SHARED];
  const work = async () => {
    for (let source = waiting.shift(); source; source = waiting.shift()) {
      await run(compiler, folder, [...FLAGS, "-Icuda", "-c", source, "-o", objectOf(source)]);
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
}

function objectOf(name: string): string {
  return `${name.replaceAll("/", "_")}.o`;
}

async function run(program: string, cwd: string, args: readonly string[]): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], cwd, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  if (success) return;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot build the CUDA library: ${program} says\n${text}`);
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
