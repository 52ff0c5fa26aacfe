// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { setImmediate } from "node:timers";
import { Op } from "../ffi/abi.ts";
import { writeByte } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { engineTurn, exchange, RawPipe, socketPairOn } from "./engine_streams.ts";
import { ringEngineOnly, ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { listenOnLoopback, startEchoServer } from "./servers.ts";
import { PHOTON_NET, REPOSITORY, runProgram } from "./subprocess.ts";
import { readExactly, utf8, writeAll } from "./transfer.ts";

const IO = `import { openEngine, waitFor } from "${new URL("io/mod.ts", REPOSITORY)}";`;
const PIPE = `import { openPipe, writeByte } from "${new URL("ffi/mod.ts", REPOSITORY)}";`;
/** Clock ticks of /proc/self/stat, 10 ms each: fields 14 and 15, after the name in brackets. */
const TICKS = `
  function ticks() {
    const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
  }`;

leakTest("a process that only waits for its sockets uses no processor time", async () => {
  const source = `${PHOTON_NET}${TICKS}
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    const [client, server] = await Promise.all([
      connect({ hostname: "127.0.0.1", port: listener.addr.port }),
      listener.accept(),
    ]);
    const waiting = [client.read(new Uint8Array(8)), server.read(new Uint8Array(8))];
    listener.accept().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    // A start that a busy machine draws out, compilers and all, may reach into the first window.
    let used = Infinity;
    for (let window = 0; window < 3 && used > 1; window++) {
      const before = ticks();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      used = ticks() - before;
    }
    console.log(used);
    for (const resource of [client, server, listener]) resource.close();
    await Promise.allSettled(waiting);`;
  const { code, stdout, stderr } = await runProgram(source, ["-A"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assert(Number(stdout) <= 1, `${stdout.trim()} ticks of 10 ms in two seconds`);
}, ringEngineOnly);

leakTest("an operation keeps the process alive until it is over", async () => {
  const source = `${IO}${PIPE}
    const [reader, writer] = openPipe();
    Deno.unrefTimer(setTimeout(() => writeByte(writer, 1), 50));
    await waitFor(reader, { readable: true });
    console.log("over");`;
  assertEquals(await runProgram(source, ["-A"]), { code: 0, stdout: "over\n", stderr: "" });
}, ringEngineOnly);

leakTest("Engine.unref() lets the process end while operations wait", async () => {
  const source = `${IO}${PIPE}
    const [reader] = openPipe();
    waitFor(reader, { readable: true }).then(() => console.log("never"));
    setTimeout(() => {
      openEngine().unref();
      console.log("over");
    }, 20);`;
  assertEquals(await runProgram(source, ["-A"]), { code: 0, stdout: "over\n", stderr: "" });
}, ringEngineOnly);

leakTest("Engine.ref() has operations keep the process alive again", async () => {
  const source = `${IO}${PIPE}
    const [reader, writer] = openPipe();
    openEngine().unref();
    waitFor(reader, { readable: true }).then(() => console.log("over"));
    setTimeout(() => {
      openEngine().ref();
      Deno.unrefTimer(setTimeout(() => writeByte(writer, 1), 50));
    }, 20);`;
  assertEquals(await runProgram(source, ["-A"]), { code: 0, stdout: "over\n", stderr: "" });
}, ringEngineOnly);

leakTest("an engine that has nothing to do takes no turns", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const reading = pair.near.read(new Uint8Array(8));
  for (let round = 0; round < 10; round++) await engineTurn();
  const { turns, enters } = own.engine.statistics;
  for (let round = 0; round < 50; round++) await engineTurn();
  assertEquals([own.engine.statistics.turns, own.engine.statistics.enters], [turns, enters]);
  await pair.far.write(utf8("end"));
  await reading;
}, ringOnly);

leakTest(
  "user code runs after a completion in the same order as after any other event",
  async () => {
    await using own = new TestEngine();
    const afterTimer = await orderOfCallbacks((resume) => setTimeout(resume, 0));
    const afterCompletion = await orderOfCallbacks((resume) => submit(own.engine).then(resume));
    assertEquals(afterTimer, ["microtask", "promise", "tick", "tick's microtask", "immediate"]);
    assertEquals(afterCompletion, afterTimer);
  },
  ringOnly,
);

leakTest("user code of one completion runs before the next turn of the ring", async () => {
  await using own = new TestEngine();
  const order: string[] = [];
  const first = submit(own.engine).then(() => {
    process.nextTick(() => order.push("tick"));
    return submit(own.engine).then(() => order.push("second completion"));
  });
  await first;
  assertEquals(order, ["tick", "second completion"]);
}, ringOnly);

leakTest("a rejection that nobody handles is reported as usual", async () => {
  await using own = new TestEngine();
  const reasons: unknown[] = [];
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    reasons.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  const failure = new Error("Nobody handles this");
  await submit(own.engine);
  Promise.reject(failure);
  await submit(own.engine);
  await engineTurn();
  globalThis.removeEventListener("unhandledrejection", onRejection);
  assertEquals(reasons, [failure]);
}, ringOnly);

leakTest("a rejection that nobody handles ends the process as usual", async () => {
  const source = `${IO}${PIPE}
    const [reader, writer] = openPipe();
    writeByte(writer, 1);
    await waitFor(reader, { readable: true });
    Promise.reject(new Error("boom"));
    await new Promise(() => setTimeout(() => {}, 10_000));`;
  const { code, stderr } = await runProgram(source, ["-A"]);
  assertEquals(code, 1);
  assert(stderr.includes("Uncaught (in promise) Error: boom"), stderr);
}, ringEngineOnly);

// Data: ways to throw where nobody can catch it, with a handler that lets the process go on.
const THROWS = [
  { where: "a next tick", code: "process.nextTick(fail);" },
  { where: "a microtask", code: "queueMicrotask(fail);" },
  { where: "a promise", code: "Promise.resolve().then(fail);" },
];

for (const { where, code } of THROWS) {
  leakTest(`the engine goes on after ${where} threw`, async () => {
    const source = `${IO}${PIPE}
      import process from "node:process";
      process.on("uncaughtException", (error) => console.log("caught " + error.message));
      process.on("unhandledRejection", (error) => console.log("caught " + error.message));
      const fail = () => { throw new Error("boom"); };
      const pipes = [openPipe(), openPipe(), openPipe()];
      const waiting = pipes.map(([reader]) => waitFor(reader, { readable: true }));
      // Nothing is submitted after the throw that would start the engine anew.
      pipes.forEach(([, writer], index) => setTimeout(() => writeByte(writer, 1), 20 * index));
      await waiting[0];
      ${code}
      await Promise.all(waiting);
      await waitFor(pipes[0][1], { writable: true });
      console.log("done");`;
    const { stdout, stderr } = await runProgram(source, ["-A"]);
    assertEquals({ stdout, stderr }, { stdout: "caught boom\ndone\n", stderr: "" });
  }, ringEngineOnly);
}

leakTest("Deno's own timers and sockets get their turns while the ring is never idle", async () => {
  await using own = new TestEngine();
  await using server = startEchoServer(listenOnLoopback(Deno, "tcp"));
  const { port } = server.addr as Deno.NetAddr;
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const busy = { ends: false };
  const exchanging = (async () => {
    while (!busy.ends) await exchange(own.engine, 8, 50_000);
  })();
  let ticks = 0;
  const interval = setInterval(() => ticks++, 1);
  const slowest = { ms: 0 };
  const begun = performance.now();
  for (let round = 0; round < 100; round++) {
    const started = performance.now();
    await writeAll(conn, utf8("ping"));
    await readExactly(conn, 4);
    slowest.ms = Math.max(slowest.ms, performance.now() - started);
  }
  const tookMs = performance.now() - begun;
  busy.ends = true;
  await exchanging;
  clearInterval(interval);
  assert(slowest.ms < 250, `a round trip took ${slowest.ms} ms`);
  assert(ticks > tookMs / 20, `${ticks} ticks in ${tookMs} ms`);
}, ringOnly);

leakTest("an operation submitted by any of Deno's events is answered", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const { engine } = own;
  const later = (event: (resume: () => void) => void) =>
    new Promise<void>(event).then(() => submit(engine));
  const { port1, port2 } = new MessageChannel();
  const results = await Promise.all([
    later((resume) => setTimeout(resume, 1)),
    later((resume) => setImmediate(resume)),
    later((resume) => process.nextTick(resume)),
    later((resume) => queueMicrotask(resume)),
    later((resume) => {
      port1.onmessage = () => resume();
      port2.postMessage(null);
    }),
    later((resume) => void Deno.stat(".").then(resume as () => void)),
  ]);
  assertEquals(results, [0, 0, 0, 0, 0, 0]);
  port1.close();
  writeByte(pipe.writer, 1);
}, ringOnly);

function submit(engine: Engine): Promise<number> {
  return new Promise((complete) => {
    engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
  });
}

/** In which order callbacks run that are set inside of another one. */
async function orderOfCallbacks(event: (resume: () => void) => void): Promise<string[]> {
  const order: string[] = [];
  await new Promise<void>(event);
  setImmediate(() => order.push("immediate"));
  process.nextTick(() => {
    order.push("tick");
    queueMicrotask(() => order.push("tick's microtask"));
  });
  queueMicrotask(() => order.push("microtask"));
  Promise.resolve().then(() => order.push("promise"));
  await engineTurn();
  return order;
}
