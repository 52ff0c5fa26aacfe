// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The Redis section of the demo: a private server, and what the client does with it.

import { connect, type RedisClient } from "../redis/client.ts";
import { startServer } from "../redis/embedded.ts";
import { subscribe } from "../redis/subscriber.ts";

/** Reads that are kept on their way at once. */
const IN_FLIGHT = 512;
const KEYS = 1000;
const MESSAGES = 1000;

/** Runs the section and gives its lines; where `redis-server` is not installed it says so. */
export async function demoRedis(seconds: number): Promise<string> {
  let server;
  try {
    server = await startServer();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `Redis: left out. ${error.message}`;
  }
  await using _stopped = server;
  await using client = await connect(server.url);
  const version = /redis_version:(\S+)/.exec(await client.info("server"))?.[1];
  const entries = Array.from({ length: KEYS }, (_, i) => [`key:${i}`, `value ${i}`] as const);
  await client.mset(entries);
  const many = await reads(client, IN_FLIGHT, seconds);
  const one = await reads(client, 1, seconds);
  return [
    `Redis ${version} on a Unix socket, every value checked`,
    `  GET, ${IN_FLIGHT} in flight   ${rate(many)}`,
    `  GET, one in flight   ${rate(one)}`,
    `  counter, 100 transactions of two      ${await transactions(client)}`,
    `  ${MESSAGES} messages published and received   ${await messages(client)}`,
  ].join("\n");
}

/** Reads of so many lanes within so many seconds, a second. */
async function reads(client: RedisClient, lanes: number, seconds: number): Promise<number> {
  let [count, isOver] = [0, false];
  const start = performance.now();
  setTimeout(() => isOver = true, seconds * 1000);
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let i = lane; !isOver; i++) {
      const value = await client.get(`key:${i % KEYS}`);
      if (value !== `value ${i % KEYS}`) throw new Error(`GET key:${i % KEYS} gave ${value}`);
      count++;
    }
  }));
  return count / ((performance.now() - start) / 1000);
}

async function transactions(client: RedisClient): Promise<string> {
  const runs = Array.from(
    { length: 100 },
    () => client.transaction((t) => [t.incr("left"), t.decr("right")]),
  );
  const sums = await Promise.all(runs);
  const isRight = sums.every(([left, right]) => left + right === 0);
  if (!isRight) throw new Error("A transaction was not executed as one");
  return `left ${sums.at(-1)![0]}, right ${sums.at(-1)![1]}`;
}

async function messages(client: RedisClient): Promise<string> {
  await using news = await subscribe(client, "news");
  const start = performance.now();
  for (let i = 0; i < MESSAGES; i++) client.publish("news", `${i}`);
  let next = 0;
  for await (const { message } of news) {
    if (message !== `${next}`) throw new Error(`Message ${next} was ${message}`);
    if (++next === MESSAGES) break;
  }
  return `in order, ${(performance.now() - start).toFixed(1)} ms`;
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString("en")} a second`.padStart(20);
}
