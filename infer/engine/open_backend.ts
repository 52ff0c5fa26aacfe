// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../backend/backend.ts";
import type { NativeKind } from "../backend/native_library.ts";
import { NativeBackend } from "../backend/native_backend.ts";
import { ReferenceBackend } from "../backend/reference_backend.ts";
import { loadWeights } from "../model/load_weights.ts";
import type { ModelSource } from "../model/model_source.ts";
import { type BackendChoice, type BackendPlan, plainBlockBytes } from "./engine_plan.ts";

/** Makes a backend for a model; what a module for `EngineOptions.backend` exports. */
export type OpenBackend = (source: ModelSource, plan: BackendPlan) => Backend | Promise<Backend>;

/** A backend, and what to say of it. */
export interface OpenedBackend {
  /** It. */
  readonly backend: Backend;
  /** How large it is. */
  readonly plan: BackendPlan;
  /** What computes, and why nothing faster does. */
  readonly description: string;
}

/** Plans for what a block of so many tokens takes in a backend. */
export type PlanBackend = (blockBytes: (blockTokens: number) => number) => BackendPlan;

/**
 * Loads a model into the backend that is asked for.
 *
 * @throws {Deno.errors.NotFound} when the native library is asked for and not there
 * @throws {Deno.errors.NotSupported} when a GPU is asked for and there is none, or no driver, or
 * the backend does not keep keys and values as `kvType`
 * @throws {RangeError} when a GPU has no part in `tensorParallel`, or an option is unknown
 * @throws {TypeError} when a module exports no `openBackend`
 */
export async function openBackend(
  source: ModelSource,
  choice: BackendChoice,
  planOf: PlanBackend,
): Promise<OpenedBackend> {
  switch (choice.backend) {
    case "reference":
      return await openReference(source, choice, planOf, "");
    case "cuda":
      return await openNative(source, choice, planOf, "cuda");
    case "native":
      return await openNative(source, choice, planOf, "cpu");
    case "auto":
      // Who asks for several GPUs wants no processor instead.
      return await (choice.tensorParallel > 1
        ? openNative(source, choice, planOf, "cuda")
        : openFastest(source, choice, planOf));
    default:
      return await openModule(source, choice, planOf);
  }
}

/** The GPU, else the processor, else TypeScript. */
async function openFastest(
  source: ModelSource,
  choice: BackendChoice,
  planOf: PlanBackend,
): Promise<OpenedBackend> {
  const reasons: string[] = [];
  for (const device of ["cuda", "cpu"] as const) {
    try {
      const opened = await openNative(source, choice, planOf, device);
      return { ...opened, description: [opened.description, ...reasons].join("; ") };
    } catch (error) {
      if (!isWithoutDevice(error, device)) throw error;
      reasons.push(error.message);
    }
  }
  return await openReference(source, choice, planOf, `: ${reasons.join("; ")}`);
}

/** Whether there is no such library, GPU or driver, or it may not be used. */
function isWithoutDevice(error: unknown, device: NativeKind): error is Error {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable ||
    (device === "cuda" && error instanceof Deno.errors.NotSupported);
}

async function openNative(
  source: ModelSource,
  { weights, tensorParallel, deterministic, kvType }: BackendChoice,
  planOf: PlanBackend,
  device: NativeKind,
): Promise<OpenedBackend> {
  let plan!: BackendPlan;
  const options = {
    ...{ weights, device, tensorParallel },
    ...(kvType && { kvType }),
    ...(deterministic && device === "cuda" && { path: "deterministic" as const }),
  };
  const backend = await NativeBackend.loadFitting(source, options, (blockBytes) => {
    plan = planOf(blockBytes);
    return { bounds: plan.stepBounds, blockCount: plan.bounds.blockCount };
  });
  const name = device === "cpu" ? "native" : device;
  return { backend, plan, description: `${name}: ${JSON.stringify(backend.device)}` };
}

async function openReference(
  source: ModelSource,
  { weights, kvType = "float32" }: BackendChoice,
  planOf: PlanBackend,
  reason: string,
): Promise<OpenedBackend> {
  const description = `TypeScript${reason}`;
  if (kvType !== "float32") throw new Deno.errors.NotSupported(refusal(kvType, description));
  const plan = planOf(plainBlockBytes(source.config));
  const { stepBounds: bounds, bounds: { blockCount } } = plan;
  const loaded = await loadWeights(source, { weights });
  return { backend: new ReferenceBackend(loaded, { bounds, blockCount }), plan, description };
}

async function openModule(
  source: ModelSource,
  { backend: url, kvType }: BackendChoice,
  planOf: PlanBackend,
): Promise<OpenedBackend> {
  const module: { readonly openBackend?: OpenBackend } = await import(url);
  if (typeof module.openBackend !== "function") {
    throw new TypeError(`Cannot compute with ${url}: it exports no openBackend()`);
  }
  const plan = planOf(plainBlockBytes(source.config, kvType));
  const backend = await module.openBackend(source, plan);
  if (kvType === undefined || backend.kvType === kvType) return { backend, plan, description: url };
  backend.close();
  throw new Deno.errors.NotSupported(refusal(kvType, url));
}

function refusal(kvType: string, backend: string): string {
  return `Cannot keep keys and values as "${kvType}" with this backend, ${backend}`;
}
