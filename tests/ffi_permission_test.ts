// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";

const SCOPED_UNIX = [
  "--allow-read=/tmp",
  "--allow-write=/tmp",
  "--allow-net=unix:/tmp/photon-none.sock",
];

// Data: the grants under which every host and path below is put to Deno and to us.
const GRANTS = [
  [],
  ["--allow-net"],
  ["--allow-net=localhost,127.0.0.1:1"],
  ["--allow-read"],
  ["--allow-write"],
  ["--allow-read", "--allow-write"],
  SCOPED_UNIX,
  ["--allow-all", "--deny-net=127.0.0.1"],
  ["--allow-all", "--deny-read=/tmp"],
  ["--allow-all"],
];

// deno-fmt-ignore
const HOSTS = [
  "127.0.0.1", "::1", "[::1]", "0:0::1", "::FFFF:127.0.0.1", "fe80::1%lo", "[fe80::1%1]", "::1%0",
  "LocalHost", "", "*", "a b", "a/b", "a\0b", "[::1", "[::1]]", "[127.0.0.1]", "[]", "127.0.0.1:80",
  "127.0.0.1.", "a..b", ".a", "bücher.invalid", "x".repeat(300),
];

// deno-fmt-ignore
const PATHS = [
  "/tmp/photon-none.sock", "/tmp//a/../photon-none.sock", "/tmp/photon-none.sock/", "./a.sock",
  "a.sock", "../photon/./a.sock", "/", "/..//a b?#%", '/a"b\\', "/é\n", "a\0b", "", "\0photon-none",
];

for (const grants of GRANTS) {
  Deno.test(`the checks agree with Deno under ${grants.join(" ") || "no grant"}`, async () => {
    const program = `
      ${IMPORT}
      const differences = [];
      for (const host of ${JSON.stringify(HOSTS)}) {
        const theirs = await outcome(() => Deno.connect({ hostname: host, port: 1 }));
        // A name's address may be denied as well, which checkNetResolved() looks after.
        const resolved = await outcome(() => checkNet(host, 1));
        compare(host, theirs, resolved !== GRANTED ? resolved : await outcome(() => {
          if (host === "LocalHost") checkNetResolved("127.0.0.1", 1);
        }));
      }
      for (const path of ${JSON.stringify(PATHS)}) {
        const theirs = await outcome(() => Deno.connect({ transport: "unix", path }));
        compare(path, theirs, await outcome(() => void checkUnix(path)));
      }
      console.log(JSON.stringify(differences));
      function compare(subject, theirs, ours) {
        if (theirs !== ours) differences.push({ subject, theirs, ours });
      }`;
    assertEquals(await result(program, grants), []);
  });
}

Deno.test("checkRead() and checkWrite() agree with Deno's file functions", async () => {
  const program = `
    ${IMPORT}
    const paths = ["/tmp/../tmp/photon-none", "photon-none", "./photon-none"];
    const outcomes = [];
    for (const path of paths) {
      outcomes.push(await outcome(() => Deno.readFileSync(path)));
      outcomes.push(await outcome(() => checkRead(path)));
      outcomes.push(await outcome(() => Deno.mkdirSync(path)));
      outcomes.push(await outcome(() => checkWrite(path)));
    }
    console.log(JSON.stringify(outcomes));`;
  const outcomes = await result(program, []) as string[];
  assertEquals(everySecond(outcomes, 0), everySecond(outcomes, 1));
});

Deno.test("checkNetResolved() needs no grant of its own", async () => {
  const program = `
    ${IMPORT}
    console.log(JSON.stringify(await outcome(() => checkNetResolved("127.0.0.1", 1))));`;
  assertEquals(await result(program, ["--allow-net=localhost"]), "granted");
});

Deno.test("checkNet() sees a permission that was revoked after it was used", async () => {
  const program = `
    ${IMPORT}
    const before = await outcome(() => checkNet("127.0.0.1", 1));
    Deno.permissions.revokeSync({ name: "net" });
    console.log(JSON.stringify([before, await outcome(() => checkNet("127.0.0.1", 1))]));`;
  assertEquals(await result(program, ["--allow-net"]), [
    "granted",
    'NotCapable: Requires net access to "127.0.0.1:1", run again with the --allow-net flag',
  ]);
});

Deno.test("a refused check leaves the permission open to a later request", async () => {
  const program = `
    ${IMPORT}
    await outcome(() => void checkUnix("\\0photon-none"));
    await outcome(() => checkNet("127.0.0.1", 1));
    const { state } = Deno.permissions.querySync({ name: "net", host: "127.0.0.1:1" });
    console.log(state);`;
  const url = `data:application/javascript,${encodeURIComponent(program)}`;
  // Prompts are not switched off here, but there is no terminal to answer them.
  const args = ["run", "--quiet", "--no-check", "--allow-import", url];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  assertEquals(new TextDecoder().decode(stdout), "prompt\n");
});

/** Whatever goes wrong behind the check, in the kernel or in the resolver, was granted. */
const IMPORT = `
  import { checkNet, checkNetResolved, checkRead, checkUnix, checkWrite }
    from "${new URL("ffi/permission.ts", REPOSITORY)}";
  const GRANTED = "granted";
  async function outcome(attempt) {
    try {
      (await attempt())?.close();
      return GRANTED;
    } catch (error) {
      if (error.code || /^failed to lookup/.test(error.message)) return GRANTED;
      return error.name + ": " + error.message;
    }
  }`;

async function result(program: string, flags: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(program, flags);
  if (code !== 0) throw new Error(`The program failed with code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

function everySecond(items: string[], from: number): string[] {
  return items.filter((_, at) => at % 2 === from);
}
