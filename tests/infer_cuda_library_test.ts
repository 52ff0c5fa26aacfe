// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { NativeDevice } from "../infer/backend/native_device.ts";
import { libraryPlaces, openFirst } from "../infer/backend/native_library.ts";
import { Engine } from "../infer/engine/engine.ts";
import { MODELS } from "./infer_model.ts";
import { HAS_COMPILER } from "./infer_native.ts";
import { workerTest } from "./worker_leak.ts";

// What is said where there is no CUDA library, no driver or no GPU, and what computes then.

const MODEL = `${MODELS}llama-tied-default`;

/** Whether a GPU would compute here: then nothing is missing that could be told. */
const HAS_GPU = hasGpu();
const REASON = HAS_GPU ? " (there is a GPU)" : HAS_COMPILER ? "" : " (no C compiler: cc)";

function libraryTest(name: string, body: () => Promise<void>): void {
  if (HAS_COMPILER && !HAS_GPU) return workerTest(name, body);
  Deno.test({ name: `${name}${REASON}`, ignore: true, fn: body });
}

Deno.test("the CUDA library is looked for beside the other, and its absence is told", () => {
  const places = libraryPlaces("cuda");
  assert(places[0]!.endsWith("infer/native/.build/libphoton_infer_cuda.so"), places[0]);
  assert(places.at(-1) === "libphoton_infer_cuda.so", places.at(-1));
  const attempt = () => openFirst(["/nowhere/first.so"], "cuda");
  const error = assertThrows(attempt, Deno.errors.NotFound, "Cannot find the CUDA library: tried");
  for (const part of ["/nowhere/first.so", "nvcc", "PHOTON_INFER_CUDA_LIBRARY"]) {
    assert(error.message.includes(part), error.message);
  }
});

Deno.test("a device of a library that is not there is not found", () => {
  const attempt = () => new NativeDevice({ device: "cuda", library: "/nowhere/cuda.so" });
  assertThrows(attempt, Deno.errors.NotFound, "/nowhere/cuda.so");
});

libraryTest("an engine that finds no GPU computes on the processor, and says why", async () => {
  await using engine = await Engine.load(MODEL);
  assertMatch(engine.backend, /^native: .*; Cannot (find the CUDA library|use CUDA): /);
});

libraryTest("an engine that must have a GPU says what is missing", async () => {
  const error = await assertRejects(() => Engine.load(MODEL, { backend: "cuda" }), Error);
  assertMatch(error.message, /Cannot (find the CUDA library|use CUDA): /);
});

function hasGpu(): boolean {
  try {
    new NativeDevice({ device: "cuda" }).close();
    return true;
  } catch {
    return false;
  }
}
