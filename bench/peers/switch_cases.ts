// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { Channel, Mutex, spawn, yieldNow } from "../../thread/mod.ts";

/** Does one thing so many times, one after the other. */
export type Loop = (count: number) => Promise<void>;

/** What is measured: with this library, and as a program without it would do something alike. */
export interface SwitchCase {
  /** With this library. */
  readonly ours: Loop;
  /** The baseline. */
  readonly await: Loop;
}

/** Every case of the suite `switch`, by its name in the table. */
export const switchCases: Record<string, SwitchCase> = {
  "spawn and join": { ours: spawnAndJoin, await: awaitCall },
  "channel hop": { ours: channelHop, await: awaitFulfilled },
  "channel of 64, for await": { ours: channelIterate, await: awaitFulfilled },
  "mutex, lock and unlock": { ours: lockAndUnlock, await: awaitFulfilled },
  "mutex, using": { ours: lockUsing, await: awaitFulfilled },
  "mutex hand-over": { ours: handOver, await: awaitFulfilled },
  "yieldNow, 1 task": { ours: yieldAlone, await: awaitFulfilled },
  "yieldNow, 1 000 tasks": { ours: yieldTogether, await: awaitFulfilled },
};

const YIELDERS = 1_000;
const fulfilled = Promise.resolve();

async function awaitFulfilled(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await fulfilled;
}

async function awaitCall(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nothing();
}

async function nothing(): Promise<void> {}

async function spawnAndJoin(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await spawn(nothing).join();
}

/** There and back between two tasks is two hops. */
async function channelHop(count: number): Promise<void> {
  const there = new Channel<number>();
  const back = new Channel<number>();
  const peer = spawn(async () => {
    for (let i = 0; i < count / 2; i++) await back.send(await there.receive());
  });
  for (let i = 0; i < count / 2; i++) {
    await there.send(i);
    await back.receive();
  }
  await peer.join();
}

async function channelIterate(count: number): Promise<void> {
  const channel = new Channel<number>(64);
  const receiver = spawn(async () => {
    for await (const _ of channel);
  });
  for (let i = 0; i < count; i++) await channel.send(i);
  channel.close();
  await receiver.join();
}

async function lockAndUnlock(count: number): Promise<void> {
  const mutex = new Mutex();
  for (let i = 0; i < count; i++) (await mutex.lock()).unlock();
}

async function lockUsing(count: number): Promise<void> {
  const mutex = new Mutex();
  for (let i = 0; i < count; i++) {
    using _lock = await mutex.lock();
  }
}

/** Two tasks that always wait for each other. */
async function handOver(count: number): Promise<void> {
  const mutex = new Mutex();
  const visit = async () => {
    for (let i = 0; i < count / 2; i++) {
      const lock = await mutex.lock();
      await fulfilled;
      lock.unlock();
    }
  };
  await Promise.all([visit(), visit()]);
}

async function yieldAlone(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await yieldNow();
}

async function yieldTogether(count: number): Promise<void> {
  await Promise.all(Array.from({ length: YIELDERS }, () => yieldAlone(count / YIELDERS)));
}
