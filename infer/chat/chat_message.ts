// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** One turn of a conversation, as chat templates see it. */
export interface ChatMessage {
  /** Who speaks: `system`, `user`, `assistant` or `tool`. */
  readonly role: string;
  /** What is said. Templates of text models want a string; what else there is, is theirs to use. */
  readonly content?: unknown;
  /** What the assistant thought before it spoke. */
  readonly "reasoning_content"?: string | null;
  /** Functions that the assistant calls. */
  readonly "tool_calls"?: readonly ChatToolCall[];
  /** What else a template may look at. */
  readonly [member: string]: unknown;
}

/** A call of a function by the assistant. */
export interface ChatToolCall {
  /** The function and what it is called with: an object, or its JSON. */
  readonly function: { readonly name: string; readonly arguments: unknown };
  /** What else a template may look at. */
  readonly [member: string]: unknown;
}
