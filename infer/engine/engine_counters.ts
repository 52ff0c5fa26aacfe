// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What an engine has done since it was made. */
export interface EngineCounters {
  /** Tokens of prompts that were answered, or read. */
  promptTokens: number;
  /** Tokens of answers. */
  generatedTokens: number;
  /** Tokens that were guessed and looked at. */
  draftTokens: number;
  /** Tokens of those that were right. */
  acceptedTokens: number;
  /** Requests that came to their end. */
  finishedRequests: number;
  /** Requests that were given up, or failed. */
  abortedRequests: number;
}

/** Nothing yet. */
export function noCounters(): EngineCounters {
  return {
    promptTokens: 0,
    generatedTokens: 0,
    draftTokens: 0,
    acceptedTokens: 0,
    finishedRequests: 0,
    abortedRequests: 0,
  };
}
