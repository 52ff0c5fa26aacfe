// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Arguments: path of @grpc/grpc-js, port, bytes of a message, calls in flight, seconds.

import { pathToFileURL } from "node:url";
import process from "node:process";

const WARMUP_MS = 500;
const TIMED_SHARE = 8;

const { default: grpc } = await import(pathToFileURL(process.argv[2]).href);
const [port, size, depth, seconds] = process.argv.slice(3).map(Number);
const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
const same = (bytes) => bytes;
const data = Buffer.alloc(size, 120);
const call = () =>
  new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      "/echo/echo",
      same,
      same,
      data,
      (error, reply) => error ? reject(error) : resolve(reply),
    )
  );

async function loop(durationMs, timesUs) {
  const end = performance.now() + durationMs;
  let count = 0;
  let running = true;
  const share = depth === 1 ? 1 : TIMED_SHARE;
  const run = async () => {
    for (let index = 0; running; index++) {
      const start = performance.now();
      await call();
      count++;
      if (index % share > 0) continue;
      const now = performance.now();
      timesUs?.push((now - start) * 1000);
      running &&= now < end;
    }
  };
  await Promise.all(Array.from({ length: depth }, run));
  return count;
}

await loop(WARMUP_MS, null);
console.log("measuring");
const timesUs = [];
const start = performance.now();
const calls = await loop(seconds * 1000, timesUs);
const took = (performance.now() - start) / 1000;
timesUs.sort((a, b) => a - b);
const at = (share) => timesUs[Math.max(0, Math.ceil(share * timesUs.length) - 1)] ?? 0;
console.log(JSON.stringify({ calls, seconds: took, size, p50Us: at(0.5), p99Us: at(0.99) }));
process.exit(0);
