// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Named as the out-of-order tests of C++ PhotonLibOS (rpc/test/test-ooo.cpp).
import { assertEquals, assertRejects } from "@std/assert";
import { OutOfOrder } from "../rpc/mod.ts";
import { spawn, yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

/** A transport that answers what it is told to, when it is told to. */
class Transport {
  readonly sent: number[] = [];
  readonly calls: OutOfOrder<string>;
  readonly givenUp: number[] = [];
  reads = 0;
  #completions: number[] = [];
  #wake: (() => void) | null = null;

  constructor() {
    this.calls = new OutOfOrder({
      read: () => this.#read(),
      givenUp: (tag) => this.givenUp.push(tag),
    });
  }

  call(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<string> {
    return this.calls.issue((tag) => void this.sent.push(tag), options);
  }

  answer(tag: number): void {
    this.#completions.push(tag);
    this.#wake?.();
  }

  async #read(): Promise<void> {
    this.reads++;
    if (this.#completions.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    for (const tag of this.#completions.splice(0)) this.calls.complete(tag, `reply ${tag}`);
  }
}

leakTest(
  "ooo.Execution: replies find their calls in any order, and one reads for all",
  async () => {
    const transport = new Transport();
    const replies = [transport.call(), transport.call(), transport.call()];
    for (const tag of transport.sent.toReversed()) transport.answer(tag);
    assertEquals(await Promise.all(replies), transport.sent.map((tag) => `reply ${tag}`));
    assertEquals([transport.reads, transport.calls.size], [1, 0]);
  },
);

leakTest("ooo.keep_same_tag: a tag is its call's alone until the call is over", async () => {
  const transport = new Transport();
  const first = transport.call();
  const others = Array.from({ length: 100 }, () => transport.call());
  assertEquals(new Set(transport.sent).size, 101);
  for (const tag of transport.sent) transport.answer(tag);
  assertEquals(await first, `reply ${transport.sent[0]}`);
  await Promise.all(others);
});

leakTest("ooo.heavy_test: 10 000 calls of 100 tasks each get their own reply", async () => {
  const transport = new Transport();
  let answering = true;
  const answers = spawn(async () => {
    while (answering) {
      const tags = transport.sent.splice(0).sort(() => Math.random() - 0.5);
      for (const tag of tags) transport.answer(tag);
      await yieldNow();
    }
  });
  let right = 0;
  await Promise.all(Array.from({ length: 100 }, async () => {
    for (let index = 0; index < 100; index++) {
      let own = -1;
      const reply = await transport.calls.issue((tag) => void (transport.sent.push(own = tag)));
      if (reply === `reply ${own}`) right++;
    }
  }));
  answering = false;
  await answers.join();
  assertEquals(right, 10_000);
});

leakTest("ooo.error_issue: a call that cannot be sent fails alone", async () => {
  const transport = new Transport();
  const other = transport.call();
  await assertRejects(
    () =>
      transport.calls.issue(() => {
        throw new Error("full");
      }),
    Error,
    "full",
  );
  const later = () => transport.calls.issue(() => Promise.reject(new Error("gone")));
  await assertRejects(later, Error, "gone");
  transport.answer(transport.sent[0]);
  await other;
});

leakTest(
  "ooo.error_complete: reading that fails ends all calls, and later ones begin anew",
  async () => {
    let broken = true;
    const calls = new OutOfOrder<string>({
      read: () => broken ? Promise.reject(new Error("broken")) : Promise.resolve(complete()),
    });
    const tags: number[] = [];
    const complete = () => void calls.complete(tags.at(-1)!, "late");
    const send = (tag: number) => void tags.push(tag);
    const failing = [calls.issue(send), calls.issue(send)];
    for (const call of failing) await assertRejects(() => call, Error, "broken");
    broken = false;
    assertEquals(await calls.issue(send), "late");
  },
);

leakTest("ooo.error_process: a reply that is an error fails its call only", async () => {
  const transport = new Transport();
  const [bad, good] = [transport.call(), transport.call()];
  transport.calls.fail(transport.sent[0], new Error("refused"));
  transport.answer(transport.sent[1]);
  await assertRejects(() => bad, Error, "refused");
  assertEquals(await good, `reply ${transport.sent[1]}`);
});

leakTest("ooo.error_same_tag: a second reply with a tag disturbs nobody", async () => {
  const transport = new Transport();
  const [one, other] = [transport.call(), transport.call()];
  const [tag, otherTag] = transport.sent;
  assertEquals(transport.calls.complete(tag, "first"), true);
  assertEquals(transport.calls.complete(tag, "second"), false);
  assertEquals(await one, "first");
  transport.answer(otherTag);
  assertEquals(await other, `reply ${otherTag}`);
});

leakTest("ooo.error_change_arg: a reply with a tag that nobody has disturbs nobody", async () => {
  const transport = new Transport();
  const call = transport.call();
  assertEquals(transport.calls.complete(transport.sent[0] + 1000, "whose"), false);
  transport.answer(transport.sent[0]);
  assertEquals(await call, `reply ${transport.sent[0]}`);
});

leakTest(
  "ooo.error_thread_become_NULL: who gave up is told nothing, and its neighbours all",
  async () => {
    const transport = new Transport();
    const controller = new AbortController();
    const late = assertRejects(() => transport.call({ timeoutMs: 1 }), Deno.errors.TimedOut);
    const aborted = transport.call({ signal: controller.signal });
    const cancelled = spawn(() => transport.call());
    await yieldNow();
    const patient = transport.call();
    controller.abort(new Error("enough"));
    cancelled.cancel();
    // At once: whichever is over first must find somebody who waits for it.
    await Promise.all([
      late,
      assertRejects(() => aborted, Error, "enough"),
      assertRejects(() => cancelled.join()),
    ]);
    assertEquals(transport.givenUp.length, 3);
    for (const tag of transport.sent) transport.answer(tag);
    assertEquals(await patient, `reply ${transport.sent.at(-1)}`);
    assertEquals(transport.calls.size, 0);
  },
);

leakTest(
  "OutOfOrder.issue() rejects with Busy beyond its bound, and with an abort before",
  async () => {
    const calls = new OutOfOrder<void>({ callsMax: 1 });
    const first = calls.issue(() => {});
    await assertRejects(() => calls.issue(() => {}), Deno.errors.Busy);
    calls.failAll(new Error("over"));
    await assertRejects(() => first, Error, "over");
    const signal = AbortSignal.abort(new Error("before"));
    let sent = false;
    await assertRejects(() => calls.issue(() => void (sent = true), { signal }), Error, "before");
    assertEquals(sent, false);
  },
);
