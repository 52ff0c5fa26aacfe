// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Setup } from "../ffi/abi.ts";
import { uringCalls } from "../ffi/uring.ts";
import { Engine } from "./engine.ts";
import type { EngineStatistics } from "./engine_statistics.ts";

/** Which engine runs in this isolate, and why. */
export interface EngineInfo {
  /** `"uring"` is io_uring; `"deno"` is the portable engine on Deno's own API. */
  engine: "uring" | "deno";
  /** Why this one, in a sentence that a person can act on. */
  reason: string;
  /** How the ring runs its completions; null on the portable engine. */
  taskRun: "deferred" | "cooperative" | "interrupt" | null;
  /** Which library the ring's system calls come from; null on the portable engine. */
  library: "liburing" | "libc" | null;
}

/** What {@linkcode chooseEngine} goes by. */
export interface EngineChoice {
  /** The value of `PHOTON_ENGINE`, where it may be read. */
  forced: string | undefined;
  /** The operating system, as in `Deno.build.os`. */
  os: string;
  /** Whether FFI may be used without asking. */
  ffiGranted: boolean;
  /** Opens the ring engine. */
  open: () => Engine;
}

/**
 * Says which engine this isolate uses, and opens it when that was not decided yet. It never
 * prompts: without `--allow-ffi` the portable engine is chosen.
 *
 * @throws {Error} when `PHOTON_ENGINE=uring` and the ring cannot be opened
 *
 * @example The reason for the choice
 * ```ts
 * import { engineInfo } from "@photon/std/io";
 * import { assert } from "@std/assert";
 *
 * const { engine, reason } = engineInfo();
 * assert(engine === "uring" || engine === "deno");
 * assert(reason.length > 0);
 * ```
 */
export function engineInfo(): EngineInfo {
  return { ...chosen().info };
}

/**
 * The ring engine of this isolate.
 *
 * @throws {Deno.errors.NotSupported} when the portable engine runs; the message says why
 *
 * @example What the engine has done
 * ```ts
 * import { engineInfo, openEngine } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") assertEquals(openEngine().statistics.stale, 0);
 * ```
 */
export function openEngine(): Engine {
  const { engine, info } = chosen();
  if (engine) return engine;
  throw new Deno.errors.NotSupported(`Cannot open the ring engine: ${info.reason}`);
}

/** The ring engine of this isolate, or null where the portable engine runs. */
export function ringEngine(): Engine | null {
  return chosen().engine;
}

/**
 * Hands what is queued to the kernel now and not at the turn's end, for who has more to compute;
 * nothing happens where no ring engine runs.
 */
export function submitQueued(): void {
  const engine = decided?.engine;
  if (engine?.queued) engine.submitNow();
}

/**
 * What the ring engine has done and holds: zeros when it does not run.
 *
 * @example Nothing is in flight
 * ```ts
 * import { engineStatistics } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(engineStatistics().pending, 0);
 * ```
 */
export function engineStatistics(): EngineStatistics {
  return decided?.engine?.statistics ??
    { turns: 0, enters: 0, completions: 0, stale: 0, sleeps: 0, pending: 0, leased: 0 };
}

/** Decides for one engine and opens it; pure but for `open`. */
export function chooseEngine(choice: EngineChoice): { engine: Engine | null; info: EngineInfo } {
  const { forced, os, ffiGranted, open } = choice;
  if (forced !== undefined && forced !== "uring" && forced !== "deno") {
    throw new TypeError(
      `Cannot choose an engine: PHOTON_ENGINE must be "uring" or "deno", received "${forced}"`,
    );
  }
  if (forced === "deno") return portable("PHOTON_ENGINE=deno asks for it");
  const refuse = (reason: string, cause?: unknown) => {
    if (forced !== "uring") return portable(reason);
    throw new Deno.errors.NotSupported(`Cannot open the ring engine: ${reason}`, { cause });
  };
  if (os !== "linux") return refuse(`io_uring is Linux only, and this is ${os}`);
  if (!ffiGranted) return refuse("--allow-ffi was not granted");
  try {
    const engine = open();
    return { engine, info: describe(engine, forced) };
  } catch (error) {
    return refuse(refusal(error), error);
  }
}

let decided: { engine: Engine | null; info: EngineInfo } | undefined;

function chosen(): { engine: Engine | null; info: EngineInfo } {
  decided ??= chooseEngine({
    forced: environment("PHOTON_ENGINE"),
    os: Deno.build.os,
    ffiGranted: Deno.permissions.querySync({ name: "ffi" }).state === "granted",
    open: openForIsolate,
  });
  return decided;
}

/** Opens the isolate's engine, which ends with it: what is queued leaves, nothing is written on. */
function openForIsolate(): Engine {
  const engine = new Engine({ ring: { withoutFlags: flagsToAvoid(), ...restriction() } });
  let ended = false;
  globalThis.addEventListener("unload", () => {
    ended = true;
    engine[Symbol.dispose]();
  });
  // A process that dies of an error unloads nothing: what was written before still leaves.
  for (const event of ["error", "unhandledrejection"]) {
    globalThis.addEventListener(event, () => ended || engine.submitNow());
  }
  return engine;
}

/** `PHOTON_TASK_RUN` steps down to the ways of older kernels: 5.19 (`cooperative`), 5.11. */
function flagsToAvoid(): number {
  const taskRun = environment("PHOTON_TASK_RUN") ?? "deferred";
  switch (taskRun) {
    case "deferred":
      return 0;
    case "cooperative":
      return Setup.DEFER_TASKRUN;
    case "interrupt":
      return Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN;
    default:
      throw new TypeError(
        "Cannot open the ring engine: PHOTON_TASK_RUN must be deferred, cooperative or " +
          `interrupt, received "${taskRun}"`,
      );
  }
}

/** `PHOTON_RESTRICTED=net` lets the ring do nothing but what sockets need. */
function restriction(): { restricted?: "net" } {
  const restricted = environment("PHOTON_RESTRICTED");
  if (restricted === undefined) return {};
  if (restricted === "net") return { restricted };
  throw new TypeError(
    `Cannot open the ring engine: PHOTON_RESTRICTED must be "net", received "${restricted}"`,
  );
}

/** A variable of the environment, where it may be read without asking. */
function environment(variable: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return Deno.env.get(variable) || undefined;
}

function portable(reason: string): { engine: null; info: EngineInfo } {
  return { engine: null, info: { engine: "deno", reason, taskRun: null, library: null } };
}

function describe(engine: Engine, forced: string | undefined): EngineInfo {
  const { setupFlags } = engine.ring;
  const taskRun = setupFlags & Setup.DEFER_TASKRUN
    ? "deferred"
    : setupFlags & Setup.COOP_TASKRUN
    ? "cooperative"
    : "interrupt";
  const reason = forced ? "PHOTON_ENGINE=uring asks for it" : "the kernel offers io_uring";
  return { engine: "uring", reason, taskRun, library: uringCalls().library };
}

/** What the refusal of io_uring most likely means. */
function refusal(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  switch (code) {
    case "ENOSYS":
      return "the kernel has no io_uring (older than 5.1, or a sandbox such as gVisor)";
    case "EPERM":
      return "io_uring is forbidden here (a container's seccomp profile or a sysctl, " +
        "kernel.io_uring_disabled)";
    case "ENOMEM":
      return "the kernel has no memory for a ring (see ulimit -l)";
    case "EINVAL":
      // Rings of provided buffers are the newest thing without which there is no engine.
      return "the kernel must be 5.19 or newer";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
