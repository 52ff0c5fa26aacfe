// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openLibrary } from "../../ffi/load.ts";
import { cacheFolder, variable } from "../native/build_library.ts";
import {
  ABI_VERSION,
  BUILD_FOLDER,
  CUDA_LIBRARY_NAME,
  LIBRARY_NAME,
} from "../native/native_sources.ts";

/** The calls of infer.h, as {@linkcode Deno.dlopen} takes them. */
// Data: the calls of infer.h that are used, one a row. Handles are addresses and go as u64. Those
// that wait for threads or files have a version that does not block, beside or instead. Those that
// are optional are only in the library for GPUs.
// deno-fmt-ignore
export const NATIVE_SYMBOLS = {
  abiVersion:      { name: "infer_abi_version", parameters: [], result: "u32" },
  error:           { name: "infer_error", parameters: ["buffer", "usize"], result: "usize" },
  deviceOpen:      { name: "infer_device_open", parameters: ["i32", "buffer", "buffer"], result: "i32" },
  deviceDescribe:  { name: "infer_device_describe", parameters: ["u64", "buffer", "usize"], result: "usize" },
  deviceClose:     { name: "infer_device_close", parameters: ["u64"], result: "void" },
  openGroup:       { name: "infer_cuda_open_group", parameters: ["i32", "buffer", "buffer", "buffer"], result: "i32", optional: true },
  modelCreate:     { name: "infer_model_create", parameters: ["u64", "buffer", "buffer"], result: "i32" },
  modelSetVector:  { name: "infer_model_set_vector", parameters: ["u64", "i32", "i32", "buffer", "i32"], result: "i32" },
  modelSetMatrix:  { name: "infer_model_set_matrix", parameters: ["u64", "i32", "i32", "i32", "i32"], result: "i32" },
  modelPutRows:    { name: "infer_model_put_rows", parameters: ["u64", "i32", "i32", "i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  modelReadFile:   { name: "infer_model_read_file", parameters: ["u64", "i32", "i32", "buffer", "i64", "i32", "i32"], result: "i32", nonblocking: true },
  modelReadRow:    { name: "infer_model_read_row", parameters: ["u64", "i32", "i32", "i32", "buffer"], result: "i32" },
  modelBytes:      { name: "infer_model_bytes", parameters: ["u64"], result: "usize" },
  modelBlockBytes: { name: "infer_model_block_bytes", parameters: ["u64", "i32", "i32"], result: "usize" },
  modelDestroy:    { name: "infer_model_destroy", parameters: ["u64"], result: "void" },
  contextCreate:   { name: "infer_context_create", parameters: ["u64", "buffer", "buffer"], result: "i32" },
  contextBytes:    { name: "infer_context_bytes", parameters: ["u64", "buffer", "buffer"], result: "void" },
  contextDestroy:  { name: "infer_context_destroy", parameters: ["u64"], result: "void" },
  submit:          { name: "infer_submit", parameters: ["u64", "buffer", "usize", "buffer", "buffer"], result: "i32" },
  wait:            { name: "infer_wait", parameters: ["u64"], result: "i32" },
  waitSoon:        { name: "infer_wait", parameters: ["u64"], result: "i32", nonblocking: true },
  copyBlocks:      { name: "infer_copy_blocks", parameters: ["u64", "buffer", "i32"], result: "i32" },
  draw:            { name: "infer_cuda_draw", parameters: ["u64", "buffer", "usize", "i32", "buffer", "i32", "buffer"], result: "i32", optional: true },
  drawn:           { name: "infer_cuda_drawn", parameters: ["u64", "buffer", "buffer"], result: "i32", optional: true },
  opRmsNorm:       { name: "infer_op_rms_norm", parameters: ["u64", "buffer", "buffer", "i32", "i32", "f32", "buffer"], result: "i32" },
  opRope:          { name: "infer_op_rope", parameters: ["u64", "buffer", "buffer", "i32", "i32", "i32", "buffer", "f32"], result: "i32" },
  opSwiglu:        { name: "infer_op_swiglu", parameters: ["u64", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  opQuantize:      { name: "infer_op_quantize", parameters: ["u64", "buffer", "i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  opMultiply:      { name: "infer_op_multiply", parameters: ["u64", "buffer", "i32", "i32", "i32", "i32", "i32", "i32", "buffer", "buffer", "buffer"], result: "i32" },
  opAttention:     { name: "infer_op_attention", parameters: ["u64", "buffer", "usize", "i32", "i32", "i32", "i32", "i32", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  opSample:        { name: "infer_op_sample", parameters: ["u64", "buffer", "i32", "buffer", "buffer"], result: "i32" },
} as const;

/** The calls of infer.h. */
export type NativeCalls = Deno.StaticForeignLibraryInterface<typeof NATIVE_SYMBOLS>;

/** What a native library computes on: the processor, or an NVIDIA GPU. */
export type NativeKind = "cpu" | "cuda";

/** How a library is found. */
interface LibraryPlace {
  /** Its file name. */
  readonly name: string;
  /** Environment variable with the path of one to use. */
  readonly variable: string;
  /** What it is in a message, and how one gets it. */
  readonly title: string;
  readonly build: string;
}

const BUILD =
  `"deno task build" in a checkout, else with "deno run -A jsr:@photon/std/infer/build"`;

// Data: the libraries with the calls of infer.h.
// deno-fmt-ignore
const LIBRARIES: Record<NativeKind, LibraryPlace> = {
  cpu:  { name: LIBRARY_NAME,      variable: "PHOTON_INFER_LIBRARY",      title: "native library", build: BUILD },
  cuda: { name: CUDA_LIBRARY_NAME, variable: "PHOTON_INFER_CUDA_LIBRARY", title: "CUDA library",   build: `${BUILD}, where there is nvcc` },
};

/** Opened libraries by kind, or by their path. */
const loaded = new Map<string, NativeCalls>();

/**
 * A native library, opened at first use and kept. It is looked for at the path in the environment
 * variable `PHOTON_INFER_LIBRARY` (for GPUs `PHOTON_INFER_CUDA_LIBRARY`), in the build folder
 * beside the sources (which only a checkout has), in the cache that
 * `deno run -A jsr:@photon/std/infer/build` fills, and where the system looks for libraries.
 *
 * @param path a library that is to be used instead
 * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
 * @throws {Deno.errors.NotFound} when there is none, with every place that was tried and why
 */
export function nativeLibrary(kind: NativeKind = "cpu", path: string = ""): NativeCalls {
  const key = path || kind;
  let calls = loaded.get(key);
  if (!calls) loaded.set(key, calls = openFirst(path ? [path] : libraryPlaces(kind), kind));
  return calls;
}

/** Where a library is looked for, in this order. */
export function libraryPlaces(kind: NativeKind = "cpu"): string[] {
  const { name, variable: chosenBy } = LIBRARIES[kind];
  const chosen = variable(chosenBy);
  // Who names one wants that one.
  if (chosen) return [chosen];
  const folder = cacheFolder();
  return [
    ...BUILD_FOLDER.protocol === "file:" ? [`${BUILD_FOLDER.pathname}${name}`] : [],
    ...folder ? [`${folder}/${name}`] : [],
    name,
  ];
}

/** Opens the first library of the right version. */
export function openFirst(places: readonly string[], kind: NativeKind = "cpu"): NativeCalls {
  const reasons: string[] = [];
  for (const place of places) {
    try {
      const { symbols: calls, close } = openLibrary([place], NATIVE_SYMBOLS);
      const version = calls.abiVersion();
      if (version === ABI_VERSION) return calls;
      close();
      reasons.push(`${place} (has version ${version} of the interface, not ${ABI_VERSION})`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      reasons.push(error.message.replace(/^.*?: tried /, ""));
    }
  }
  const { title, build, variable: chosenBy } = LIBRARIES[kind];
  throw new Deno.errors.NotFound(
    `Cannot find the ${title}: tried ${reasons.join(", ")}; build it with ${build}, or name one ` +
      `in ${chosenBy}`,
  );
}

// Data: statuses of infer.h, and the errors that they become.
const ERRORS: Record<number, (text: string) => Error> = {
  1: (text) => new RangeError(text),
  2: (text) => new RangeError(text),
  3: (text) => new Deno.errors.Busy(text),
  4: (text) => new Error(text),
  5: (text) => new Deno.errors.NotSupported(text),
};

const TEXT_BYTES = 512;

/** A text with a zero behind it, as C takes it. */
export function zeroEnded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Throws when a call failed.
 *
 * @throws {RangeError} when an argument cannot be, or memory is short
 * @throws {Deno.errors.Busy} when a step is on its way
 * @throws {Deno.errors.NotSupported} when the device or the library cannot do it
 */
export function checkStatus(calls: NativeCalls, status: number): void {
  if (status === 0) return;
  const bytes = new Uint8Array(TEXT_BYTES);
  const length = Number(calls.error(bytes, BigInt(TEXT_BYTES)));
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  throw ERRORS[status]?.(text) ?? new Error(text);
}
