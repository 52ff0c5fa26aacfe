// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { ACCEPT_BACKOFF_MS } from "../net/uring_listener.ts";
import { runWithDescriptors } from "./net_limited_program.ts";
import { onRing } from "./net_pair.ts";
import { PHOTON_NET } from "./subprocess.ts";

// A process that is out of descriptors: what fails says so, nothing spins, and all goes on once
// there are descriptors again. The limit holds for a whole process, so each test runs a program.

const DESCRIPTORS_MAX = 64;
const FAILED_ACCEPTS = 5;
const LOOP_MS = 400;

const HEAD = `${PHOTON_NET}
  import process from "node:process";
  const files = [];
  function useUp() {
    try {
      for (;;) files.push(Deno.openSync("/dev/null"));
    } catch {
      // None is left.
    }
  }
  // Connects without leaving a descriptor for the other end.
  async function connectOnly() {
    useUp();
    files.pop().close();
    return await connect(listener.addr);
  }
  function print(value) {
    console.log(JSON.stringify(value));
    for (const file of files) file.close();
    Deno.exit();
  }
  const codeOf = (promise) => promise.then(() => "none", (error) => error.code);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  // What is opened at the first use is open from here on; Deno dies where it cannot open its own.
  const ignore = () => {};
  Deno.addSignalListener("SIGUSR2", ignore);
  Deno.removeSignalListener("SIGUSR2", ignore);
  const [conn, peer] = await Promise.all([connect(listener.addr), listener.accept()]);
  await pause(20);`;

descriptorTest("accept() rejects with EMFILE, again and again but not at once", async () => {
  const [codes, elapsedMs] = await run(`
    await connectOnly();
    const start = performance.now();
    const codes = [];
    for (let i = 0; i < ${FAILED_ACCEPTS}; i++) codes.push(await codeOf(listener.accept()));
    print([codes, performance.now() - start]);`);
  assertEquals(codes, Array(FAILED_ACCEPTS).fill("EMFILE"));
  // The kernel may have reported the first failure before anyone asked.
  assert(elapsedMs >= (FAILED_ACCEPTS - 1) * ACCEPT_BACKOFF_MS, `Took ${elapsedMs} ms`);
});

descriptorTest("accept() works again once descriptors are free", async () => {
  const result = await run(`
    const client = await connectOnly();
    const code = await codeOf(listener.accept());
    files.pop().close();
    const accepted = await listener.accept();
    await client.write(new Uint8Array([7]));
    const bytes = new Uint8Array(1);
    await accepted.read(bytes);
    print([code, bytes[0], accepted.remoteAddr.port === client.localAddr.port]);`);
  assertEquals(result, ["EMFILE", 7, true]);
});

descriptorTest("accept() that is aborted while it backs off does not fail the next", async () => {
  const result = await run(`
    const client = await connectOnly();
    const abort = new AbortController();
    const accepting = listener.accept({ signal: abort.signal }).catch((error) => error.message);
    await pause(1);
    abort.abort(new Error("enough"));
    const reason = await accepting;
    files.pop().close();
    const accepted = await listener.accept();
    print([reason, accepted.remoteAddr.port === client.localAddr.port]);`);
  assertEquals(result, ["enough", true]);
});

descriptorTest("close() ends an accept() that backs off", async () => {
  const result = await run(`
    await connectOnly();
    const accepting = listener.accept().catch((error) => error.name);
    await pause(1);
    listener.close();
    print(await accepting);`);
  assertEquals(result, "BadResource");
});

descriptorTest("a loop over accept() that fails uses little processor time", async () => {
  const [failures, cpuMs] = await run(`
    await connectOnly();
    const before = process.cpuUsage();
    const end = performance.now() + ${LOOP_MS};
    let failures = 0;
    while (performance.now() < end) if (await codeOf(listener.accept()) === "EMFILE") failures++;
    const { user, system } = process.cpuUsage(before);
    print([failures, (user + system) / 1000]);`);
  assert(failures > 0 && failures <= LOOP_MS / ACCEPT_BACKOFF_MS + 1, `Failed ${failures} times`);
  assert(cpuMs < LOOP_MS / 2, `Used ${cpuMs} of ${LOOP_MS} ms`);
});

descriptorTest("connect() rejects with EMFILE and works again", async () => {
  const result = await run(`
    useUp();
    const code = await codeOf(connect(listener.addr));
    files.pop().close();
    const client = await connect(listener.addr);
    print([code, client.remoteAddr.port === listener.addr.port]);`);
  assertEquals(result, ["EMFILE", true]);
});

descriptorTest("connections that are open go on without a free descriptor", async () => {
  const result = await run(`
    useUp();
    const bytes = new Uint8Array(100_000);
    for (let i = 0; i < 20; i++) {
      const writing = conn.writeAll(bytes.fill(i));
      await peer.readFull(bytes);
      await writing;
    }
    print(bytes.every((byte) => byte === 19));`);
  assertEquals(result, true);
});

function descriptorTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: !onRing });
}

/** Runs the body of a program, and gives the one value that it prints. */
async function run(body: string) {
  return JSON.parse(await runWithDescriptors(`${HEAD}\n${body}`, DESCRIPTORS_MAX));
}
