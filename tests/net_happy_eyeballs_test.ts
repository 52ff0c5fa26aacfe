// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  connectFirst,
  type ConnectFirstOptions,
  interleaveFamilies,
} from "../net/happy_eyeballs.ts";

interface Address {
  hostname: string;
}

interface Attempt extends PromiseWithResolvers<string> {
  hostname: string;
  signal: AbortSignal;
}

/** Attempts that the test ends by hand, and a clock that it moves by hand. */
class Network {
  readonly attempts: Attempt[] = [];
  readonly discarded: string[] = [];
  readonly delays: number[] = [];
  timer: (() => void) | undefined;
  readonly options: ConnectFirstOptions<Address, string> = {
    attempt: (address, signal) => {
      const attempt = { ...Promise.withResolvers<string>(), hostname: address.hostname, signal };
      this.attempts.push(attempt);
      return attempt.promise;
    },
    discard: (connection) => void this.discarded.push(connection),
    startTimer: (delayMs, callback) => {
      this.delays.push(delayMs);
      this.timer = callback;
      return () => this.timer = undefined;
    },
  };

  get tried(): string[] {
    return this.attempts.map((attempt) => attempt.hostname);
  }

  /** Lets the delay pass. */
  tick(): void {
    const timer = this.timer!;
    this.timer = undefined;
    timer();
  }

  async fail(index: number, error: Error): Promise<void> {
    this.attempts[index].reject(error);
    await settleMicrotasks();
  }
}

/** Longer than any chain of promises here. */
async function settleMicrotasks(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await null;
}

function addresses(...hostnames: string[]): Address[] {
  return hostnames.map((hostname) => ({ hostname }));
}

const MIXED = addresses("::1", "::2", "::3", "10.0.0.1", "10.0.0.2");

Deno.test("interleaveFamilies() takes families in turns, starting with the first address", () => {
  const order = interleaveFamilies(MIXED).map((address) => address.hostname);
  assertEquals(order, ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]);
});

Deno.test("interleaveFamilies() keeps every address and the order within a family", () => {
  const hostname = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(fc.array(fc.record({ hostname })), (list) => {
      const order = interleaveFamilies(list);
      const isIpv6 = (address: Address) => address.hostname.includes(":");
      assertEquals(order.filter(isIpv6), list.filter(isIpv6));
      assertEquals(order.filter((a) => !isIpv6(a)), list.filter((a) => !isIpv6(a)));
      assertEquals(order[0], list[0]);
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("connectFirst() uses one address without a timer", async () => {
  const network = new Network();
  const connected = connectFirst(addresses("10.0.0.1"), network.options);
  assertEquals(network.delays, []);
  network.attempts[0].resolve("a");
  assertEquals(await connected, "a");
});

Deno.test("connectFirst() starts the next attempt after 250 ms by default", async () => {
  const network = new Network();
  const connected = connectFirst(MIXED, network.options);
  assertEquals(network.tried, ["::1"]);
  assertEquals(network.delays, [250]);
  network.tick();
  assertEquals(network.tried, ["::1", "10.0.0.1"]);
  network.attempts[1].resolve("b");
  assertEquals(await connected, "b");
});

Deno.test("connectFirst() waits as long as attemptDelayMs says", async () => {
  const network = new Network();
  const connected = connectFirst(MIXED, { ...network.options, attemptDelayMs: 7 });
  assertEquals(network.delays, [7]);
  network.attempts[0].resolve("a");
  await connected;
});

Deno.test("connectFirst() starts the next attempt at once when one fails", async () => {
  const network = new Network();
  const connected = connectFirst(MIXED, network.options);
  await network.fail(0, new Error("refused"));
  assertEquals(network.tried, ["::1", "10.0.0.1"]);
  network.attempts[1].resolve("b");
  assertEquals(await connected, "b");
  assertEquals(network.timer, undefined);
});

Deno.test("connectFirst() goes on to the next address when an attempt throws at once", async () => {
  const network = new Network();
  let calls = 0;
  const connected = connectFirst(MIXED, {
    ...network.options,
    attempt(address, signal) {
      if (++calls < 3) throw new Error("refused");
      return network.options.attempt(address, signal);
    },
  });
  assertEquals(network.tried, ["::2"]);
  network.attempts[0].resolve("c");
  assertEquals(await connected, "c");
  assertEquals(network.timer, undefined);
});

Deno.test("connectFirst() aborts the losers and discards what they still win", async () => {
  const network = new Network();
  const connected = connectFirst(MIXED, network.options);
  network.tick();
  network.tick();
  network.attempts[1].resolve("winner");
  assertEquals(await connected, "winner");
  assertEquals(network.attempts.map((attempt) => attempt.signal.aborted), [true, false, true]);
  network.attempts[0].resolve("late");
  network.attempts[2].reject(new Error("aborted"));
  await settleMicrotasks();
  assertEquals(network.discarded, ["late"]);
  assertEquals(network.timer, undefined);
  assertEquals(network.tried.length, 3);
});

Deno.test("connectFirst() rejects with the error of the last attempt to fail", async () => {
  const network = new Network();
  const connected = connectFirst(addresses("::1", "10.0.0.1"), network.options);
  network.tick();
  const rejected = assertRejects(() => connected, Error, "slow");
  await network.fail(1, new Error("fast"));
  await network.fail(0, new Error("slow"));
  await rejected;
});

Deno.test("connectFirst() tries the first address only without autoSelectFamily", async () => {
  const network = new Network();
  const connected = connectFirst(MIXED, { ...network.options, autoSelectFamily: false });
  const rejected = assertRejects(() => connected, Error, "refused");
  await network.fail(0, new Error("refused"));
  await rejected;
  assertEquals(network.tried, ["::1"]);
  assertEquals(network.delays, []);
});

Deno.test("connectFirst() aborts its attempts and rejects when aborted", async () => {
  const network = new Network();
  const controller = new AbortController();
  const { signal } = controller;
  const connected = connectFirst(MIXED, { ...network.options, signal });
  const rejected = assertRejects(() => connected, Error, "enough");
  controller.abort(new Error("enough"));
  await rejected;
  assertEquals(network.attempts[0].signal.aborted, true);
  network.attempts[0].resolve("late");
  await settleMicrotasks();
  assertEquals(network.discarded, ["late"]);
  assertEquals(network.timer, undefined);
  assertEquals(network.tried.length, 1);
});

Deno.test("connectFirst() tries nothing when the signal is aborted already", async () => {
  const network = new Network();
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => connectFirst(MIXED, { ...network.options, signal }), Error, "before");
  assertEquals(network.tried, []);
});

Deno.test("connectFirst() rejects when there is no address", async () => {
  await assertRejects(() => connectFirst([], new Network().options), Error, "has no address");
});

Deno.test("connectFirst() leaves no timer of its own behind", async () => {
  const { startTimer: _, ...options } = new Network().options;
  const connected = connectFirst(MIXED, { ...options, attempt: () => Promise.resolve("a") });
  assertEquals(await connected, "a");
});
