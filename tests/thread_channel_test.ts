// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  Channel,
  ChannelClosedError,
  receiveCase,
  select,
  sendCase,
  spawn,
  trySelect,
  type WaitOptions,
  yieldNow,
} from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

const RUNS = 100;

Deno.test("channel.BufferedChannelFull: trySend() refuses, send() waits", async () => {
  const channel = new Channel<number>(2);
  assert(channel.trySend(1) && channel.trySend(2));
  assertFalse(channel.trySend(3));
  const sending = channel.send(3);
  assertEquals([channel.size, channel.senders], [2, 1]);
  assertEquals(await channel.receive(), 1);
  await sending;
  assertEquals([channel.tryReceive(), channel.tryReceive()], [2, 3]);
  assertEquals(channel.tryReceive(), undefined);
});

Deno.test("channel.UnbufferedChannelTrySendFails: without a receiver", async () => {
  const channel = new Channel<number>();
  assertFalse(channel.trySend(1));
  const receiving = channel.receive();
  assert(channel.trySend(2));
  assertEquals(await receiving, 2);
});

Deno.test("channel.SendTimeoutOnFull: the value is not sent later", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1);
  await assertRejects(() => channel.send(2, { timeoutMs: 2 }), Deno.errors.TimedOut);
  assertEquals(channel.tryReceive(), 1);
  assertFalse(channel.ready);
});

Deno.test("channel.RecvFromClosedEmptyChannel: what was sent is received first", async () => {
  const channel = new Channel<string>(2);
  await channel.send("a");
  channel.close();
  assertEquals(await channel.receive(), "a");
  await assertRejects(() => channel.receive(), ChannelClosedError, "the channel is closed");
  const error = await channel.receive().catch((error) => error);
  assertEquals([error.name, error.code], ["ChannelClosedError", "ECHANNELCLOSED"]);
  await assertRejects(() => channel.send("b"), ChannelClosedError);
  assertFalse(channel.trySend("b"));
});

Deno.test("channel.DoubleClose: does nothing", () => {
  const channel = new Channel();
  channel.close();
  channel.close();
  assert(channel.closed);
});

Deno.test("Channel.close() tells who waits", async () => {
  const empty = new Channel<number>();
  const receiving = assertRejects(() => empty.receive(), ChannelClosedError);
  const iterating = Array.fromAsync(empty);
  const full = new Channel<number>();
  const sending = assertRejects(() => full.send(1), ChannelClosedError);
  empty.close();
  full.close();
  await Promise.all([receiving, sending]);
  assertEquals(await iterating, []);
});

Deno.test("channel.PingPong: two tasks take turns", async () => {
  const ping = new Channel<number>();
  const pong = new Channel<number>();
  const player = spawn(async () => {
    for await (const n of ping) await pong.send(n + 1);
  });
  let n = 0;
  for (let i = 0; i < 100; i++) {
    await ping.send(n);
    n = await pong.receive();
  }
  ping.close();
  await player.join();
  assertEquals(n, 100);
});

Deno.test("Channel hands on undefined as any other value", async () => {
  const channel = new Channel<undefined>(1);
  await channel.send(undefined);
  assert(channel.ready);
  channel.close();
  assertEquals(await Array.fromAsync(channel), [undefined]);
});

Deno.test("Channel refuses capacities that are none", () => {
  for (const capacity of [-1, 0.5, NaN, 2 ** 25]) {
    assertThrows(() => new Channel(capacity), RangeError, "capacity");
  }
});

Deno.test("Channel.receive() serves who waits longest", async () => {
  const channel = new Channel<number>();
  const receiving = [0, 1, 2].map(() => channel.receive());
  for (const n of [0, 1, 2]) await channel.send(n);
  assertEquals(await Promise.all(receiving), [0, 1, 2]);
});

Deno.test("select() stands in no queue when it is over", async () => {
  const channels = [new Channel<number>(), new Channel<number>(), new Channel<number>()];
  const selecting = select([
    ...channels.map(receiveCase),
    sendCase(channels[2], 1),
  ]);
  assertEquals(channels.map(({ receivers }) => receivers), [1, 1, 1]);
  await channels[1].send(7);
  assertEquals(await selecting, { index: 1, value: 7, closed: false });
  assertEquals(channels.map(({ receivers, senders }) => receivers + senders), [0, 0, 0]);
});

Deno.test("select() notices that a channel is closed, before and while it waits", async () => {
  const channel = new Channel<number>();
  const receiving = select([receiveCase(channel)]);
  const sending = select([sendCase(channel, 1)]).catch(() => undefined);
  assertEquals((await Promise.all([receiving, sending]))[0].value, 1);
  const waiting = select([receiveCase(channel)]);
  channel.close();
  assertEquals(await waiting, { index: 0, value: undefined, closed: true });
  assertEquals(trySelect([sendCase(channel, 1)]), { index: 0, value: undefined, closed: true });
});

Deno.test("select() with two that face each other lets both go on", async () => {
  const channel = new Channel<string>();
  const other = new Channel<string>();
  const sending = select([sendCase(channel, "a"), receiveCase(other)]);
  assertEquals(await select([receiveCase(channel), receiveCase(other)]), {
    index: 0,
    value: "a",
    closed: false,
  });
  assertEquals((await sending).index, 0);
});

Deno.test("select() does not prefer a channel that is always ready", async () => {
  const channels = [new Channel<number>(1_000), new Channel<number>(1_000)];
  const counts = [0, 0];
  for (let i = 0; i < 1_000; i++) for (const channel of channels) channel.trySend(i);
  for (let i = 0; i < 1_000; i++) counts[(await select(channels.map(receiveCase))).index]++;
  assert(Math.min(...counts) > 300, `${counts}`);
});

Deno.test("select() refuses to wait for nothing", async () => {
  await assertRejects(() => select([]), TypeError, "no case");
  assertEquals(trySelect([]), undefined);
});

leakTest(
  "channel.MultipleProducersConsumers: each value once, each producer in order",
  async () => {
    const counts = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4 }), counts, fc.integer({ min: 1, max: 4 }), exchange),
      { numRuns: RUNS },
    );
  },
);

interface Parcel {
  readonly producer: number;
  readonly number: number;
}

/** Producers send so many parcels each; consumers iterate. */
async function exchange(capacity: number, counts: number[], consumers: number): Promise<void> {
  const channel = new Channel<Parcel>(capacity);
  const received = Array.from({ length: consumers }, () => Array.fromAsync(channel));
  await Promise.all(counts.map(async (count, producer) => {
    for (let number = 0; number < count; number++) {
      await channel.send({ producer, number });
      if (number % 3 === 0) await yieldNow();
    }
  }));
  channel.close();
  const parcels = await Promise.all(received);
  for (const own of parcels) assertInOrder(own);
  assertEquals(parcels.flat().length, counts.reduce((sum, count) => sum + count, 0));
  assertEquals(new Set(parcels.flat()).size, parcels.flat().length);
}

function assertInOrder(parcels: readonly Parcel[]): void {
  const last = new Map<number, number>();
  for (const { producer, number } of parcels) {
    assert(number > (last.get(producer) ?? -1));
    last.set(producer, number);
  }
}

leakTest("channel.SelectFanIn: select() neither loses nor doubles, whoever gives up", async () => {
  await fc.assert(fc.asyncProperty(fc.array(actor, { maxLength: 40 }), fanIn), { numRuns: RUNS });
});

/** One who selects among channels, to send or to receive, and may give up. */
const actor = fc.record({
  sends: fc.boolean(),
  channels: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1 }),
  givesUp: fc.constantFrom("no", "timeout", "abort", "cancel"),
  steps: fc.nat({ max: 4 }),
});

type Actor = typeof actor extends fc.Arbitrary<infer A> ? A : never;

async function fanIn(actors: readonly Actor[]): Promise<void> {
  const channels = [new Channel<number>(), new Channel<number>(1), new Channel<number>(3)];
  const sent: number[] = [];
  const received: number[] = [];
  const acting = actors.map(async (actor, id) => {
    for (let i = 0; i < actor.steps; i++) await yieldNow();
    const cases = actor.channels.map((index) =>
      actor.sends ? sendCase(channels[index], id) : receiveCase(channels[index])
    );
    const selected = await selectAs(actor, (options) => select<number>(cases, options));
    if (selected === undefined || selected.closed) return;
    if (actor.sends) sent.push(id);
    else received.push(selected.value!);
  });
  for (let i = 0; i < 20; i++) await yieldNow();
  for (const channel of channels) channel.close();
  await Promise.all(acting);
  for (const channel of channels) {
    while (channel.ready) received.push(channel.tryReceive()!);
    assertEquals([channel.senders, channel.receivers], [0, 0]);
  }
  assertEquals(received.toSorted((a, b) => a - b), sent.toSorted((a, b) => a - b));
}

/** Gives up as the actor does; undefined then. */
async function selectAs<T>(
  { givesUp, steps }: Actor,
  run: (options: WaitOptions) => Promise<T>,
): Promise<T | undefined> {
  const controller = new AbortController();
  const timeoutMs = givesUp === "timeout" ? steps / 10 : Infinity;
  const task = spawn(() => run({ signal: controller.signal, timeoutMs }));
  // Caught at once: the time may be up before the last step.
  const outcome = task.join().catch(() => undefined);
  for (let i = 0; i < steps; i++) await yieldNow();
  if (givesUp === "abort") controller.abort();
  if (givesUp === "cancel") task.cancel();
  return await outcome;
}
