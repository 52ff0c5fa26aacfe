// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { AUTOBAHN } from "./http_websocket_autobahn.ts";
import { type Role, runCase } from "./http_websocket_cases.ts";
import { leakTest } from "./leak.ts";

/** As many as the suite sends. */
const MESSAGES = 1000;

for (const role of ["server", "client"] as Role[]) {
  for (const [id, one] of AUTOBAHN) {
    if ("steps" in one) continue;
    leakTest(`Autobahn ${id} holds for a ${role}, in full`, () => runCase(role, one, MESSAGES));
  }
}
