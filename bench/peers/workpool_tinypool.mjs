// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Calls by npm's tinypool in Node: path of the package, then the arguments of workpool_load.ts.

const [path, mode, workers, depth, seconds] = process.argv.slice(2);
const { default: Tinypool } = await import(path);
const pool = new Tinypool({
  filename: new URL("workpool_tinypool_worker.mjs", import.meta.url).href,
  minThreads: Number(workers),
  maxThreads: Number(workers),
  concurrentTasksPerWorker: 64,
});
const step = mode === "work"
  ? () => pool.run(null, { name: "work" })
  : (index) => pool.run([index, 1], { name: "add" });

await loop(500, []);
console.log("measuring");
const cpu = process.cpuUsage();
const start = performance.now();
const timesUs = [];
const calls = await loop(Number(seconds) * 1000, timesUs);
const took = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpu);
timesUs.sort((a, b) => a - b);
const at = (share) => timesUs[Math.max(0, Math.ceil(share * timesUs.length) - 1)] ?? 0;
await pool.destroy();
console.log(JSON.stringify({
  ...{ calls, seconds: took, cpuUs: user + system, p50Us: at(0.5), p99Us: at(0.99) },
}));

async function loop(durationMs, times) {
  const end = performance.now() + durationMs;
  let count = 0;
  let running = true;
  const run = async () => {
    for (let index = 0; running; index++) {
      const start = performance.now();
      await step(index);
      count++;
      if (index % 8 > 0) continue;
      const now = performance.now();
      times.push((now - start) * 1000);
      running &&= now < end;
    }
  };
  await Promise.all(Array.from({ length: Number(depth) }, run));
  return count;
}
