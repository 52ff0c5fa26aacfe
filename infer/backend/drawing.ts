// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SampledToken } from "../sampling/sampler.ts";
import type { DrawBatch } from "./draw_batch.ts";
import type { StepBatch } from "./step_batch.ts";

/**
 * What a backend has that chooses tokens where the logits are, as the engine's sampler would. Two
 * steps may be on their way at a time; they are waited for in their order.
 */
export interface Drawing {
  /** Steps that follow each other in one call, at most. */
  readonly stepsMax: number;
  /** Draws of a step, at most. */
  readonly drawsMax: number;

  /**
   * Starts a step that chooses tokens. All that is given is copied. A token id of `-1 - i` is what
   * draw `i` of the call before has chosen in its last step.
   *
   * @param steps more than one: every sequence has one token, draw `i` is of row `i`, and what is
   * chosen is the next step's token, again and again; block tables reach as far as the last step
   * @throws what {@linkcode Backend.submit} throws; nothing is computed then
   */
  submit(batch: StepBatch, draws: DrawBatch, steps: number): void;

  /**
   * Blocks until the step that is on its way for longest is done.
   *
   * @throws {Deno.errors.BadResource} when no step is on its way
   * @throws {Error} when the device failed
   */
  wait(): DrawOutput;
}

/** What a call has chosen. It is good until the next `wait`. */
export interface DrawOutput {
  /** How long the device took, in microseconds; 0 where it cannot tell. */
  readonly deviceUs: number;

  /**
   * The token that draw `draw` of step `step` has chosen.
   *
   * @throws {RangeError} as `Sampler.sample`
   */
  token(draw: number, step: number): SampledToken;
}
