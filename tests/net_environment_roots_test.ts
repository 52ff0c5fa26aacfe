// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";
import { listening, tlsTest } from "./tls_pair.ts";

const PERMISSIONS = ["--allow-net", "--allow-ffi", "--allow-env", "--allow-read"];

/** A program that prints "connected", or the class of the error. */
function asker(port: number, connectTls: string): string {
  return `
    import { connectTls } from "${new URL("net/mod.ts", REPOSITORY)}";
    try {
      const conn = await ${connectTls}({ hostname: "localhost", port: ${port} });
      await conn.handshake?.();
      console.log("connected");
      conn.close();
    } catch (error) {
      console.log(error.name);
    }`;
}

tlsTest("DENO_CERT names certificates that connectTls() trusts, as Deno's does", async (pki) => {
  const withoutEnv = PERMISSIONS.filter((flag) => flag !== "--allow-env");
  const withoutRead = PERMISSIONS.filter((flag) => flag !== "--allow-read");
  // Data: who connects, with which permissions, what the variable says, and what comes of it.
  // deno-fmt-ignore
  const cases: [string, string[], string | undefined, string][] = [
    ["connectTls",      PERMISSIONS, pki.caPath,                "connected"],
    ["Deno.connectTls", PERMISSIONS, pki.caPath,                "connected"],
    ["connectTls",      PERMISSIONS, undefined,                 "InvalidData"],
    ["connectTls",      withoutEnv,  pki.caPath,                "InvalidData"],
    ["connectTls",      withoutRead, pki.caPath,                "InvalidData"],
    ["connectTls",      PERMISSIONS, pki.localhost.keyPath,     "InvalidData"],
    ["connectTls",      PERMISSIONS, `${pki.folder}/nowhere`,   "NotFound"],
  ];
  using listener = listening(pki.localhost);
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.handshake().catch(() => {});
      conn.close();
    }
  })();
  for (const [connectTls, flags, file, expected] of cases) {
    const env: Record<string, string> = file === undefined ? {} : { DENO_CERT: file };
    const program = asker(listener.addr.port, connectTls);
    const { stdout, stderr } = await runProgram(program, flags, env);
    assertEquals(stdout.trim(), expected, `${connectTls} ${flags.length} ${file}: ${stderr}`);
  }
  listener.close();
  await accepting;
});
