// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Measures a program that works on files and ends. Arguments: `fio`, `dd` or `time`, what one run
// moves in bytes, a file to remove before each run or nothing, the program and its arguments. fio
// and dd tell their time themselves; of other runs than fio's the fastest counts, see file_work.ts.

import { TIMED_STEPS_MIN } from "./file_work.ts";

const [mode, byteLength, target, program, ...args] = Deno.args;

if (mode === "fio") {
  console.log("measuring");
  const report = JSON.parse((await run()).stdout);
  const { total_ios: operations, io_bytes: bytes, runtime } = report.jobs[0].read;
  const job = report.jobs[0];
  const cpuUs = (job.usr_cpu + job.sys_cpu) / 100 * runtime * 1000;
  console.log(JSON.stringify({ operations, bytes, seconds: runtime / 1000, cpuUs }));
} else {
  await run();
  console.log("measuring");
  const start = performance.now();
  let operations = 0;
  let fastest = Infinity;
  do {
    if (target !== "") await Deno.remove(target!).catch(() => {});
    const begun = performance.now();
    const { stderr } = await run();
    const told = mode === "dd" ? /, ([\d.e-]+) s, /.exec(stderr)?.[1] : undefined;
    fastest = Math.min(fastest, Number(told ?? (performance.now() - begun) / 1000));
    operations++;
  } while (performance.now() - start < 1000 || operations < TIMED_STEPS_MIN);
  const bytes = operations * Number(byteLength);
  console.log(JSON.stringify({ operations, bytes, seconds: operations * fastest }));
}

async function run(): Promise<{ stdout: string; stderr: string }> {
  const env = { LC_ALL: "C" };
  const { success, stdout, stderr } = await new Deno.Command(program!, { args, env }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program}: ${decoder.decode(stderr)}`);
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
