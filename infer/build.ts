// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Builds the native library with the system's C compiler, and the one for GPUs where there is nvcc:
 *
 * ```sh
 * deno run -A jsr:@photon/std/infer/build
 * ```
 *
 * In a checkout (`deno task build`) it goes into a folder beside the sources; from a registry into
 * a cache of the user's, by version. {@linkcode NativeBackend} looks in both.
 *
 * @module
 */
import { buildCudaLibrary, findNvcc } from "./native/build_cuda_library.ts";
import { buildLibrary, cacheFolder } from "./native/build_library.ts";
import { BUILD_FOLDER } from "./native/native_sources.ts";

export { buildCudaLibrary, type CudaBuildOptions, findNvcc } from "./native/build_cuda_library.ts";
export { buildLibrary, type BuildOptions } from "./native/build_library.ts";

if (import.meta.main) main();

async function main(): Promise<void> {
  const isCheckout = BUILD_FOLDER.protocol === "file:";
  const directory = isCheckout ? BUILD_FOLDER.pathname.replace(/\/$/, "") : cacheFolder();
  const { stdout, stderr } = Deno;
  const put = (stream: typeof stdout, text: string) =>
    stream.writeSync(new TextEncoder().encode(`${text}\n`));
  if (directory === undefined) {
    put(stderr, "Cannot find a cache folder: set HOME or XDG_CACHE_HOME");
    Deno.exitCode = 1;
    return;
  }
  try {
    put(stdout, await buildLibrary({ directory }));
    const compiler = await findNvcc();
    if (compiler === undefined) {
      put(
        stderr,
        "Without the library for GPUs: there is no nvcc on the PATH, nor NVCC that names one",
      );
    } else {
      put(stdout, await buildCudaLibrary({ directory, compiler }));
    }
  } catch (error) {
    put(stderr, (error as Error).message);
    Deno.exitCode = 1;
  }
}
