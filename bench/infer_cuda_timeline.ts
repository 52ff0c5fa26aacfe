// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { StepTimes } from "../infer/engine/step_times.ts";
import { denoPeer } from "./programs.ts";

/** A turn of the engine as infer_cuda_steps.ts writes it down: when it ended, and its parts. */
export interface TracedTurn extends StepTimes {
  readonly atUs: number;
}

/** A bar of a timeline, in the words of the Trace Event Format. */
export interface TimelineBar {
  readonly name: string;
  /** A whole event. */
  readonly ph: "X";
  /** When it begins, in microseconds. */
  readonly ts: number;
  /** How long it takes, in microseconds. */
  readonly dur: number;
  readonly pid: number;
  /** Whose it is: {@linkcode HOST} or {@linkcode DEVICE}. */
  readonly tid: number;
}

/** Row of the engine's thread. */
export const HOST = 1;
/** Row of the GPU. */
export const DEVICE = 2;

/** The engine's own share of the time at batch 1 that is not to be passed, in percent. */
const GOAL_PERCENT = 10;

/**
 * Runs an engine with one sequence and writes down what host and device did when: a file for
 * Perfetto or chrome://tracing.
 *
 * @returns shares of the time, in percent: of the engine and its calls (`engine`), and without work
 * for the device (`device_idle`)
 */
export async function makeTimeline(
  model: string,
  { timelineSeconds }: { readonly timelineSeconds: number },
  path: string,
): Promise<Record<string, unknown>> {
  const library = Deno.env.get("PHOTON_INFER_CUDA_LIBRARY") ?? "";
  const trace = await Deno.makeTempFile();
  try {
    const args = [library, model, "1", String(timelineSeconds), "greedy", trace];
    const { program, args: all } = denoPeer("infer_cuda_steps.ts", ...args);
    const command = new Deno.Command(program, {
      args: [...all],
      stdout: "null",
      stderr: "inherit",
    });
    const { success } = await command.output();
    if (!success) throw new Error("Cannot make a timeline: the engine failed");
    const lines = (await Deno.readTextFile(trace)).trim().split("\n");
    const bars = timelineOf(lines.map((line): TracedTurn => JSON.parse(line)));
    await Deno.writeTextFile(path, JSON.stringify({ traceEvents: [...rowNames(), ...bars] }));
    return { timeline: path, turns: lines.length, ...sharesOf(bars), goal_percent: GOAL_PERCENT };
  } finally {
    await Deno.remove(trace);
  }
}

/**
 * Bars of the host and of the device. The parts of a turn follow each other up to its end. The
 * device tells only how long it took for what a turn has waited for: it began when that was handed
 * to it, in the turn before, or when it was done with what came earlier.
 */
export function timelineOf(turns: readonly TracedTurn[]): TimelineBar[] {
  const bars: TimelineBar[] = [];
  const add = (name: string, tid: number, ts: number, dur: number) => {
    if (dur > 0) bars.push({ name, ph: "X", ts, dur, pid: 1, tid });
  };
  let [handedAt, deviceEnd] = [-Infinity, -Infinity];
  for (const { atUs, prepareUs, submitUs, waitUs, readUs, deviceUs } of turns) {
    let at = atUs - prepareUs - submitUs - waitUs - readUs;
    const parts = { prepare: prepareUs, submit: submitUs, wait: waitUs, read: readUs };
    for (const [name, us] of Object.entries(parts)) {
      add(name, HOST, at, us);
      at += us;
    }
    if (deviceUs > 0) {
      // It may have begun while it was still handed over; nobody knows of the first turn's.
      const waitedUntil = atUs - readUs;
      const begin = Math.max(handedAt, deviceEnd);
      deviceEnd = begin === -Infinity ? waitedUntil : Math.min(begin + deviceUs, waitedUntil);
      add("step", DEVICE, deviceEnd - deviceUs, deviceUs);
    }
    handedAt = atUs - readUs - waitUs;
  }
  return bars;
}

function rowNames(): Record<string, unknown>[] {
  const name = (tid: number, name: string) => ({
    ...{ name: "thread_name", ph: "M", pid: 1, tid, args: { name } },
  });
  return [name(HOST, "engine"), name(DEVICE, "GPU")];
}

/** How the time from the first bar to the end of the last is shared. */
function sharesOf(bars: readonly TimelineBar[]): Record<string, number> {
  const host = bars.filter(({ tid }) => tid === HOST);
  const begin = host[0]!.ts;
  const end = host.at(-1)!.ts + host.at(-1)!.dur;
  const percent = (some: readonly TimelineBar[]) => {
    // What the device did before the first turn is no part of it.
    const us = some.reduce((sum, { ts, dur }) => sum + dur - Math.max(0, begin - ts), 0);
    return Math.round(1000 * us / (end - begin)) / 10;
  };
  const device = percent(bars.filter(({ tid }) => tid === DEVICE));
  return {
    engine_percent: percent(host.filter(({ name }) => name !== "wait")),
    device_idle_percent: Math.round(10 * (100 - device)) / 10,
  };
}
