// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../backend/backend.ts";
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
 * @throws {TypeError} when a module exports no `openBackend`
 */
export async function openBackend(source: ModelSource, plan: BackendPlan): Promise<OpenedBackend> {
  switch (plan.backend) {
    case "reference":
      return await openReference(source, plan, "");
    case "native":
      return await openNative(source, plan);
    case "auto":
      return await openNative(source, plan).catch((error: unknown) => {
        if (!isWithoutLibrary(error)) throw error;
        return openReference(source, plan, `: ${error.message}`);
      });
    default:
      return { backend: await openModule(source, plan), description: plan.backend };
  }
}

function isWithoutLibrary(error: unknown): error is Error {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable;
}

async function openNative(
  source: ModelSource,
  { stepBounds: bounds, bounds: { blockCount }, weights }: BackendPlan,
): Promise<OpenedBackend> {
  const backend = await NativeBackend.load(source, { bounds, blockCount, weights });
  return { backend, description: `native: ${JSON.stringify(backend.device)}` };
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
