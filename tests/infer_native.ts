// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { NativeBackend, type NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { type InstructionPath, NativeDevice } from "../infer/backend/native_device.ts";
import { nativeLibrary } from "../infer/backend/native_library.ts";
import { openModel } from "../infer/model/open_model.ts";
import { buildLibrary } from "../infer/native/build_library.ts";
import { BUILD_FOLDER } from "../infer/native/native_sources.ts";
import { BOUNDS } from "./infer_model.ts";
import { leakTest } from "./leak.ts";

/** Whether this machine can build the native library. */
export const HAS_COMPILER = hasCompiler();

/** What is appended to names of tests that cannot run, so that one reads why. */
const REASON = HAS_COMPILER ? "" : " (no C compiler: cc is not installed)";

/** Every path that this processor has, and the portable one. */
export const PATHS: readonly InstructionPath[] = instructionPaths();

/** Where the library and the sanitized program go. */
export const BUILD_DIRECTORY = BUILD_FOLDER.pathname.replace(/\/$/, "");

// Before any test: a library stays open until the process ends, which a test would be blamed for.
if (HAS_COMPILER) {
  await buildLibrary({ directory: BUILD_DIRECTORY });
  nativeLibrary();
}

/** A test of the native library; ignored where there is no compiler. */
export function nativeTest(name: string, body: () => Promise<void> | void): void {
  leakTest(`${name}${REASON}`, body, { ignore: !HAS_COMPILER });
}

/** Opens a device with two threads. */
export function openDevice(path: InstructionPath): NativeDevice {
  return new NativeDevice({ path, threads: 2 });
}

/** Loads a model into the native backend: keys and values in F32 unless it is said. */
export async function loadNative(
  path: string,
  options: Partial<NativeBackendOptions> = {},
): Promise<NativeBackend> {
  using source = await openModel(path);
  const defaults = { bounds: BOUNDS, blockCount: 128, kvType: "float32", threads: 2 } as const;
  return await NativeBackend.load(source, { ...defaults, ...options });
}

function hasCompiler(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return new Deno.Command("cc", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

function instructionPaths(): InstructionPath[] {
  if (Deno.build.arch !== "x86_64") return ["portable"];
  const text = HAS_COMPILER ? Deno.readTextFileSync("/proc/cpuinfo") : "";
  const has = (flag: string) => new RegExp(`^flags.*\\b${flag}\\b`, "m").test(text);
  return [
    "portable",
    ...has("avx2") ? ["avx2"] as const : [],
    ...has("avx512_vnni") ? ["vnni"] as const : [],
  ];
}
