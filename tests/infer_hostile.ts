// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { loadWeights } from "../infer/model/load_weights.ts";
import { openModel } from "../infer/model/open_model.ts";
import { ModelFileError } from "../infer/model_file_error.ts";

// What the tests of hostile model files share: files in memory, changed and put in a folder.

/** Memory that opening a file of 200 KB may take. */
const MEMORY_BYTES_MAX = 32 * 1024 * 1024;

/** The files of a model by name; a change is a copy with some of them replaced. */
export type ModelFiles = Readonly<Record<string, Uint8Array>>;

/** Reads the files of a folder. */
export function readFolder(folder: string): ModelFiles {
  const entries = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return Object.fromEntries(entries.map((name) => [name, Deno.readFileSync(`${folder}/${name}`)]));
}

/** Runs a body with an empty folder, which is removed afterwards. */
export async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts files in a folder, in place of all that is there. */
export function putFiles(folder: string, files: ModelFiles): void {
  for (const { name } of Deno.readDirSync(folder)) Deno.removeSync(`${folder}/${name}`);
  for (const [name, bytes] of Object.entries(files)) Deno.writeFileSync(`${folder}/${name}`, bytes);
}

/**
 * Opens and loads a model that may be wrong in any way: either it loads, or there is an error that
 * names a file of it and says why. Neither takes much memory.
 *
 * @returns the error, or null where it loaded
 */
export async function tryModel(path: string): Promise<ModelFileError | null> {
  const before = memoryBytes();
  try {
    using source = await openModel(path);
    await loadWeights(source);
    return null;
  } catch (error) {
    assertInstanceOf(error, ModelFileError, String(Reflect.get(Object(error), "stack")));
    assertStringIncludes(error.file, path);
    assert(error.reason !== "", error.message);
    return error;
  } finally {
    const grown = memoryBytes() - before;
    assert(grown < MEMORY_BYTES_MAX, `opening took ${grown} bytes`);
  }
}

/** Bytes in use, garbage among them: what was taken shows even when it is no longer needed. */
function memoryBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** A safetensors file of a header and data. */
export function safetensorsFile(header: unknown, data: Uint8Array): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + bytes.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
  file.set(bytes, 8);
  file.set(data, 8 + bytes.length);
  return file;
}

/** The header and data of a safetensors file. */
export function splitSafetensors(
  file: Uint8Array,
): { header: Record<string, TensorEntry>; data: Uint8Array } {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  return { header, data: file.subarray(8 + length) };
}

/** An entry of a safetensors header; anything goes. */
export interface TensorEntry {
  dtype: unknown;
  shape: unknown;
  // deno-lint-ignore camelcase -- the format's own name
  data_offsets: unknown;
}

/** A copy with some bytes replaced. */
export function patched(file: Uint8Array, offset: number, bytes: ArrayLike<number>): Uint8Array {
  const copy = file.slice();
  copy.set(bytes, offset);
  return copy;
}

/** Little-endian bytes of a number of so many bytes. */
export function littleEndian(value: number | bigint, byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => {
    return Number((BigInt(value) >> BigInt(8 * i)) & 255n);
  });
}
