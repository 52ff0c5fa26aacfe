// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import {
  CHANNEL_WAITERS_MAX,
  openWorkChannel,
  WorkChannel,
  workChannel,
} from "../io/work_channel.ts";
import { WakeKind } from "../io/work_wake.ts";
import { leakTest } from "./leak.ts";

leakTest("receive() waits for a message", async () => {
  using pair = opened<string>();
  const received = pair.right.receive();
  await pair.left.send("here");
  assertEquals(await received, "here");
});

leakTest("receive() gives undefined when the other side has closed", async () => {
  using pair = opened<number>();
  await pair.left.send(1);
  pair.left.close();
  assertEquals(await pair.right.receive(), 1);
  assertEquals(await pair.right.receive(), undefined);
});

leakTest("receive() that is aborted takes no message", async () => {
  using pair = opened<number>();
  const controller = new AbortController();
  const received = pair.right.receive({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => received, Error, "enough");
  await pair.left.send(1);
  assertEquals(await pair.right.receive(), 1);
});

leakTest("send() waits for room, and goes on in order", async () => {
  using pair = opened<number[]>(1024);
  const sent = Array.from({ length: 200 }, (_, index) => pair.left.send([index, 1, 2, 3]));
  for (let index = 0; index < 200; index++) {
    assertEquals(await pair.right.receive(), [index, 1, 2, 3]);
  }
  await Promise.all(sent);
});

leakTest("send() is refused with Busy when too many wait", async () => {
  using pair = opened<Uint8Array>(1024);
  const bytes = new Uint8Array(400);
  const sent: Promise<void>[] = [];
  for (let count = 0; count < CHANNEL_WAITERS_MAX + 2; count++) sent.push(pair.left.send(bytes));
  const refused = assertRejects(() => pair.left.send(bytes), Deno.errors.Busy);
  const settled = Promise.allSettled(sent);
  await refused;
  pair.left.close();
  assertEquals((await settled).filter(({ status }) => status === "fulfilled").length, 2);
});

leakTest("send() rejects with TypeError for what cannot travel", async () => {
  using pair = opened<unknown>(1024);
  await assertRejects(() => pair.left.send(new Map()), TypeError);
  await assertRejects(() => pair.left.send(new Uint8Array(1000)), TypeError);
});

leakTest("send() rejects with BrokenPipe when the other side has closed", async () => {
  using pair = opened<Uint8Array>(1024);
  const bytes = new Uint8Array(400);
  await pair.left.send(bytes);
  await pair.left.send(bytes);
  const waiting = assertRejects(() => pair.left.send(bytes), Deno.errors.BrokenPipe);
  pair.right.close();
  await waiting;
  await assertRejects(() => pair.left.send(bytes), Deno.errors.BrokenPipe);
});

leakTest("close() rejects what waits on its own side", async () => {
  using pair = opened<number>();
  const received = assertRejects(() => pair.right.receive(), Deno.errors.BadResource);
  pair.right.close();
  await received;
});

for (const [name, kind] of Object.entries(WakeKind)) {
  leakTest(`a reader that sleeps is woken: ${name}`, async () => {
    if (engineInfo().engine === "deno" && kind !== WakeKind.notify) return;
    const [one, other] = workChannel();
    using left = new WorkChannel<number>(one, kind);
    using right = new WorkChannel<number>(other, kind);
    for (let round = 0; round < 50; round++) {
      const received = right.receive();
      await new Promise((resolve) => setTimeout(resolve, round % 5));
      await left.send(round);
      assertEquals(await received, round);
    }
  });
}

function opened<T>(capacityBytes?: number) {
  const [one, other] = workChannel(capacityBytes === undefined ? {} : { capacityBytes });
  const [left, right] = [openWorkChannel<T>(one), openWorkChannel<T>(other)];
  return {
    left,
    right,
    [Symbol.dispose]() {
      left.close();
      right.close();
    },
  };
}
