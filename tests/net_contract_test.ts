// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import { connect, listen } from "../net/mod.ts";
import { withoutLeaks } from "./leak.ts";
import { netContract } from "./net_contract.ts";
import { DENO_NET, PHOTON_NET, runTestFiles } from "./subprocess.ts";

/** Set in the runs that this file starts, which then test their engine and start no further run. */
const ENGINE_RUN = "PHOTON_CONTRACT_RUN";

/** The longest run of the whole suite takes a few seconds. */
const RUN_LIMIT_MS = 180_000;

const { engine, reason } = engineInfo();

netContract(`Photon on ${engine}`, { connect, listen }, PHOTON_NET, withoutLeaks);

if (Deno.env.has(ENGINE_RUN)) {
  Deno.test("PHOTON_ENGINE chooses the engine", () => {
    assertEquals(engine, Deno.env.get("PHOTON_ENGINE"), reason);
  });
} else {
  netContract("Deno", Deno, DENO_NET);

  Deno.test("the net contract holds with PHOTON_ENGINE=deno", () => runSuite("deno"));

  Deno.test({
    name: "the net contract holds with PHOTON_ENGINE=uring",
    ignore: engine !== "uring",
    fn: () => runSuite("uring"),
  });
}

function runSuite(engine: string): Promise<void> {
  const env = { PHOTON_ENGINE: engine, [ENGINE_RUN]: "1" };
  return runTestFiles(["tests/net_contract_test.ts"], env, RUN_LIMIT_MS);
}
