// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import { DenoInput } from "../io/deno_input.ts";
import { REPOSITORY } from "./subprocess.ts";
import { patternBytes } from "./transfer.ts";

const { Interrupted } = Deno.errors;

/** A program that is still running then is stopped. */
const PROGRAM_LIMIT_MS = 20_000;

const IMPORTS = `import { standardError, standardInput, standardOutput } from "${new URL(
  "io/mod.ts",
  REPOSITORY,
)}";\n`;

/** Copies its input to its output. */
const COPY = `using input = standardInput();
  using output = standardOutput();
  const p = new Uint8Array(65536);
  for (let n = await input.read(p); n !== null; n = await input.read(p)) {
    await output.writeAll(p.subarray(0, n));
  }`;

const SENT = patternBytes(1_000_000);

const engines = engineInfo().engine === "uring" ? ["uring", "deno"] : ["deno"];
for (const engine of engines) {
  const shellTest: ShellTest = (name, body, ignore = false) => {
    const fn = async () => {
      await using shell = await openShell(engine);
      await body(shell);
    };
    Deno.test({ name: `[${engine}] ${name}`, fn, ignore: ignore || Deno.build.os === "windows" });
  };
  registerRedirections(shellTest);
  registerOrder(shellTest);
  registerEnds(shellTest);
}

/** Registers a test that is given a shell of its own. */
type ShellTest = (name: string, body: (shell: Shell) => Promise<void>, ignore?: boolean) => void;

function registerRedirections(shellTest: ShellTest): void {
  shellTest("standard input and output can be pipes", async (shell) => {
    await shell.run(COPY, `cat sent | $PROGRAM | cat > received`);
    assertEquals(await shell.read("received"), SENT);
  });

  shellTest("standard input and output can be files", async (shell) => {
    await shell.run(COPY, `$PROGRAM < sent > received`);
    assertEquals(await shell.read("received"), SENT);
  });

  shellTest("standard output can be appended to a file", async (shell) => {
    await shell.run(COPY, `$PROGRAM < sent >> received; $PROGRAM < sent >> received`);
    assertEquals((await shell.read("received")).length, 2 * SENT.length);
  });

  shellTest("a file is read from the position where the last reader stopped", async (shell) => {
    const program = `await standardInput().read(new Uint8Array(3)); ${COPY}`;
    await shell.run(program, `$PROGRAM < sent > received`);
    assertEquals(await shell.read("received"), SENT.slice(3));
  });

  shellTest("standard input and output can be /dev/null", async (shell) => {
    const program = `${COPY} console.error(await standardInput().read(p));`;
    assertEquals(await shell.run(program, `$PROGRAM < /dev/null > /dev/null`), "null\n");
  });

  shellTest("standard input and output can be streams", async (shell) => {
    const program = `await standardInput().readable.pipeTo(standardOutput().writable);`;
    await shell.run(program, `cat sent | $PROGRAM > received`);
    assertEquals(await shell.read("received"), SENT);
  });
}

function registerOrder(shellTest: ShellTest): void {
  shellTest("a terminal is read line by line", async (shell) => {
    const program = `const p = new Uint8Array(100);
      const input = standardInput();
      console.log(input.isTerminal(), standardOutput().isTerminal());
      console.log("line of", await input.read(p));
      console.log("end", await input.read(p));`;
    // What is typed before the program asks waits in the terminal.
    const typed = `printf 'hello\\n\\004'`;
    const printed = await shell.run(program, `${typed} | script -qec "$PROGRAM" /dev/null >&2`);
    const lines = printed.replaceAll("\r", "").split("\n");
    assertEquals(lines.filter((line) => /^(?:true|line|end)/.test(line)), [
      "true true",
      "line of 6",
      "end null",
    ]);
  }, !hasScript());

  shellTest(
    "what is written comes in the order of the calls, console's among them",
    async (shell) => {
      const program = `using output = standardOutput();
      for (let i = 0; i < 50; i++) {
        await output.writeAll(new TextEncoder().encode(i + "\\n"));
        console.log(++i);
      }`;
      await shell.run(program, `$PROGRAM > received`);
      const numbers = new TextDecoder().decode(await shell.read("received")).trim().split("\n");
      assertEquals(numbers.map(Number), Array.from({ length: 50 }, (_, i) => i));
    },
  );

  shellTest("standard error is apart from standard output", async (shell) => {
    const program = `using error = standardError();
      using output = standardOutput();
      await output.write(new Uint8Array([79]));
      await error.write(new Uint8Array([69]));`;
    assertEquals(await shell.run(program, `$PROGRAM > received`), "E");
    assertEquals(await shell.read("received"), new Uint8Array([79]));
  });
}

function registerEnds(shellTest: ShellTest): void {
  shellTest("closing leaves Deno's own streams open", async (shell) => {
    const program = `const p = new Uint8Array(2);
      const input = standardInput();
      await input.read(p);
      input.close();
      standardOutput().close();
      standardError().close();
      await Deno.stdin.read(p);
      await Deno.stdout.write(p);
      console.error("still here");`;
    assertEquals(await shell.run(program, `$PROGRAM < sent > received`), "still here\n");
    assertEquals(await shell.read("received"), SENT.slice(2, 4));
  });

  shellTest("a write rejects with BrokenPipe when nobody reads it", async (shell) => {
    const program = `using output = standardOutput();
      try {
        await output.writeAll(new Uint8Array(1_000_000));
      } catch (error) {
        console.error(error.name);
      }`;
    assertEquals(await shell.run(program, `$PROGRAM | true`), "BrokenPipe\n");
  });

  shellTest("a read that is given up leaves its bytes to the next", async (shell) => {
    const program = `using input = standardInput();
      const p = new Uint8Array(8);
      const signal = AbortSignal.timeout(50);
      const reason = await input.read(p, { signal }).catch((error) => error.name);
      console.log("ready");
      console.error(reason, await input.read(p));`;
    const line = `mkfifo in out; $PROGRAM < in > out & exec 3>in 4<out
      read ready <&4; printf abc >&3; wait`;
    assertEquals(await shell.run(program, line), "TimeoutError 3\n");
  });

  shellTest("close() rejects a read that waits with Interrupted", async (shell) => {
    const program = `const input = standardInput();
      const reading = input.read(new Uint8Array(8)).catch((error) => error.name);
      input.close();
      console.error(await reading);
      Deno.exit();`;
    assertEquals(await shell.run(program, `mkfifo in; $PROGRAM <> in`), "Interrupted\n");
  });
}

Deno.test("DenoInput gives waiting reads their bytes in order", async () => {
  const reader = { reads: 0, read: oneByte };
  const input = new DenoInput(reader);
  const blocks = [1, 2, 3].map(() => new Uint8Array(1));
  await Promise.all(blocks.map((block) => input.read(block)));
  assertEquals(blocks.map(([byte]) => byte), [1, 2, 3]);
});

Deno.test("DenoInput reads on after the end, as a terminal can", async () => {
  const results = [null, 1, null];
  const input = new DenoInput({ read: () => Promise.resolve(results.shift()!) });
  const p = new Uint8Array(8);
  assertEquals([await input.read(p), await input.read(p), await input.read(p)], [null, 1, null]);
});

Deno.test("DenoInput passes the error of a read on and goes on", async () => {
  const results = [Promise.reject(new Error("torn")), Promise.resolve(1)];
  const input = new DenoInput({ read: () => results.shift()! });
  await assertRejects(() => input.read(new Uint8Array(8)), Error, "torn");
  assertEquals(await input.read(new Uint8Array(8)), 1);
});

Deno.test("DenoInput.close() rejects a read that waits", async () => {
  const input = new DenoInput({ read: () => new Promise(() => {}) });
  const reading = input.read(new Uint8Array(8));
  input.close();
  await assertRejects(() => reading, Interrupted);
});

function oneByte(this: { reads: number }, p: Uint8Array): Promise<number> {
  p[0] = ++this.reads;
  return Promise.resolve(1);
}

/** `script` (util-linux) gives a program a terminal. */
function hasScript(): boolean {
  try {
    return new Deno.Command("script", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

/** A folder with a file `sent`, and a shell in it; disposing removes it. */
interface Shell extends AsyncDisposable {
  /** Runs a line of shell in which `$PROGRAM` runs the source; what it said on standard error. */
  run(source: string, line: string): Promise<string>;
  /** The bytes of a file in the folder. */
  read(name: string): Promise<Uint8Array>;
}

async function openShell(engine: string): Promise<Shell> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/sent`, SENT);
  return {
    async run(source, line) {
      const program = `${folder}/program.ts`;
      await Deno.writeTextFile(program, IMPORTS + source);
      return await runShell(folder, line, {
        PROGRAM: `${Deno.execPath()} run -A --quiet --no-check ${program}`,
        PHOTON_ENGINE: engine,
        NO_COLOR: "1",
      });
    },
    read: (name) => Deno.readFile(`${folder}/${name}`),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function runShell(cwd: string, line: string, env: Record<string, string>): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-c", line],
    cwd,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), PROGRAM_LIMIT_MS);
  try {
    const { stderr } = await child.output();
    return new TextDecoder().decode(stderr);
  } finally {
    clearTimeout(limit);
  }
}
