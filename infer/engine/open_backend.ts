// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../backend/backend.ts";
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
      return { backend: await openReference(source, plan), description: "TypeScript" };
    case "native":
      throw new Deno.errors.NotFound(`Cannot compute natively: ${NO_LIBRARY}`);
    case "auto":
      return {
        backend: await openReference(source, plan),
        description: `TypeScript, as ${NO_LIBRARY}`,
      };
    default:
      return { backend: await openModule(source, plan), description: plan.backend };
  }
}

const NO_LIBRARY = "there is no native library";

async function openReference(source: ModelSource, plan: BackendPlan): Promise<Backend> {
  const { stepBounds: bounds, bounds: { blockCount }, weights } = plan;
  return new ReferenceBackend(await loadWeights(source, { weights }), { bounds, blockCount });
}

async function openModule(source: ModelSource, plan: BackendPlan): Promise<Backend> {
  const module: { readonly openBackend?: OpenBackend } = await import(plan.backend);
  if (typeof module.openBackend === "function") return module.openBackend(source, plan);
  throw new TypeError(`Cannot compute with ${plan.backend}: it exports no openBackend()`);
}
