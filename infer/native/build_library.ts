// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { buildOnce, compileEach, runCompiler } from "./build_once.ts";
import { ABI_VERSION, HEADERS, LIBRARY_NAME, type SourceFile, SOURCES } from "./native_sources.ts";

/** Options of {@linkcode buildLibrary}. */
export interface BuildOptions {
  /** Where the library goes; made when it is not there. */
  readonly directory: string;
  /**
   * The C compiler.
   *
   * @default {"cc"}
   */
  readonly compiler?: string;
  /**
   * A C program of this folder to link with the sources, with the address and the undefined
   * behaviour sanitizer, instead of a library.
   */
  readonly sanitizedProgram?: string;
}

// Data: for all sources.
// deno-fmt-ignore
const FLAGS = [
  "-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-fvisibility=hidden",
  "-pthread", "-Wall", "-Wextra", "-Wno-psabi", "-Werror=implicit-function-declaration",
];
// deno-fmt-ignore
const SANITIZE_FLAGS = [
  "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
];

/**
 * Compiles the native library with the system's C compiler, unless what is there was compiled from
 * the same sources. Needs no network where the sources are files. Several processes may build at
 * once: the result appears whole.
 *
 * @returns Path of the library, or of the program
 * @throws {Deno.errors.NotFound} when there is no such compiler
 * @throws {Error} with what the compiler said, when it fails
 */
export async function buildLibrary(options: BuildOptions): Promise<string> {
  const { directory, compiler = "cc", sanitizedProgram } = options;
  const name = sanitizedProgram?.replace(/\.c$/, "") ?? LIBRARY_NAME;
  const sources = sourcesOf(sanitizedProgram);
  const names = sources.map(({ name }) => name);
  const flagsOf = new Map(sources.map(({ name, flags }) => [name, flags ?? []]));
  const sanitize = sanitizedProgram ? SANITIZE_FLAGS : [];
  return await buildOnce({
    path: `${directory}/${name}`,
    sources: [...names, ...HEADERS],
    settings: [compiler, FLAGS, SANITIZE_FLAGS, SOURCES],
    async compile(folder, built) {
      const objects = await compileEach(names, async (source, object) => {
        const flags = [...FLAGS, ...sanitize, ...flagsOf.get(source)!];
        await runCompiler(compiler, folder, [...flags, "-c", source, "-o", object]);
      });
      const link = sanitizedProgram ? SANITIZE_FLAGS : ["-shared"];
      await runCompiler(compiler, folder, [...link, "-pthread", "-o", built, ...objects, "-lm"]);
    },
  });
}

/** Where {@linkcode buildLibrary} puts what has no checkout; undefined without a home. */
export function cacheFolder(): string | undefined {
  const base = variable("XDG_CACHE_HOME") ?? variable("HOME")?.concat("/.cache");
  return base && `${base}/photon_std/infer_abi_${ABI_VERSION}`;
}

/** A variable of the environment, where it is set and may be read. */
export function variable(name: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return;
  return Deno.env.get(name) || undefined;
}

function sourcesOf(program: string | undefined): SourceFile[] {
  const sources = SOURCES.filter(({ arch }) => arch === undefined || arch === Deno.build.arch);
  return program === undefined ? sources : [...sources, { name: program }];
}
