// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { bytes, defineService, method, struct } from "../../rpc/mod.ts";

const message = struct({ data: bytes });

/** The service of the benchmark. */
export const echo = defineService({
  id: 1,
  methods: { echo: method({ id: 1, request: message, response: message }) },
});
