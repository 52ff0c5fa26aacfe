// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
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

const FOLDER = new URL("./", import.meta.url);

// Data: for all sources.
// deno-fmt-ignore
const FLAGS = [
  "-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-fvisibility=hidden",
  "-pthread", "-Wall", "-Wextra", "-Wno-psabi",
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
  const path = `${directory}/${name}`;
  const sources = sourcesOf(sanitizedProgram);
  const texts = await readSources([...sources.map((source) => source.name), ...HEADERS]);
  const stamp = await stampOf(texts, compiler);
  if (await readIfThere(`${path}.stamp`) === stamp && await isThere(path)) return path;
  await Deno.mkdir(directory, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: directory, prefix: "build-" });
  try {
    for (const [name, text] of texts) await Deno.writeTextFile(`${folder}/${name}`, text);
    await compileAll(compiler, folder, sources, sanitizedProgram !== undefined);
    const built = `${folder}/${name}.new`;
    const objects = sources.map(({ name }) => objectOf(name));
    const link = sanitizedProgram ? SANITIZE_FLAGS : ["-shared"];
    await run(compiler, folder, [...link, "-pthread", "-o", built, ...objects, "-lm"]);
    await Deno.writeTextFile(`${folder}/stamp`, stamp);
    await Deno.rename(built, path);
    await Deno.rename(`${folder}/stamp`, `${path}.stamp`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
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

/** The sources by their names; `fetch` reads files as well. */
async function readSources(names: readonly string[]): Promise<Map<string, string>> {
  const texts = names.map(async (name): Promise<[string, string]> => {
    const response = await fetch(new URL(name, FOLDER));
    if (!response.ok) throw new Error(`Cannot fetch ${response.url}: ${response.status}`);
    return [name, await response.text()];
  });
  return new Map(await Promise.all(texts));
}

async function stampOf(texts: ReadonlyMap<string, string>, compiler: string): Promise<string> {
  const all = JSON.stringify([compiler, FLAGS, SANITIZE_FLAGS, SOURCES, ...texts]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(all));
  return new Uint8Array(digest).toHex();
}

async function compileAll(
  compiler: string,
  folder: string,
  sources: readonly SourceFile[],
  isSanitized: boolean,
): Promise<void> {
  const waiting = [...sources];
  const work = async () => {
    for (let source = waiting.shift(); source; source = waiting.shift()) {
      const flags = [...FLAGS, ...isSanitized ? SANITIZE_FLAGS : [], ...source.flags ?? []];
      await run(compiler, folder, [...flags, "-c", source.name, "-o", objectOf(source.name)]);
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
}

function objectOf(name: string): string {
  return name.replace(/\.c$/, ".o");
}

async function run(program: string, cwd: string, args: readonly string[]): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], cwd, stdin: "null" });
  const { success, stderr } = await command.output();
  if (success) return;
  const text = new TextDecoder().decode(stderr);
  throw new Error(`Cannot build the native library: ${program} says\n${text}`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
