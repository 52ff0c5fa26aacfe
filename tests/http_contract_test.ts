// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { serve } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import type { HttpCases, Serve } from "./http_contract_case.ts";
import { connectionCases } from "./http_contract_connection.ts";
import { requestCases } from "./http_contract_request.ts";
import { responseCases } from "./http_contract_response.ts";
import { serverCases } from "./http_contract_server.ts";
import { withoutLeaks } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";

/** Set in the runs that this file starts, which then test their engine and start no further run. */
const ENGINE_RUN = "PHOTON_CONTRACT_RUN";
const RUN_LIMIT_MS = 180_000;
/** A case that takes longer is taken to hang. */
const CASE_LIMIT_MS = 20_000;

const CASES: HttpCases = { ...requestCases, ...responseCases, ...connectionCases, ...serverCases };

const { engine, reason } = engineInfo();

register(`Photon on ${engine}`, serve as unknown as Serve, withoutLeaks);

if (Deno.env.has(ENGINE_RUN)) {
  Deno.test("PHOTON_ENGINE chooses the engine", () => {
    assertEquals(engine, Deno.env.get("PHOTON_ENGINE"), reason);
  });
} else {
  register("Deno", Deno.serve, (run) => run());

  Deno.test("the http contract has 150 cases at least", () => {
    assertGreaterOrEqual(Object.keys(CASES).length, 150);
  });

  Deno.test("the http contract holds with PHOTON_ENGINE=deno", () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    return runTestFiles(["tests/http_contract_test.ts"], env, RUN_LIMIT_MS);
  });
}

function register(
  label: string,
  subject: Serve,
  around: (run: () => Promise<void>) => Promise<void>,
): void {
  for (const [name, run] of Object.entries(CASES)) {
    Deno.test(`[${label}] ${name}`, () => around(() => withLimit(async () => await run(subject))));
  }
}

async function withLimit(run: () => Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(() => reject(new Error("Case still waits")), CASE_LIMIT_MS);
  try {
    await Promise.race([run(), promise]);
  } finally {
    clearTimeout(limit);
  }
}
