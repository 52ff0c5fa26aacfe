// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A conversation cannot be rendered: the template refuses it, or what it asks for is missing.
 *
 * @example Llama calls one function at a time
 * ```ts
 * import { ChatTemplate, ChatTemplateError } from "@photon/std/infer";
 * import { assertThrows } from "@std/assert";
 *
 * const template = new ChatTemplate("{{ raise_exception('one at a time') }}");
 * assertThrows(() => template.render([]), ChatTemplateError, "one at a time");
 * ```
 */
export class ChatTemplateError extends Error {
  /** Names the kind of error. */
  readonly code: string = "ECHATTEMPLATE";
  /** Its class, as errors are printed. */
  override readonly name: string = "ChatTemplateError";
}
