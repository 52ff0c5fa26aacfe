// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";
import { listening, tlsTest } from "./tls_pair.ts";
import type { Pki } from "./tls_pki.ts";

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
  await connecting(
    pki,
    cases.map(([connectTls, flags, file, expected]) => {
      return [connectTls, flags, file === undefined ? {} : { DENO_CERT: file }, expected];
    }),
  );
});

tlsTest("DENO_TLS_CA_STORE names whom connectTls() trusts, as Deno's does", async (pki) => {
  // What OpenSSL takes for the system's roots, and so does Deno.
  const system = { SSL_CERT_FILE: pki.caPath };
  const asked = (stores: string) => ({ ...system, DENO_TLS_CA_STORE: stores });
  const withoutEnv = PERMISSIONS.filter((flag) => flag !== "--allow-env");
  const withSys = [...PERMISSIONS, "--allow-sys"];
  // deno-fmt-ignore
  await connecting(pki, [
    ["connectTls",      PERMISSIONS, asked("system"),           "connected"],
    ["Deno.connectTls", PERMISSIONS, asked("system"),           "connected"],
    ["connectTls",      withSys,     asked("mozilla"),          "InvalidData"],
    ["Deno.connectTls", withSys,     asked("mozilla"),          "InvalidData"],
    ["connectTls",      withSys,     asked("mozilla, system"),  "connected"],
    ["Deno.connectTls", withSys,     asked("mozilla, system"),  "connected"],
    ["connectTls",      PERMISSIONS, asked("mozilla"),          "NotCapable"],
    ["connectTls",      PERMISSIONS, asked("netscape"),         "Error"],
    ["Deno.connectTls", PERMISSIONS, asked("netscape"),         "Error"],
    ["connectTls",      PERMISSIONS, asked(""),                 "connected"],
    ["connectTls",      PERMISSIONS, system,                    "connected"],
    ["connectTls",      withoutEnv,  asked("netscape"),         "connected"],
  ]);
});

Deno.test("DENO_TLS_CA_STORE=mozilla stands for the roots that come with Deno", async () => {
  const program = `
    import tls from "node:tls";
    import { environmentRoots } from "${new URL("net/environment_roots.ts", REPOSITORY)}";
    const { system, certificates } = environmentRoots();
    const { length } = certificates;
    console.log(system, length > 100, length - tls.rootCertificates.length);
  `;
  const flags = ["--allow-env", "--allow-sys"];
  const { stdout } = await runProgram(program, flags, { DENO_TLS_CA_STORE: "mozilla" });
  assertEquals(stdout.trim(), "false true 0");
});

/** Who connects, with which permissions, in which environment, and what comes of it. */
type Connecting = [connectTls: string, string[], env: Record<string, string>, expected: string];

async function connecting(pki: Pki, cases: Connecting[]): Promise<void> {
  using listener = listening(pki.localhost);
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.handshake().catch(() => {});
      conn.close();
    }
  })();
  for (const [connectTls, flags, env, expected] of cases) {
    const program = asker(listener.addr.port, connectTls);
    const { stdout, stderr } = await runProgram(program, flags, env);
    assertEquals(
      stdout.trim(),
      expected,
      `${connectTls} ${flags} ${Object.entries(env)}: ${stderr}`,
    );
  }
  listener.close();
  await accepting;
}
