// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { HttpClient } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import type { Fetch, FetchCases } from "./http_fetch_contract_case.ts";
import { abortCases } from "./http_fetch_contract_abort.ts";
import { bulkCases } from "./http_fetch_contract_bulk.ts";
import { contentCases, sentCases } from "./http_fetch_contract_content.ts";
import { redirectCases } from "./http_fetch_contract_redirect.ts";
import { requestCases } from "./http_fetch_contract_request.ts";
import { headCases, readingCases, rereadCases } from "./http_fetch_contract_response.ts";
import { codingCases, decodedCases, streamCases } from "./http_fetch_contract_stream.ts";
import { wireCases } from "./http_fetch_contract_wire.ts";
import { withoutLeaks } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";

/** Set in the runs that this file starts, which then test their engine and start no further run. */
const ENGINE_RUN = "PHOTON_CONTRACT_RUN";
const RUN_LIMIT_MS = 180_000;
/** A case that takes longer is taken to hang. */
const CASE_LIMIT_MS = 20_000;

const CASES: FetchCases = {
  ...{ ...requestCases, ...contentCases, ...sentCases() },
  ...{ ...headCases, ...readingCases, ...rereadCases() },
  ...{ ...streamCases, ...codingCases, ...decodedCases() },
  ...{ ...redirectCases, ...wireCases, ...abortCases, ...bulkCases },
};

/** Runs a case with the function under test, and closes what that leaves open. */
type Subject = (run: (fetch: Fetch) => Promise<void>) => Promise<void>;

function ours(run: (fetch: Fetch) => Promise<void>): Promise<void> {
  return withoutLeaks(async () => {
    using client = new HttpClient();
    await run((input, init) => client.fetch(input, init));
  });
}

async function deno(run: (fetch: Fetch) => Promise<void>): Promise<void> {
  using client = Deno.createHttpClient({});
  await run((input, init) => fetch(input as string, { ...init, client }));
}

const { engine, reason } = engineInfo();

register(`Photon on ${engine}`, ours);

if (Deno.env.has(ENGINE_RUN)) {
  Deno.test("PHOTON_ENGINE chooses the engine", () => {
    assertEquals(engine, Deno.env.get("PHOTON_ENGINE"), reason);
  });
} else {
  register("Deno", deno);

  Deno.test("the fetch contract has 120 cases at least", () => {
    assertGreaterOrEqual(Object.keys(CASES).length, 120);
  });

  Deno.test("the fetch contract holds with PHOTON_ENGINE=deno", () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    return runTestFiles(["tests/http_fetch_contract_test.ts"], env, RUN_LIMIT_MS);
  });
}

function register(label: string, subject: Subject): void {
  for (const [name, run] of Object.entries(CASES)) {
    Deno.test(`[${label}] ${name}`, () => subject((fetch) => withLimit(() => run(fetch))));
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
