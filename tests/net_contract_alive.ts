// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import type { ContractCases, Subject } from "./net_contract_case.ts";
import type { SocketFamily } from "./servers.ts";
import { runProgram } from "./subprocess.ts";

// Each program calls `done` when the operation that it waits for ends, and makes that operation end
// by a timer that does not hold the process itself. A process that the operation holds therefore
// prints "done", and one that it does not hold exits before and prints nothing.
const HELD_MS = 100;
/** Nobody waits for this long; on a busy machine a process takes its time to exit. */
const NOT_HELD_MS = 10_000;

/** What a program has to print. */
type Printed = "done" | "";

/** Runs a program and gives what it printed. */
type Run = (subject: Subject, expected: Printed) => Promise<string>;

/** How to listen in a program of its own. */
const LISTEN: Record<SocketFamily, string> = {
  tcp: `listen({ hostname: "127.0.0.1", port: 0 })`,
  unix: `listen({ transport: "unix", path: "\\0photon-" + crypto.randomUUID() })`,
};

function helpers(expected: Printed): string {
  return `
  const done = () => { console.log("done"); Deno.exit(); };
  const later = (run) => Deno.unrefTimer(setTimeout(run, ${expected ? HELD_MS : NOT_HELD_MS}));
  async function pair(listener) {
    const [client, server] = await Promise.all([connect(listener.addr), listener.accept()]);
    listener.close();
    return { client, server };
  }`;
}

function accepting(before: string, after = ""): Run {
  return async ({ programHead, family }, expected) => {
    const listener = `const listener = ${LISTEN[family]};`;
    const body = `${before}; listener.accept().then(done); ${after};
      later(() => connect(listener.addr).catch(() => {}));`;
    return await output([programHead, helpers(expected), listener, body]);
  };
}

function reading(before: string, read: string, after = ""): Run {
  return async ({ programHead, family }, expected) => {
    const body = `const { client, server } = await pair(${LISTEN[family]});
      ${before}; ${read}.then(done); ${after};
      later(() => server.write(new Uint8Array(1)));`;
    return await output([programHead, helpers(expected), body]);
  };
}

/** What the program printed; it has to exit by itself without an error. */
async function output(lines: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(lines.join("\n"), ["-A"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout.trim();
}

const READ = "client.read(new Uint8Array(8))";
const READABLE = "client.readable.getReader().read()";

// deno-fmt-ignore
const PROGRAMS: Record<string, [expected: Printed, run: Run]> = {
  "accept() keeps the process alive":                       ["done", accepting("")],
  "accept() does not keep it alive after unref()":          ["", accepting("listener.unref()")],
  "accept() does not keep it alive after a later unref()":  ["", accepting("", "listener.unref()")],
  "accept() keeps it alive after unref() and ref()":        ["done", accepting("listener.unref()", "listener.ref()")],
  "a listener without accept() does not keep it alive":     ["", ({ programHead, family }) => output([programHead, LISTEN[family]])],
  "read() keeps the process alive":                         ["done", reading("", READ)],
  "read() does not keep it alive after unref()":            ["", reading("client.unref()", READ)],
  "read() does not keep it alive after a later unref()":    ["", reading("", READ, "client.unref()")],
  "read() keeps it alive after unref() and ref()":          ["done", reading("client.unref()", READ, "client.ref()")],
  "readable keeps the process alive":                       ["done", reading("", READABLE)],
  "readable does not keep it alive after unref()":          ["", reading("client.unref()", READABLE)],
  "a connection without read() does not keep it alive":     ["", ({ programHead, family }, expected) => output([programHead, helpers(expected), `await pair(${LISTEN[family]})`])],
};

/** What keeps a process alive and what does not, each shown by a program of its own. */
export const aliveCases: ContractCases = Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, [expected, run]]) => [
    name,
    async (subject: Subject) => assertEquals(await run(subject, expected), expected),
  ]),
);
