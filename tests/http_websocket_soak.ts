// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { AUTOBAHN } from "./http_websocket_autobahn.ts";
import { type Role, runCase } from "./http_websocket_cases.ts";
import { leakTest } from "./leak.ts";

/** As many as the suite sends. */
const MESSAGES = 1000;
/** All cases in full, of messages of up to 128 KiB, would take half an hour. */
const CASE_BYTES = 1024 * 1024;

for (const role of ["server", "client"] as Role[]) {
  for (const [id, one] of AUTOBAHN) {
    if ("steps" in one) continue;
    const messages = Math.max(8, Math.min(MESSAGES, Math.floor(CASE_BYTES / one.byteLength)));
    const name = `Autobahn ${id} holds for a ${role}, ${messages} times`;
    leakTest(name, () => runCase(role, one, messages));
  }
}
