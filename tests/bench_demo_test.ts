// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { makeSource } from "../bench/demo_source.ts";
import { streamThrough } from "../bench/demo_stream.ts";
import { memoryDuplex } from "../io/memory_duplex.ts";

const DEMO = new URL("../bench/demo.ts", import.meta.url).pathname;
const SMALL = ["--mib", "4", "--seconds", "0.2", "--rounds", "1"];

interface DemoRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

for (const forced of ["", "deno"]) {
  const name = forced === "" ? "the engine that it finds" : "the portable engine";
  Deno.test(`the demo on ${name} prints its table and succeeds`, async () => {
    const { code, stdout, stderr } = await runDemo(SMALL, { PHOTON_ENGINE: forced });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, forced === "" ? /engine: (uring|deno, .*): \S/ : /engine: deno, .*: \S/);
    assertEquals(stdout.match(/ours +[\d.]+ /g)?.length, 4, stdout);
    assertEquals(stdout.match(/ours \/ Deno +[\d.]+ /g)?.length, 4, stdout);
    assertMatch(stdout, /Inference: .*\n +user +.*\n +assistant +\S[^]* [1-9]\d* tokens\/s\n/);
    assert(stdout.endsWith("demo: ok\n"), stdout);
    assertMatch(stderr, /^ +0 % [^]*\n +9\d % /);
  });
}

Deno.test("the demo says what is wrong when its service does not start", async () => {
  const { code, stdout, stderr } = await runDemo(SMALL, { PHOTON_ENGINE: "none" });
  assertEquals(code, 1);
  assertMatch(stderr, /demo: failed: .*PHOTON_ENGINE must be "uring" or "deno"/s);
  assert(!stdout.includes("demo: ok"));
});

Deno.test("the demo explains its options when one makes no sense", async () => {
  const { code, stderr } = await runDemo(["--mib", "none"]);
  assertEquals(code, 2);
  assertMatch(stderr, /--mib must be a whole number above 0\n\nUsage:/);
});

Deno.test("the demo leaves no file behind when it is interrupted", async () => {
  const directory = await Deno.makeTempDir();
  const demo = spawnDemo([...SMALL, "--seconds", "20"], { TMPDIR: directory });
  const [shown, errors] = [demo.stdout.getReader(), demo.stderr.getReader()];
  // The first line of progress: the services listen, and the file is there.
  await errors.read();
  demo.kill("SIGINT");
  assertEquals((await demo.status).code, 130);
  await Promise.all([shown.cancel(), errors.cancel()]);
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});

Deno.test("streamThrough() rejects when one bit comes back wrong", async () => {
  await rejectsFor((bytes) => {
    bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  }, "Checksum mismatch");
});

Deno.test("streamThrough() rejects when a byte does not come back", async () => {
  await rejectsFor((bytes) => bytes.subarray(1), "came back");
});

/** Streams through an echo in memory that spoils each piece. */
async function rejectsFor(
  spoil: (bytes: Uint8Array) => Uint8Array,
  message: string,
): Promise<void> {
  const path = await Deno.makeTempFile();
  const source = await makeSource(path, 300_000);
  const [client, service] = memoryDuplex();
  const echoing = echoSpoiled(service, spoil);
  await assertRejects(() => streamThrough(client, source, () => {}), Error, message);
  await echoing;
  client.close();
  service.close();
  await Deno.remove(path);
}

async function echoSpoiled(
  conn: ReturnType<typeof memoryDuplex>[number],
  spoil: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) return await conn.closeWrite();
    const bytes = spoil(buffer.subarray(0, length));
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }
}

async function runDemo(args: string[], env: Record<string, string> = {}): Promise<DemoRun> {
  const { code, stdout, stderr } = await spawnDemo(args, env).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

function spawnDemo(args: string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "--no-check", DEMO, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
