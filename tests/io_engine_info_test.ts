// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Register } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { Engine } from "../io/engine.ts";
import { chooseEngine, type EngineChoice, type EngineInfo } from "../io/engine_info.ts";
import { exchange } from "./engine_streams.ts";
import {
  callsOf,
  faultyCalls,
  OLD_KERNELS,
  ringEngineOnly,
  type RingFaults,
  ringOnly,
} from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { REPOSITORY, runProgram } from "./subprocess.ts";

// Data: refusals of the kernel, and what a person reads about them.
// deno-fmt-ignore
const REFUSALS: { name: string; faults: RingFaults; reason: string }[] = [
  { name: "ENOSYS",            faults: { setup: () => -Errno.ENOSYS },  reason: "the kernel has no io_uring" },
  { name: "EPERM",             faults: { setup: () => -Errno.EPERM },   reason: "io_uring is forbidden here" },
  { name: "EACCES",            faults: { setup: () => -Errno.EACCES },  reason: "Permission denied (os error 13)" },
  { name: "ENOMEM",            faults: { setup: () => -Errno.ENOMEM },  reason: "the kernel has no memory for a ring" },
  { name: "EMFILE",            faults: { setup: () => -Errno.EMFILE },  reason: "Too many open files (os error 24)" },
  { name: "missing features",  faults: { withoutFeatures: -1 },         reason: "the kernel must be 5.11 or newer" },
  { name: "no buffer rings",   faults: { register: refusesBufferRings }, reason: "the kernel must be 5.19 or newer" },
];

for (const { name, faults, reason } of REFUSALS) {
  leakTest(`chooseEngine() gives the portable engine and says why: ${name}`, () => {
    const { engine, info } = chooseEngine(choice({ open: () => open(faults) }));
    assertStrictEquals(engine, null);
    assert(info.reason.includes(reason), info.reason);
    assertEquals([info.engine, info.taskRun, info.library], ["deno", null, null]);
  }, ringOnly);

  leakTest(`chooseEngine() throws when the ring is forced: ${name}`, () => {
    const forced = choice({ forced: "uring", open: () => open(faults) });
    const error = assertThrows(() => chooseEngine(forced), Deno.errors.NotSupported, reason);
    assert((error as Error).message.startsWith("Cannot open the ring engine: "));
    assert((error as Error).cause instanceof Error);
  }, ringOnly);
}

// Data: what the engine makes of a kernel of the past.
const TASK_RUNS: Record<string, EngineInfo["taskRun"]> = {
  "6.1": "deferred",
  "6.0": "cooperative",
  "5.19": "cooperative",
};

for (const [version, taskRun] of Object.entries(TASK_RUNS)) {
  leakTest(
    `chooseEngine() opens a ${taskRun} ring on a ${version} kernel, and it works`,
    async () => {
      const kernel = OLD_KERNELS.find((kernel) => kernel.version === version)!;
      const ring = { calls: callsOf(kernel) };
      const { engine, info } = chooseEngine(choice({ open: () => new Engine({ ring }) }));
      assertEquals([info.engine, info.taskRun], ["uring", taskRun]);
      await exchange(engine!, 8, 100_000, { writeBytes: 3000, readBytes: 5000 });
      await engine!.whenIdle();
      assertEquals([engine!.statistics.pending, engine!.statistics.stale], [0, 0]);
      engine![Symbol.dispose]();
    },
    ringOnly,
  );
}

leakTest("chooseEngine() opens no ring where it is not to be used", () => {
  const cases: [Partial<EngineChoice>, string][] = [
    [{ forced: "deno" }, "PHOTON_ENGINE=deno asks for it"],
    [{ os: "darwin" }, "io_uring is Linux only, and this is darwin"],
    [{ ffiGranted: false }, "--allow-ffi was not granted"],
  ];
  for (const [difference, reason] of cases) {
    const { engine, info } = chooseEngine(choice(difference));
    assertStrictEquals(engine, null);
    assertEquals([info.engine, info.reason], ["deno", reason]);
  }
});

leakTest("chooseEngine() throws when the ring is forced where it cannot be", () => {
  for (const difference of [{ os: "darwin" }, { ffiGranted: false }]) {
    const forced = choice({ forced: "uring", ...difference });
    assertThrows(() => chooseEngine(forced), Deno.errors.NotSupported);
  }
});

leakTest("chooseEngine() throws TypeError for an engine that does not exist", () => {
  const forced = choice({ forced: "epoll" });
  const message = 'PHOTON_ENGINE must be "uring" or "deno", received "epoll"';
  assertThrows(() => chooseEngine(forced), TypeError, message);
});

// Data: programs, their flags and what `engineInfo()` and `openEngine()` say in them.
const PROGRAM = `
  import { engineInfo, openEngine } from "${new URL("io/mod.ts", REPOSITORY)}";
  const { engine, reason } = engineInfo();
  console.log(engine + ": " + reason);
  try {
    openEngine();
  } catch (error) {
    console.log(error.message);
  }`;

leakTest(
  "engineInfo() chooses the portable engine without --allow-ffi, and asks nobody",
  async () => {
    const { code, stdout } = await runProgram(PROGRAM, []);
    const reason = "--allow-ffi was not granted";
    assertEquals(code, 0);
    assertEquals(stdout, `deno: ${reason}\nCannot open the ring engine: ${reason}\n`);
  },
);

leakTest("engineInfo() chooses the ring where it is offered", async () => {
  const { stdout } = await runProgram(PROGRAM, ["--allow-ffi"]);
  assertEquals(stdout, "uring: the kernel offers io_uring\n");
}, ringEngineOnly);

leakTest("engineInfo() does as PHOTON_ENGINE says", async () => {
  const forced = `Deno.env.set("PHOTON_ENGINE", "deno");
    const { engineInfo } = await import("${new URL("io/mod.ts", REPOSITORY)}");
    console.log(engineInfo().reason);`;
  const { stdout } = await runProgram(forced, ["-A"]);
  assertEquals(stdout, "PHOTON_ENGINE=deno asks for it\n");
});

for (const taskRun of ["deferred", "cooperative", "interrupt"]) {
  leakTest(`engineInfo() does as PHOTON_TASK_RUN=${taskRun} says`, async () => {
    const forced = `Deno.env.set("PHOTON_TASK_RUN", "${taskRun}");
      const { engineInfo } = await import("${new URL("io/mod.ts", REPOSITORY)}");
      console.log(engineInfo().taskRun);`;
    const { stdout } = await runProgram(forced, ["-A"]);
    assertEquals(stdout, `${taskRun}\n`);
  }, ringEngineOnly);
}

function choice(difference: Partial<EngineChoice>): EngineChoice {
  const open = () => {
    throw new Error("Cannot open: the ring was not to be opened");
  };
  return { forced: undefined, os: "linux", ffiGranted: true, open, ...difference };
}

function open(faults: RingFaults): Engine {
  return new Engine({ ring: { calls: faultyCalls(faults) } });
}

function refusesBufferRings(command: number): number | undefined {
  return command === Register.PBUF_RING ? -Errno.EINVAL : undefined;
}
