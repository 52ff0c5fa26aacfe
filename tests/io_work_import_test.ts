// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";

const JOB = "data:application/javascript,export function add(a, b) { return a + b; }";

function program(base: string): string {
  return `import { WorkPool } from "${base}io/mod.ts";
    await using pool = new WorkPool({ workers: 1 });
    console.log(await pool.call("${JOB}", "add", [1, 2]));`;
}

Deno.test("a pool works where the library is imported over https", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { cert, key } = await makeCertificate(directory);
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, cert, key };
    await using server = Deno.serve(options, serveFile);
    const host = `127.0.0.1:${server.addr.port}`;
    const permissions = ["--allow-ffi", "--allow-env", `--allow-import=${host}`];
    const flags = ["--no-lock", `--cert=${directory}/cert.pem`, ...permissions];
    const { stdout, stderr } = await runProgram(program(`https://${host}/`), flags);
    assertEquals([stdout, stderr], ["3\n", ""]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
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

/** A certificate of its own for 127.0.0.1, also left in the directory as `cert.pem`. */
async function makeCertificate(directory: string): Promise<{ cert: string; key: string }> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", "key.pem", "-out", "cert.pem"],
    ],
    cwd: directory,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => `${directory}/${name}`);
  return { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
}
