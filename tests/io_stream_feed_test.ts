// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openSocketPair } from "../ffi/socket.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { FdStream } from "../io/fd_stream.ts";
import { StreamFeed } from "../io/stream_feed.ts";
import { leakTest, type LeakTestOptions } from "./leak.ts";

const options: LeakTestOptions = { ignore: engineInfo().engine !== "uring" };

/** Two ends of a connection, one of them fed to a list. */
class Fed implements Disposable {
  readonly feed: StreamFeed;
  readonly stream: FdStream;
  readonly peer: FdStream;
  text = "";
  bytes = 0;
  end: Error | null | undefined;
  #wake = Promise.withResolvers<void>();

  constructor() {
    const engine = openEngine();
    const [left, right] = openSocketPair("nonblocking");
    this.stream = new FdStream(engine, left, "socket");
    this.peer = new FdStream(engine, right, "socket");
    this.feed = new StreamFeed(engine, this.stream, true, {
      take: (bytes, start, end) => {
        this.bytes += end - start;
        if (end - start < 100) this.text += new TextDecoder().decode(bytes.slice(start, end));
        this.#tell();
      },
      ended: (error) => {
        this.end = error;
        this.#tell();
      },
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#wake.promise;
  }

  async write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.peer.sender.write(bytes.slice(sent));
    }
  }

  [Symbol.dispose](): void {
    this.feed.stop();
    this.stream.close();
    this.peer.close();
  }

  #tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

leakTest("StreamFeed brings bytes as they come, and the end", async () => {
  using fed = new Fed();
  for (const text of ["one ", "two ", "three"]) {
    await fed.write(text);
    await fed.until(() => fed.text.endsWith(text));
  }
  fed.peer.close();
  await fed.until(() => fed.end !== undefined);
  assertEquals([fed.text, fed.end], ["one two three", null]);
}, options);

leakTest("StreamFeed.pause() makes the peer wait, resume() goes on", async () => {
  using fed = new Fed();
  await fed.write("a");
  await fed.until(() => fed.text === "a");
  fed.feed.pause();
  fed.feed.pause();
  const engine = openEngine();
  await engine.whenIdle();
  await fed.write("b");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(fed.text, "a");
  fed.feed.resume();
  await fed.until(() => fed.text === "ab");
}, options);

leakTest("StreamFeed brings bulk data in large blocks, and small messages after", async () => {
  using fed = new Fed();
  const total = 3_000_000;
  await Promise.all([fed.write("x".repeat(total)), fed.until(() => fed.bytes === total)]);
  await fed.write("end");
  await fed.until(() => fed.bytes === total + 3);
  assert(fed.text.endsWith("end"));
}, options);

leakTest("StreamFeed.expectBulk() brings large pieces, until no more is expected", async () => {
  using fed = new Fed();
  const total = 3_000_000;
  fed.feed.expectBulk(total);
  await Promise.all([fed.write("x".repeat(total)), fed.until(() => fed.bytes === total)]);
  await fed.write("still bulk");
  await fed.until(() => fed.bytes === total + 10);
  fed.feed.expectBulk(0);
  await fed.write("end");
  await fed.until(() => fed.bytes === total + 13);
  assert(fed.text.endsWith("still bulkend"));
  fed.feed.expectBulk(total);
  fed.peer.close();
  await fed.until(() => fed.end !== undefined);
  assertEquals(fed.end, null);
}, options);

leakTest("StreamFeed puts bulk data where there is room, and brings the rest", async () => {
  using fed = new Fed();
  const room = new Uint8Array(20_000);
  let filled = 0;
  fed.feed.redirect({
    take: (_, start, end) => void (fed.bytes += end - start),
    ended() {},
    room: () => filled < room.length ? room.subarray(filled) : null,
    filled: (byteLength) => {
      filled += byteLength;
      if (filled === room.length) fed.feed.pause();
    },
  });
  fed.feed.expectBulk(50_000);
  // The standing receive ends first.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await fed.write("x".repeat(50_000));
  const endMs = performance.now() + 5000;
  const until = async (done: () => boolean) => {
    while (!done() && performance.now() < endMs) await new Promise((go) => setTimeout(go, 1));
  };
  await until(() => filled === 20_000);
  assertEquals([filled, fed.bytes, room.every((byte) => byte === 0x78)], [20_000, 0, true]);
  fed.feed.resume();
  await until(() => fed.bytes >= 30_000);
  assertEquals([filled, fed.bytes], [20_000, 30_000]);
}, options);

leakTest("StreamFeed.stop() while bulk data comes gives the receiver back", async () => {
  using fed = new Fed();
  fed.feed.expectBulk(1_000_000);
  await fed.write("first");
  await fed.until(() => fed.text === "first");
  await new Promise<void>((resolve) => fed.feed.stop(resolve));
  await fed.write("second");
  assertEquals(await fed.stream.receiver.read(new Uint8Array(10)), 6);
}, options);

leakTest("StreamFeed.stop() gives the receiver back, with what came before brought", async () => {
  using fed = new Fed();
  await fed.write("first");
  await fed.until(() => fed.text === "first");
  await new Promise<void>((resolve) => fed.feed.stop(resolve));
  await fed.write("second");
  const buffer = new Uint8Array(10);
  assertEquals(await fed.stream.receiver.read(buffer), 6);
  assertEquals(fed.text, "first");
}, options);

leakTest("StreamFeed refuses a stream that is being read", async () => {
  using fed = new Fed();
  const engine = openEngine();
  assertThrows(
    () => new StreamFeed(engine, fed.stream, true, { take() {}, ended() {} }),
    Deno.errors.Busy,
  );
  const reading = fed.peer.receiver.read(new Uint8Array(1));
  assertThrows(
    () => new StreamFeed(engine, fed.peer, true, { take() {}, ended() {} }),
    Deno.errors.Busy,
  );
  await fed.stream.sender.write(new Uint8Array(1));
  await reading;
}, options);

leakTest("Sender.offer(), reserve() and commit() queue without a promise", async () => {
  using fed = new Fed();
  const { sender } = fed.peer;
  const { pool } = openEngine();
  assertEquals(sender.offer(new TextEncoder().encode("abc")), 3);
  for (const text of ["d", "ef"]) {
    const at = sender.reserve(4000);
    assert(at >= 0);
    sender.commit(new TextEncoder().encodeInto(text, pool.bytes.subarray(at)).written);
  }
  await fed.until(() => fed.text === "abcdef");
  const kept = sender.offer(new Uint8Array(1_000_000));
  assert(kept > 0 && kept < 1_000_000);
  await fed.until(() => fed.bytes === 6 + kept);
  fed.peer.close();
  await fed.until(() => fed.end !== undefined);
}, options);
