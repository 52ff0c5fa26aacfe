// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Builds the native library with the system's C compiler:
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
import { buildLibrary, cacheFolder } from "./native/build_library.ts";
import { BUILD_FOLDER } from "./native/native_sources.ts";

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
  } catch (error) {
    put(stderr, (error as Error).message);
    Deno.exitCode = 1;
  }
}
