// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { aliveCases } from "./net_contract_alive.ts";
import type { ContractCases, Subject } from "./net_contract_case.ts";
import { connectCases } from "./net_contract_connect.ts";
import { connCases, tcpConnCases } from "./net_contract_conn.ts";
import { ipv6Cases } from "./net_contract_ipv6.ts";
import { listenCases } from "./net_contract_listen.ts";
import { listenerCases } from "./net_contract_listener.ts";
import { loadCases } from "./net_contract_load.ts";
import { readableCases } from "./net_contract_readable.ts";
import { unixCases } from "./net_contract_unix.ts";
import { writableCases } from "./net_contract_writable.ts";
import type { NetApi, SocketFamily } from "./servers.ts";

/** A case that takes longer is taken to hang; the longest takes about one second. */
const CASE_LIMIT_MS = 30_000;

/** Cases that hold for TCP and Unix sockets alike. */
const STREAM_CASES: ContractCases = {
  ...connCases,
  ...listenerCases,
  ...readableCases,
  ...writableCases,
  ...loadCases,
  ...aliveCases,
};

/**
 * Registers one test for every behaviour of `Deno.connect` and `Deno.listen` that a program can
 * rely on. Deno itself passes them all; whatever stands in for it has to.
 *
 * @param label Names the subject in front of each test.
 * @param api The functions under test.
 * @param programHead Source line that brings the same functions into a program of its own.
 * @param around Runs each case; a place to check what the case leaves behind.
 */
export function netContract(
  label: string,
  api: NetApi,
  programHead: string,
  around: (run: () => Promise<void>) => Promise<void> = (run) => run(),
): void {
  register(`[${label}]`, { ...connectCases, ...listenCases, ...tcpConnCases }, "tcp");
  register(`[${label}]`, ipv6Cases, "tcp", !hasIpv6());
  register(`[${label}]`, unixCases, "unix", Deno.build.os === "windows");
  register(`[${label}, TCP]`, STREAM_CASES, "tcp");
  register(`[${label}, Unix]`, STREAM_CASES, "unix", Deno.build.os === "windows");

  function register(prefix: string, cases: ContractCases, family: SocketFamily, ignore = false) {
    const subject: Subject = { api, family, programHead };
    for (const [name, run] of Object.entries(cases)) {
      Deno.test({
        name: `${prefix} ${name}`,
        ignore,
        fn: () => around(() => withLimit(run, subject)),
      });
    }
  }
}

async function withLimit(run: ContractCases[string], subject: Subject) {
  const { promise, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(
    () => reject(new Error(`Case still waits after ${CASE_LIMIT_MS} ms`)),
    CASE_LIMIT_MS,
  );
  try {
    await Promise.race([run(subject), promise]);
  } finally {
    clearTimeout(limit);
  }
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
