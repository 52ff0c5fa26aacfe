// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";

/** On which CPUs a server and its load run. */
export interface Placement {
  /** Where, in words, for the head of the table. */
  readonly note: string;
  /** The command, tied to the CPU of the measured program. */
  onServerCpu(command: CommandLine): CommandLine;
  /** The command, tied to the CPU of the load. */
  onLoadCpu(command: CommandLine): CommandLine;
}

/** Leaves the choice to the kernel. */
export function anyCpu(reason: string): Placement {
  const same = (command: CommandLine) => command;
  return { note: `not pinned: ${reason}`, onServerCpu: same, onLoadCpu: same };
}

/**
 * One CPU for the server and another one for the load. Without this the kernel puts a ping-pong of
 * one connection on one CPU in some runs and on two in others, and the latency differs by five
 * times. First and last are the pair that is least likely to share a core.
 */
export async function separateCpus(): Promise<Placement> {
  const cpus = allowedCpus();
  if (cpus.length < 2) return anyCpu("fewer than two CPUs");
  if (!await canPin(cpus[0]!)) return anyCpu("no taskset");
  const [first, last] = [cpus[0]!, cpus.at(-1)!];
  return {
    note: `server on CPU ${last}, load on CPU ${first}`,
    onServerCpu: (command) => onCpu(last, command),
    onLoadCpu: (command) => onCpu(first, command),
  };
}

/** taskset(1) becomes the program it starts, so the process id stays that of the server. */
function onCpu(cpu: number, { program, args }: CommandLine): CommandLine {
  return { program: "taskset", args: ["-c", String(cpu), program, ...args] };
}

async function canPin(cpu: number): Promise<boolean> {
  const { program, args } = onCpu(cpu, { program: "true", args: [] });
  try {
    return (await new Deno.Command(program, { args: [...args], stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** CPUs that this process may use, in ascending order; none where the system does not say. */
function allowedCpus(): number[] {
  let status: string;
  try {
    status = Deno.readTextFileSync("/proc/self/status");
  } catch {
    return [];
  }
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? [];
  // "0-3,8" says 0, 1, 2, 3 and 8.
  return (list ?? "").split(",").filter((range) => range !== "").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
  });
}
