// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What {@linkcode buildOnce} makes, and of what. */
export interface Build {
  /** Where the result goes; its folder is made when it is not there. */
  readonly path: string;
  /** Names, from this folder, of all that is compiled and included. */
  readonly sources: readonly string[];
  /** What else decides what comes out: compilers and flags. */
  readonly settings: readonly unknown[];
  /** Makes the file `built` of the sources, which lie in `folder` under their names. */
  compile(folder: string, built: string): Promise<void>;
}

const FOLDER = new URL("./", import.meta.url);

/**
 * Compiles something, unless what is there was made of the same sources in the same way. Needs no
 * network where the sources are files. Several processes may build at once: the result appears
 * whole.
 *
 * @returns Path of the result
 * @throws {Error} when a source cannot be fetched, and what `compile` throws
 */
export async function buildOnce({ path, sources, settings, compile }: Build): Promise<string> {
  const texts = await readSources(sources);
  const stamp = await stampOf(JSON.stringify([...settings, ...texts]));
  if (await readIfThere(`${path}.stamp`) === stamp && await isThere(path)) return path;
  const directory = folderOf(path);
  await Deno.mkdir(directory, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: directory, prefix: "build-" });
  try {
    for (const [name, text] of texts) {
      await Deno.mkdir(folderOf(`${folder}/${name}`), { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await compile(folder, `${folder}/built`);
    await Deno.writeTextFile(`${folder}/stamp`, stamp);
    await Deno.rename(`${folder}/built`, path);
    await Deno.rename(`${folder}/stamp`, `${path}.stamp`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
}

/**
 * Compiles sources, as many at a time as there are processors.
 *
 * @returns Names of the objects
 */
export async function compileEach(
  sources: readonly string[],
  compile: (source: string, object: string) => Promise<void>,
): Promise<string[]> {
  const waiting = [...sources];
  const work = async () => {
    for (let source = waiting.shift(); source; source = waiting.shift()) {
      await compile(source, objectOf(source));
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return sources.map(objectOf);
}

/**
 * Runs a compiler in a folder.
 *
 * @returns What it had to say
 * @throws {Deno.errors.NotFound} when there is no such program
 * @throws {Error} with what it said, when it fails
 */
export async function runCompiler(
  program: string,
  cwd: string,
  args: readonly string[],
): Promise<string> {
  const command = new Deno.Command(program, { args: [...args], cwd, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  if (!success) throw new Error(`Cannot build the native library: ${program} says\n${text}`);
  return text;
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

async function stampOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

function objectOf(source: string): string {
  return `${source.replaceAll("/", "_")}.o`;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
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
