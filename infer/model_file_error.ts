// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A model file is wrong, truncated, hostile, or says something that is not supported.
 *
 * It names the file, the part of the file (a tensor, a member of a JSON document, a byte offset)
 * and the reason, so that nobody has to guess which of a dozen files to look at.
 *
 * @example Which file, which part, why
 * ```ts
 * import { ModelFileError } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ModelFileError("model.safetensors", "lm_head.weight", "ends after the file");
 * assertEquals(error.message, "Cannot use model.safetensors: lm_head.weight: ends after the file");
 * ```
 */
export class ModelFileError extends Error {
  /** Names the kind of error. */
  readonly code: string = "EMODELFILE";
  /** Path or name of the file. */
  readonly file: string;
  /** A tensor's name, `model.merges[7]`, `header`; empty for the file as a whole. */
  readonly part: string;
  /** What is wrong there, in words. */
  readonly reason: string;

  /** Makes the message of the three; `options.cause` keeps an error below. */
  constructor(file: string, part: string, reason: string, options?: ErrorOptions) {
    super(`Cannot use ${file}: ${part === "" ? "" : `${part}: `}${reason}`, options);
    this.name = "ModelFileError";
    this.file = file;
    this.part = part;
    this.reason = reason;
  }
}
