// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A token and the logarithm of its probability. */
export interface TokenLogprob {
  /** Its id. */
  readonly token: number;
  /** Natural logarithm of what the model gave it, before any parameter. */
  readonly logprob: number;
}

/** Logarithm of the sum of the exponentials of a row: a logit less this is a log probability. */
export function logSumExp(logits: Float32Array): number {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  return max + Math.log(sum);
}

/**
 * The log probability of a token and of the likeliest ones, likeliest first, equal ones by their
 * ids. For the tokens of a prompt, and for scores.
 *
 * @example Of two
 * ```ts
 * import { logprobsOf } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const { logprob, top } = logprobsOf(Float32Array.of(0, Math.log(3)), 0, 1);
 * assertEquals([Math.exp(logprob).toFixed(2), top[0].token], ["0.25", 1]);
 * ```
 * @param logits a row as the model gave it
 * @param count how many of the likeliest
 */
export function logprobsOf(
  logits: Float32Array,
  token: number,
  count: number,
): { logprob: number; top: TokenLogprob[] } {
  const total = logSumExp(logits);
  const top: TokenLogprob[] = [];
  for (let id = 0; id < logits.length && count > 0; id++) {
    const logprob = logits[id]! - total;
    if (top.length === count && !(logprob > top[count - 1]!.logprob)) continue;
    let at = top.length;
    while (at > 0 && top[at - 1]!.logprob < logprob) at--;
    top.splice(at, 0, { token: id, logprob });
    if (top.length > count) top.pop();
  }
  return { logprob: logits[token]! - total, top };
}
