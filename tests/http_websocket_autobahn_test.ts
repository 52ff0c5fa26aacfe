// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { AUTOBAHN } from "./http_websocket_autobahn.ts";
import { type Role, runCase } from "./http_websocket_cases.ts";
import { leakTest } from "./leak.ts";

/** The suite sends a thousand; `http_websocket_soak.ts` does as well. */
const MESSAGES = 3;

// Data: how many cases each group of the suite has, whose ids count from 1.
// deno-fmt-ignore
const GROUPS: Record<string, number> = {
  "1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
  "6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4,
  "6.10": 3, "6.11": 5, "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5,
  "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
  "7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
  "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1,
  "12.1": 18, "12.2": 18, "12.3": 18, "12.4": 18, "12.5": 18,
  "13.1": 18, "13.2": 18, "13.3": 18, "13.4": 18, "13.5": 18, "13.6": 18, "13.7": 18,
};

const registered = new Set<string>();

for (const role of ["server", "client"] as Role[]) {
  for (const [id, one] of AUTOBAHN) {
    registered.add(`${role} ${id}`);
    leakTest(`Autobahn ${id} holds for a ${role}`, () => runCase(role, one, MESSAGES));
  }
}

Deno.test("every case of Autobahn 1 to 10, 12 and 13 is a test", () => {
  const ids = Object.entries(GROUPS).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, index) => `${group}.${index + 1}`)
  );
  const wanted = ["server", "client"].flatMap((role) => ids.map((id) => `${role} ${id}`));
  assertEquals([...registered].sort(), wanted.sort());
});
