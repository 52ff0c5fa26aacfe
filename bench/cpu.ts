// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** CPU time of a process, all of its threads together, in microseconds. */
export interface CpuTimes {
  /** In user mode, in steps of 10 ms. */
  readonly userUs: number;
  /** In the kernel on its behalf, in steps of 10 ms. */
  readonly systemUs: number;
  /** Both together; exact to the nanosecond where the kernel has `schedstat`. */
  readonly totalUs: number;
}

/** Microseconds of one tick of /proc/<pid>/stat: USER_HZ is 100 on every architecture of Deno's. */
const TICK_US = 10_000;

// Positions behind the name of the program in /proc/<pid>/stat, proc_pid_stat(5): fields 14 and 15.
const UTIME_INDEX = 11;
const STIME_INDEX = 12;

/**
 * What a process has used since it started; null where there is no /proc or no such process.
 *
 * The kernel scales the user and system shares, which it samples at its timer tick, to the exact
 * sum, so a window of a second of busy work holds a few per cent of noise in the shares.
 */
export function cpuTimes(pid: number): CpuTimes | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name stands in parentheses and may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const userUs = Number(fields[UTIME_INDEX]) * TICK_US;
    const systemUs = Number(fields[STIME_INDEX]) * TICK_US;
    return { userUs, systemUs, totalUs: scheduledUs(pid) ?? userUs + systemUs };
  } catch {
    return null;
  }
}

/** What was used between two readings; null when one of them is. */
export function cpuBetween(before: CpuTimes | null, after: CpuTimes | null): CpuTimes | null {
  if (before === null || after === null) return null;
  return {
    userUs: after.userUs - before.userUs,
    systemUs: after.systemUs - before.systemUs,
    totalUs: after.totalUs - before.totalUs,
  };
}

/** Sum over the living threads of the first number of schedstat: nanoseconds on a CPU. */
function scheduledUs(pid: number): number | null {
  let sumNs = 0;
  try {
    for (const thread of Deno.readDirSync(`/proc/${pid}/task`)) {
      const [onCpuNs] = Deno.readTextFileSync(`/proc/${pid}/task/${thread.name}/schedstat`)
        .split(" ");
      sumNs += Number(onCpuNs);
    }
  } catch {
    return null;
  }
  return sumNs / 1000;
}
