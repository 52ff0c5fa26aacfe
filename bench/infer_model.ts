// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { demoModelPath } from "../infer/demo_model.ts";

/** The bundled demo model; where a checkout lacks it, a model of the tests, which only babbles. */
export function demoModel(): { readonly path: string; readonly isDemo: boolean } {
  const demo = demoModelPath();
  try {
    Deno.statSync(`${demo}/config.json`);
    return { path: demo, isDemo: true };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const golden = "../tests/fixtures/infer/models/llama-tied-default";
    return { path: new URL(golden, import.meta.url).pathname, isDemo: false };
  }
}
