// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
export { backoffMs, type BackoffOptions } from "../thread/backoff.ts";
