// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend, StepOutput } from "../infer/backend/backend.ts";
import type { BackendPlan } from "../infer/engine/engine_plan.ts";
import type { ModelSource } from "../infer/model/model_source.ts";
import { HashBackend } from "./infer_hash_backend.ts";

// A backend for engines: `backend: new URL("infer_hash_model.ts", import.meta.url)`. With `?fault=`
// it breaks after some steps.

/** Steps before a fault. */
const STEPS_BEFORE_FAULT = 3;

/** What can go wrong. */
const FAULTS: Record<string, () => void> = {
  throw: () => {
    throw new RangeError("the device is on fire");
  },
  exit: () => Deno.exit(3),
  close: () => self.close(),
};

/** Breaks in the way that the address of this module says. */
class FaultyBackend extends HashBackend {
  override wait(): StepOutput {
    const fault = new URL(import.meta.url).searchParams.get("fault");
    if (fault !== null && this.steps > STEPS_BEFORE_FAULT) FAULTS[fault]!();
    return super.wait();
  }
}

/** See `EngineOptions.backend`. */
export function openBackend({ config }: ModelSource, { stepBounds, bounds }: BackendPlan): Backend {
  return new FaultyBackend(stepBounds, bounds.blockCount, config.vocabularySize);
}
