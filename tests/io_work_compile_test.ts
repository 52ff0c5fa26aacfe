// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { REPOSITORY } from "./subprocess.ts";

const PROGRAM = `import { WorkPool } from "${REPOSITORY.href}io/mod.ts";
  const jobs = new URL("${REPOSITORY.href}tests/work_jobs.ts");
  await using pool = new WorkPool({ workers: 2 });
  console.log(await pool.call(jobs, "add", [1, 2]));`;

Deno.test("the module of a pool's workers is part of a program that imports the pool", async () => {
  const { success, output } = await deno(["info", "--json", "io/mod.ts"]);
  assert(success, output);
  const { modules } = JSON.parse(output) as { modules: { specifier: string }[] };
  assert(modules.some(({ specifier }) => specifier === `${REPOSITORY.href}io/work_entry.ts`));
});

Deno.test({
  name: "a pool works in a program made by deno compile",
  // What deno compile builds upon is fetched once; without a network, name it by DENORT_BIN.
  ignore: !canCompile(),
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${directory}/main.ts`, PROGRAM);
      const program = `${directory}/program`;
      // A program's own jobs are nobody's import: they are named to the compiler.
      const jobs = ["--include", new URL("tests/work_jobs.ts", REPOSITORY).pathname];
      const made = await deno(["compile", "-A", ...jobs, "-o", program, `${directory}/main.ts`]);
      assert(made.success, made.output);
      const { code, stdout, stderr } = await new Deno.Command(program).output();
      const decoder = new TextDecoder();
      assertEquals([code, decoder.decode(stdout)], [0, "3\n"], decoder.decode(stderr));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

/** Whether what `deno compile` builds upon is here, shown by a program of one line. */
function canCompile(): boolean {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${directory}/main.ts`, `console.log("made");`);
    const args = ["compile", "--no-config", "-o", `${directory}/made`, `${directory}/main.ts`];
    if (!new Deno.Command(Deno.execPath(), { args, stderr: "null" }).outputSync().success) {
      return false;
    }
    const { stdout } = new Deno.Command(`${directory}/made`).outputSync();
    return new TextDecoder().decode(stdout) === "made\n";
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function deno(args: string[]): Promise<{ success: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: REPOSITORY });
  const { success, stdout, stderr } = await command.output();
  return { success, output: new TextDecoder().decode(success ? stdout : stderr) };
}
