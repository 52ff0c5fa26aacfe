// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What the engine has done so far, and what it holds now. */
export interface EngineStatistics {
  /** Times that Deno's loop ran the engine. */
  turns: number;
  /** System calls into the ring. */
  enters: number;
  /** Completions answered. */
  completions: number;
  /** Completions of operations that were over already; always 0 unless the kernel misbehaves. */
  stale: number;
  /** Times that the engine went to sleep in Deno's loop. */
  sleeps: number;
  /** Operations in flight. */
  pending: number;
  /** Blocks of engine memory in use. */
  leased: number;
}
