// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { add, work } from "./workpool_jobs.ts";

let count = 0;

const scope = globalThis as unknown as {
  onmessage: (event: { data: [string, number, number] }) => void;
  postMessage(message: unknown): void;
};
scope.onmessage = ({ data: [kind, left, right] }) => {
  if (kind === "add") scope.postMessage(add(left, right));
  else if (kind === "work") scope.postMessage(work());
  else if (kind === "count") scope.postMessage(count);
  else count++;
};
