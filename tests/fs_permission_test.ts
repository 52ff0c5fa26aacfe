// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { inFolder } from "./fs_folder.ts";
import { REPOSITORY, runProgram } from "./subprocess.ts";

// Foreign functions go past Deno's sandbox, so this library checks permissions itself. Each
// program here runs twice, on Deno's functions and on ours with `--allow-ffi` besides, and has to
// print the same.

const FOLDER = "%FOLDER%";

/** What the programs try. */
const ATTEMPTS: readonly string[] = [
  `open("${FOLDER}/a").then((file) => file.close())`,
  `open("${FOLDER}/in/../a").then((file) => file.close())`,
  `open("${FOLDER}/a", { write: true }).then((file) => file.close())`,
  `open("${FOLDER}/a", { read: true, append: true }).then((file) => file.close())`,
  `create("${FOLDER}/b").then((file) => file.close())`,
  `readFile("${FOLDER}/a")`,
  `readTextFile("${FOLDER}/in/c")`,
  `writeFile("${FOLDER}/d", new Uint8Array(1))`,
  `stat("${FOLDER}/a")`,
  `lstat("${FOLDER}/a")`,
  `stat("/proc/self/environ")`,
  `open("/proc/self/environ").then((file) => file.close())`,
  `readTextFile("/proc/self/environ")`,
  `readTextFile("${FOLDER}/in/passwd").then((text) => text.length > 0)`,
  `stat("${FOLDER}/in/environ")`,
  `readTextFile("${FOLDER}/in/environ").then((text) => text.length > 0)`,
  `open("${FOLDER}/in/environ").then((file) => file.close())`,
  `open("/dev/zero").then((file) => file.close())`,
  `mkdir("${FOLDER}/e")`,
  `Array.fromAsync(readDir("${FOLDER}/in"))`,
  `rename("${FOLDER}/a", "${FOLDER}/in/a")`,
  `rename("${FOLDER}/in/a", "${FOLDER}/a")`,
  `link("${FOLDER}/a", "${FOLDER}/in/f")`,
  `symlink("a", "${FOLDER}/in/g")`,
  `copyFile("${FOLDER}/a", "${FOLDER}/in/h")`,
  `truncate("${FOLDER}/in/c", 1)`,
  `remove("${FOLDER}/in/c")`,
];

/** Sets of flags, each of which lets some of the attempts pass. */
const GRANTS: readonly string[][] = [
  [],
  ["--allow-read"],
  ["--allow-write"],
  ["--allow-read", "--allow-write"],
  [`--allow-read=${FOLDER}`],
  [`--allow-read=${FOLDER}/in`, `--allow-write=${FOLDER}/in`],
  ["--allow-read", "--allow-write", `--deny-write=${FOLDER}/in`],
  ["--allow-read", "--allow-write", `--deny-read=${FOLDER}/a`],
];

const NAMES = "open, create, readFile, readTextFile, writeFile, stat, lstat, mkdir, readDir, " +
  "rename, link, symlink, copyFile, truncate, remove";
const DENO = `const { ${NAMES} } = Deno;`;
const PHOTON = `import { ${NAMES} } from "${new URL("fs/mod.ts", REPOSITORY)}";`;

for (const flags of GRANTS) {
  const given = flags.join(" ") || "nothing";
  Deno.test(`file functions allow what Deno's allow with ${given}`, async () => {
    const expected = await attemptAll(DENO, flags);
    assertEquals(await attemptAll(PHOTON, [...flags, "--allow-ffi"]), expected);
  });
}

for (const directory of ["/", "/proc/self", "/dev"]) {
  Deno.test(`relative paths lead to nothing more from ${directory}`, async () => {
    const paths = ["./proc/self/environ", "proc/version", "environ", "./mem", ".", "zero"];
    const program = `
      for (const path of ${JSON.stringify(paths)}) {
        for (const call of [open, readFile, stat, (path) => Array.fromAsync(readDir(path))]) {
          if (call === readFile && path === "zero") continue;
          console.log(path, await call(path).then((file) => file.close?.() ?? "ok", (error) => {
            return error.name + error.message.replace(/\\/proc\\/\\d+/, "/proc/self");
          }));
        }
      }`;
    const flags = ["--allow-read", "--allow-write", "--allow-env", "--no-config"];
    const theirs = await runProgram(DENO + program, flags, {}, directory);
    const ours = await runProgram(PHOTON + program, [...flags, "--allow-ffi"], {}, directory);
    assertEquals(ours.stdout, theirs.stdout, ours.stderr + theirs.stderr);
    assertStringIncludes(theirs.stdout, "NotCapable");
  });
}

Deno.test("a revoked permission is missed at once", () =>
  inFolder(async (folder) => {
    const program = `${PHOTON}
      await writeFile("${folder}/a", new Uint8Array(3));
      console.log((await stat("${folder}/a")).size);
      Deno.permissions.revokeSync({ name: "read" });
      console.log(await stat("${folder}/a").catch((error) => error.name));
      await writeFile("${folder}/a", new Uint8Array(4));
      Deno.permissions.revokeSync({ name: "write" });
      console.log(await remove("${folder}/a").catch((error) => error.name));`;
    const { stdout, stderr } = await runProgram(program, ["-A"]);
    assertEquals(stdout, "3\nNotCapable\nNotCapable\n", stderr);
  }));

async function attemptAll(head: string, flags: string[]): Promise<string[]> {
  const results: string[] = [];
  await inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "hello");
    Deno.mkdirSync(`${folder}/in`);
    Deno.writeTextFileSync(`${folder}/in/c`, "hello");
    Deno.symlinkSync("/etc/passwd", `${folder}/in/passwd`);
    Deno.symlinkSync("/proc/self/environ", `${folder}/in/environ`);
    const attempts = ATTEMPTS.map((call) => `
      await ${call}.then(() => "ok", (error) => error.name + ": " + error.message)
        .then((outcome) => console.log(outcome));`);
    const filled = (text: string) => text.replaceAll(FOLDER, folder);
    const { stdout, stderr } = await runProgram(
      filled(`${head}\n${attempts.join("\n")}`),
      flags.map(filled),
    );
    assertEquals(stderr, "");
    const lines = stdout.trim().split("\n").map((line) => line.replaceAll(folder, FOLDER));
    // The links of /proc/self are resolved in messages, to the number of the process.
    const named = lines.map((line) => line.replace(/\/proc\/\d+\//, "/proc/self/"));
    results.push(...named.map((line, index) => `${ATTEMPTS[index]} ${line}`));
  });
  return results;
}
