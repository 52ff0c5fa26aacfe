// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "./engine_info.ts";

/**
 * Calls back once after some time: from the ring's own timers, which cost no system call, or from
 * Deno's on the portable engine. It does not keep the process alive by itself.
 *
 * @returns A function that stops it; once it has run that does nothing
 */
export function startTimer(delayMs: number, callback: () => void): () => void {
  if (engineInfo().engine === "uring") {
    const engine = openEngine();
    const timer = engine.startTimer(delayMs, callback);
    return () => engine.stopTimer(timer);
  }
  const id = setTimeout(callback, Math.min(delayMs, TIMEOUT_MS_MAX));
  Deno.unrefTimer(id);
  return () => clearTimeout(id);
}

/** 24 days, the 32 bits of `setTimeout`: beyond, it would call back at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
