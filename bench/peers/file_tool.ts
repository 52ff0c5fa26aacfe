// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Measures a program that works on files and ends. Arguments: `fio` or `time`, what one run moves
// in bytes, the program and its arguments.

const [mode, byteLength, program, ...args] = Deno.args;

if (mode === "fio") {
  console.log("measuring");
  const report = JSON.parse(await output());
  const { total_ios: operations, io_bytes: bytes, runtime } = report.jobs[0].read;
  const job = report.jobs[0];
  const cpuUs = (job.usr_cpu + job.sys_cpu) / 100 * runtime * 1000;
  console.log(JSON.stringify({ operations, bytes, seconds: runtime / 1000, cpuUs }));
} else {
  await output();
  console.log("measuring");
  const start = performance.now();
  let operations = 0;
  do {
    await output();
    operations++;
  } while (performance.now() - start < 1000);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ operations, bytes: operations * Number(byteLength), seconds }));
}

async function output(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
