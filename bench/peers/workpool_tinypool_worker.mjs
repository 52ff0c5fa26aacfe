// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// deno-lint-ignore-file explicit-module-boundary-types -- plain JavaScript for Node

export function add([left, right]) {
  return left + right;
}

/** Computes for a millisecond. */
export function work() {
  const end = performance.now() + 1;
  let rounds = 0;
  while (performance.now() < end) rounds++;
  return rounds;
}
