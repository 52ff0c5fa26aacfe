// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertArrayIncludes, assertEquals, assertMatch } from "@std/assert";
import { DENO_NET, PHOTON_NET, runProgram } from "./subprocess.ts";

// Foreign functions go past Deno's sandbox, so this library checks permissions itself. Each
// program here runs twice, on Deno's functions and on ours with `--allow-ffi` besides, and has to
// print the same.

/** Folder of the Unix sockets; each test makes one of its own. */
const FOLDER = "%FOLDER%";

/** What the programs try: a name, and a call that gives something to close. */
const ATTEMPTS: Record<string, string> = {
  "listen": `listen({ hostname: "127.0.0.1", port: 0 })`,
  "listen everywhere": `listen({ port: 0 })`,
  "listen by name": `listen({ hostname: "localhost", port: 0 })`,
  "listen on IPv6": `listen({ hostname: "::1", port: 0 })`,
  "connect": `connect({ port: 1 })`,
  "connect by name": `connect({ hostname: "localhost", port: 1 })`,
  "connect by a name in capitals": `connect({ hostname: "LOCALHOST", port: 1 })`,
  "connect to IPv6": `connect({ hostname: "::1", port: 1 })`,
  "connect to a port out of range": `connect({ port: 99999 })`,
  "connect when aborted": `connect({ port: 1, signal: AbortSignal.abort(new Error("Mine")) })`,
  "listen at a path": `listen({ transport: "unix", path: "${FOLDER}/a.sock" })`,
  "listen at a longer path": `listen({ transport: "unix", path: "${FOLDER}/none/../a.sock" })`,
  "connect to a path": `connect({ transport: "unix", path: "${FOLDER}/a.sock" })`,
  "connect to a relative path": `connect({ transport: "unix", path: "missing.sock" })`,
  "listen on an abstract name": `listen({ transport: "unix", path: "\\0${FOLDER}/a" })`,
  "connect to an abstract name": `connect({ transport: "unix", path: "\\0${FOLDER}/b" })`,
};

/** Sets of flags, each of which lets some of the attempts pass. */
const GRANTS: string[][] = [
  [],
  ["--allow-net"],
  ["--allow-net=127.0.0.1"],
  ["--allow-net=127.0.0.1:1"],
  ["--allow-net=0.0.0.0:0"],
  ["--allow-net=localhost"],
  ["--allow-net=[::1]"],
  ["--allow-net", "--deny-net=127.0.0.1:1"],
  ["--allow-read", "--allow-write"],
  ["--allow-net", "--allow-read"],
  ["--allow-net", "--allow-write"],
  [`--allow-net=unix:${FOLDER}/a.sock`],
  [`--allow-net=unix:${FOLDER}/a.sock`, `--allow-read=${FOLDER}`, `--allow-write=${FOLDER}`],
  [`--allow-net=unix:${FOLDER}/other.sock`, "--allow-read", "--allow-write"],
  ["--allow-net", "--allow-read", "--allow-write"],
];

for (const flags of GRANTS) {
  const given = flags.join(" ") || "no permission";
  Deno.test(`connect() and listen() allow what Deno's allow with ${given}`, async () => {
    const expected = await attemptAll(DENO_NET, flags);
    assertEquals(await attemptAll(PHOTON_NET, [...flags, "--allow-ffi"]), expected);
  });
}

Deno.test("connect() and listen() name the missing permission in Deno's words", async () => {
  const printed = await attemptAll(PHOTON_NET, ["--allow-ffi"]);
  assertArrayIncludes(printed, [
    refused("listen", "net", "127.0.0.1:0"),
    refused("listen on IPv6", "net", "[::1]:0"),
    refused("connect", "net", "127.0.0.1:1"),
    refused("connect by name", "net", "localhost:1"),
    refused("listen at a path", "read", `${FOLDER}/a.sock`),
    refused("connect to a path", "read", `${FOLDER}/a.sock`),
    refused("connect to a relative path", "read", "missing.sock"),
    refused("connect to an abstract name", "net", `unix:@${FOLDER}/b`),
  ]);

  function refused(name: string, permission: string, resource: string) {
    return `${name}: NotCapable: Requires ${permission} access to "${resource}", ` +
      `run again with the --allow-${permission} flag`;
  }
});

Deno.test("an echo over TCP needs --allow-ffi and Deno's own permission", async () => {
  const options = `{ hostname: "127.0.0.1", port: 0 }`;
  await assertEchoes(echoProgram(options), ["--allow-net=127.0.0.1"]);
});

Deno.test("an echo over a Unix socket needs --allow-ffi and Deno's own permissions", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/echo.sock`;
    const options = `{ transport: "unix", path: ${JSON.stringify(path)} }`;
    const flags = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
    await assertEchoes(echoProgram(options), flags);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("connect() and listen() give no permission away by --allow-ffi alone", async () => {
  const { code, stderr } = await runProgram(`${PHOTON_NET} listen({ port: 0 })`, ["--allow-ffi"]);
  assertEquals(code, 1);
  assertMatch(stderr, /NotCapable: Requires net access to "0\.0\.0\.0:0"/);
});

/** One line for each attempt, with the name of the folder taken out again. */
async function attemptAll(head: string, flags: string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const inFolder = flags.map((flag) => flag.replaceAll(FOLDER, folder));
    const { code, stdout, stderr } = await runProgram(attemptProgram(head, folder), inFolder);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return stdout.trimEnd().replaceAll(folder, FOLDER).split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function attemptProgram(head: string, folder: string): string {
  const attempts = Object.entries(ATTEMPTS)
    .map(([name, call]) => `${JSON.stringify(name)}: () => ${call},`);
  return `${head}
    const attempts = { ${attempts.join("\n").replaceAll(FOLDER, folder)} };
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        (await attempt()).close();
        console.log(name + ": allowed");
      } catch (error) {
        console.log(name + ": " + error.name + ": " + error.message.replaceAll("\\0", "@"));
      }
    }`;
}

function echoProgram(options: string): string {
  return `${PHOTON_NET}
    const listener = listen(${options});
    const { hostname, port, transport, path } = listener.addr;
    const target = path === undefined ? { hostname, port } : { transport, path };
    const [conn, peer] = await Promise.all([connect(target), listener.accept()]);
    await conn.write(new TextEncoder().encode("echo"));
    conn.closeWrite();
    await peer.readable.pipeTo(peer.writable);
    console.log(await new Response(conn.readable).text());
    listener.close();`;
}

async function assertEchoes(program: string, flags: string[]) {
  const { code, stdout, stderr } = await runProgram(program, ["--allow-ffi", ...flags]);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "echo\n", stderr: "" });
}
