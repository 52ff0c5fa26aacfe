// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import * as fs from "../fs/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { withoutLeaks } from "./leak.ts";
import { fsContract } from "./fs_contract.ts";
import { runTestFiles } from "./subprocess.ts";

/** Set in the runs that this file starts, which then test their engine and start no further run. */
const ENGINE_RUN = "PHOTON_CONTRACT_RUN";

/** A run takes a few seconds. */
const RUN_LIMIT_MS = 120_000;

const { engine, reason } = engineInfo();

fsContract(`Photon on ${engine}`, fs, withoutLeaks);

if (Deno.env.has(ENGINE_RUN)) {
  Deno.test("PHOTON_ENGINE chooses the engine", () => {
    assertEquals(engine, Deno.env.get("PHOTON_ENGINE"), reason);
  });
} else {
  fsContract("Deno", Deno);

  Deno.test("the file contract holds with PHOTON_ENGINE=deno", () => runSuite("deno"));

  Deno.test({
    name: "the file contract holds with PHOTON_ENGINE=uring",
    ignore: engine !== "uring",
    fn: () => runSuite("uring"),
  });
}

function runSuite(engine: string): Promise<void> {
  const env = { PHOTON_ENGINE: engine, [ENGINE_RUN]: "1" };
  return runTestFiles(["tests/fs_contract_test.ts"], env, RUN_LIMIT_MS);
}
