// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";

const JOB = "data:application/javascript,export function add(a, b) { return a + b; }";

function program(base: string): string {
  return `import { WorkPool } from "${base}io/mod.ts";
    await using pool = new WorkPool({ workers: 1 });
    console.log(await pool.call("${JOB}", "add", [1, 2]));`;
}

Deno.test("a pool works where the library is imported over the network", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serveFile);
  const host = `127.0.0.1:${server.addr.port}`;
  const flags = ["--no-lock", "--allow-ffi", "--allow-env", `--allow-import=${host}`];
  const { stdout, stderr } = await runProgram(program(`http://${host}/`), flags);
  assertEquals([stdout, stderr], ["3\n", ""]);
});

Deno.test("a pool needs leave to read its worker's module where that is a file", async () => {
  const { code, stderr } = await runProgram(program(REPOSITORY.href), ["--allow-ffi"]);
  assertEquals([code, /Requires read access to/.test(stderr)], [1, true], stderr);
});

Deno.test("a pool needs no more than leave to read where the portable engine runs", async () => {
  const flags = [`--allow-read=${REPOSITORY.pathname}`];
  const { stdout, stderr } = await runProgram(program(REPOSITORY.href), flags);
  assertEquals([stdout, stderr], ["3\n", ""]);
});

async function serveFile(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const text = await Deno.readTextFile(new URL(`.${pathname}`, REPOSITORY));
  return new Response(text, { headers: { "content-type": "application/typescript" } });
}
