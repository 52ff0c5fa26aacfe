// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import { connectTls, listenTls } from "../net/mod.ts";
import { leakTest } from "./leak.ts";
import { tlsCases } from "./net_tls_contract.ts";
import { runTestFiles } from "./subprocess.ts";
import { pki } from "./tls_pki.ts";

/** Set in the run that this file starts. */
const ENGINE_RUN = "PHOTON_TLS_CONTRACT_RUN";
const RUN_LIMIT_MS = 60_000;

const { engine } = engineInfo();
await pki();

for (const [name, run] of Object.entries(tlsCases)) {
  leakTest(`[Photon on ${engine}] ${name}`, () => run({ connectTls, listenTls }));
}

if (!Deno.env.has(ENGINE_RUN)) {
  for (const [name, run] of Object.entries(tlsCases)) Deno.test(`[Deno] ${name}`, () => run(Deno));

  Deno.test("the TLS contract holds with PHOTON_ENGINE=deno", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/net_tls_contract_test.ts"], env, RUN_LIMIT_MS);
  });
}
