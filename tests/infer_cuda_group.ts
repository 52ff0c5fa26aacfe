// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openLibrary } from "../ffi/load.ts";
import { buildOnce, runCompiler } from "../infer/native/build_once.ts";
import { HAS_EMULATION, LIBRARY, ROUNDING } from "./infer_cuda.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";
import { setVariables } from "./set_variables.ts";

// Several emulated GPUs in one process, and a NCCL for them.

/** Whether GPUs are emulated: there are as many then as one likes, and their memory is counted. */
export const IS_EMULATION = HAS_EMULATION && ROUNDING === 1;

/** NCCL as far as it is used, for emulated GPUs. */
export const FAKE_NCCL = `${BUILD_DIRECTORY}/libfake_nccl.so.2`;

const PEER = new URL("peers/fake_nccl.cpp", import.meta.url);

if (IS_EMULATION) await buildFakeNccl();

const emulation = IS_EMULATION
  ? openLibrary([LIBRARY], {
    host_device_bytes: { parameters: [], result: "usize" },
    host_fail_allocation: { parameters: ["i32"], result: "void" },
  }).symbols
  : undefined;
const nccl = IS_EMULATION
  ? openLibrary([FAKE_NCCL], {
    fake_nccl_comms: { parameters: [], result: "i32" },
    fake_nccl_fail: { parameters: ["i32"], result: "void" },
  }).symbols
  : undefined;

/** Bytes of emulated device memory that are not freed. */
export function deviceBytes(): number {
  return Number(emulation!.host_device_bytes());
}

/** Communicators of the emulated NCCL that are not destroyed. */
export function openCommunicators(): number {
  return nccl!.fake_nccl_comms();
}

/**
 * Lets so many allocations of device and pinned memory succeed, and the next one fail.
 *
 * @returns Lets all succeed again, when it is disposed of
 */
export function failAllocation(after: number): Disposable {
  emulation!.host_fail_allocation(after);
  return { [Symbol.dispose]: () => emulation!.host_fail_allocation(-1) };
}

/**
 * Lets sums of the emulated NCCL come to no end from now on.
 *
 * @param result what communicators say has happened, a number of NCCL's; 0 when they say nothing
 * @returns Lets all sums succeed again, when it is disposed of
 */
export function failNccl(result: number): Disposable {
  nccl!.fake_nccl_fail(result);
  return { [Symbol.dispose]: () => nccl!.fake_nccl_fail(-1) };
}

/** So many emulated GPUs with NCCL. */
export function setNccl(gpus: number): Disposable {
  return setVariables({
    INFER_HOST_DEVICES: String(gpus),
    PHOTON_INFER_NCCL_LIBRARY: FAKE_NCCL,
  });
}

async function buildFakeNccl(): Promise<void> {
  const flags = [
    "-std=c++17",
    "-O1",
    "-fPIC",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-shared",
  ];
  const text = await Deno.readTextFile(PEER);
  await buildOnce({
    path: FAKE_NCCL,
    sources: [],
    settings: [flags, text, LIBRARY],
    async compile(folder, built) {
      // By its path, it is the library that the tests have opened.
      await runCompiler("g++", folder, [...flags, PEER.pathname, LIBRARY, "-o", built]);
    },
  });
}
