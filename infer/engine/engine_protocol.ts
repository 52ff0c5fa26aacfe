// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { MailboxMemory } from "../../io/work_mailbox.ts";
import type { FlatThrown } from "../../io/work_error.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { BackendMemory } from "../backend/backend.ts";
import type { PlainOptions } from "./engine_options.ts";
import type { BackendPlan } from "./engine_plan.ts";
import type { AnswerEnd, EngineRequest } from "./engine_request.ts";
import type { MessageReader, MessageWriter } from "./message.ts";

/** What the worker of an engine is started with. */
export interface EngineSetup {
  /** The model. */
  readonly path: string;
  /** With what, and how large. */
  readonly options: PlainOptions;
  /** Tokens that end an answer. */
  readonly eosTokenIds: readonly number[];
  /** Requests, and what becomes of them. */
  readonly lines: { readonly requests: MailboxMemory; readonly events: MailboxMemory };
  /** One word, an {@linkcode EngineState}. */
  readonly state: SharedArrayBuffer;
  /** See `engine_statistics.ts`. */
  readonly statistics: SharedArrayBuffer;
}

/** What a worker has loaded. */
export interface LoadedEngine {
  /** What computes. */
  readonly description: string;
  /** How large it is. */
  readonly plan: BackendPlan;
  /** What memory it takes, where it can tell. */
  readonly memory?: BackendMemory;
}

/** What a worker says by its port; all else goes by the lines. */
export type EngineNotice =
  | { readonly kind: "ready"; readonly loaded: LoadedEngine }
  | { readonly kind: "failed"; readonly error: FlatThrown }
  | { readonly kind: "wake" };

/** Whether the worker is there. */
export const EngineState = { running: 0, left: 1 } as const;

/** Messages to the worker. */
export const RequestKind = { start: 0, abort: 1, resetPrefixCache: 2 } as const;

/** Messages from the worker. */
export const EventKind = { delta: 0, end: 1, prompt: 2, embedding: 3, failed: 4 } as const;

/** Writes a request; the parameters are few and go as JSON. */
export function writeRequest(to: MessageWriter, request: EngineRequest): void {
  const { id, tokens, ...others } = request;
  to.begin(RequestKind.start, id).text(JSON.stringify(others)).ints(tokens);
}

/** Reads what {@linkcode writeRequest} has written. */
export function readRequest(from: MessageReader): EngineRequest {
  const { id } = from;
  return { id, ...JSON.parse(from.text()), tokens: from.ints() };
}

/** Writes tokens with their log probabilities, where they have some. */
export function writeTokens(to: MessageWriter, tokens: readonly SampledToken[]): void {
  to.int(tokens.length);
  for (const { token, logprob, top } of tokens) {
    to.int(token).int(top === undefined ? -1 : top.length);
    if (top === undefined) continue;
    to.number(logprob!);
    for (const one of top) to.int(one.token).number(one.logprob);
  }
}

/** Reads what {@linkcode writeTokens} has written. */
export function readTokens(from: MessageReader): SampledToken[] {
  return Array.from({ length: from.int() }, () => {
    const token = from.int();
    const count = from.int();
    if (count < 0) return { token };
    const logprob = from.number();
    const top = Array.from({ length: count }, () => ({
      token: from.int(),
      logprob: from.number(),
    }));
    return { token, logprob, top };
  });
}

/** Writes the end of an answer. */
export function writeEnd(to: MessageWriter, end: AnswerEnd): void {
  const { finishReason, stopReason, promptTokens, cachedTokens, completionTokens } = end;
  to.text(finishReason).text(JSON.stringify(stopReason));
  to.int(promptTokens).int(cachedTokens).int(completionTokens);
}

/** Reads what {@linkcode writeEnd} has written. */
export function readEnd(from: MessageReader): AnswerEnd {
  return {
    finishReason: from.text() as AnswerEnd["finishReason"],
    stopReason: JSON.parse(from.text()),
    promptTokens: from.int(),
    cachedTokens: from.int(),
    completionTokens: from.int(),
  };
}
