// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../backend/backend.ts";
import type { NativeKind } from "../backend/native_library.ts";
import { NativeBackend } from "../backend/native_backend.ts";
import { ReferenceBackend } from "../backend/reference_backend.ts";
import { loadWeights } from "../model/load_weights.ts";
import type { ModelSource } from "../model/model_source.ts";
import type { BackendPlan } from "./engine_plan.ts";

/** Makes a backend for a model; what a module for `EngineOptions.backend` exports. */
export type OpenBackend = (source: ModelSource, plan: BackendPlan) => Backend | Promise<Backend>;

/** A backend, and what to say of it. */
export interface OpenedBackend {
  /** It. */
  readonly backend: Backend;
  /** What computes, and why nothing faster does. */
  readonly description: string;
}

/**
 * Loads a model into the backend that the plan asks for.
 *
 * @throws {Deno.errors.NotFound} when the native library is asked for and not there
 * @throws {Deno.errors.NotSupported} when a GPU is asked for and there is none, or no driver
 * @throws {RangeError} when a GPU has no part in `tensorParallel`, or an option is unknown
 * @throws {TypeError} when a module exports no `openBackend`
 */
export async function openBackend(source: ModelSource, plan: BackendPlan): Promise<OpenedBackend> {
  switch (plan.backend) {
    case "reference":
      return await openReference(source, plan, "");
    case "cuda":
      return await openNative(source, plan, "cuda");
    case "native":
      return await openNative(source, plan, "cpu");
    case "auto":
      // Who asks for several GPUs wants no processor instead.
      return await (plan.tensorParallel > 1
        ? openNative(source, plan, "cuda")
        : openFastest(source, plan));
    default:
      return { backend: await openModule(source, plan), description: plan.backend };
  }
}

/** The GPU, else the processor, else TypeScript. */
async function openFastest(source: ModelSource, plan: BackendPlan): Promise<OpenedBackend> {
  const reasons: string[] = [];
  for (const device of ["cuda", "cpu"] as const) {
    try {
      const { backend, description } = await openNative(source, plan, device);
      return { backend, description: [description, ...reasons].join("; ") };
    } catch (error) {
      if (!isWithoutDevice(error, device)) throw error;
      reasons.push(error.message);
    }
  }
  return await openReference(source, plan, `: ${reasons.join("; ")}`);
}

/** Whether there is no such library, GPU or driver, or it may not be used. */
function isWithoutDevice(error: unknown, device: NativeKind): error is Error {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable ||
    (device === "cuda" && error instanceof Deno.errors.NotSupported);
}

async function openNative(
  source: ModelSource,
  { stepBounds: bounds, bounds: { blockCount }, weights, tensorParallel, deterministic }:
    BackendPlan,
  device: NativeKind,
): Promise<OpenedBackend> {
  const backend = await NativeBackend.load(source, {
    ...{ bounds, blockCount, weights, device, tensorParallel },
    ...(deterministic && device === "cuda" && { path: "deterministic" }),
  });
  const name = device === "cpu" ? "native" : device;
  return { backend, description: `${name}: ${JSON.stringify(backend.device)}` };
}

async function openReference(
  source: ModelSource,
  { stepBounds: bounds, bounds: { blockCount }, weights }: BackendPlan,
  reason: string,
): Promise<OpenedBackend> {
  const backend = new ReferenceBackend(await loadWeights(source, { weights }), {
    bounds,
    blockCount,
  });
  return { backend, description: `TypeScript${reason}` };
}

async function openModule(source: ModelSource, plan: BackendPlan): Promise<Backend> {
  const module: { readonly openBackend?: OpenBackend } = await import(plan.backend);
  if (typeof module.openBackend === "function") return module.openBackend(source, plan);
  throw new TypeError(`Cannot compute with ${plan.backend}: it exports no openBackend()`);
}
