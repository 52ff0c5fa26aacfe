// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { openSocketPair } from "../ffi/socket.ts";
import { socketOption } from "../ffi/socket_option.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { FdStream } from "../io/fd_stream.ts";
import { LOW_WATER_BYTES, LOW_WATER_MS, LowWater } from "../io/low_water.ts";
import { leakTest, type LeakTestOptions } from "./leak.ts";

const options: LeakTestOptions = { ignore: engineInfo().engine !== "uring" };

/** A socket and its mark. */
class Marked implements Disposable {
  readonly water: LowWater;
  readonly #streams: FdStream[];

  constructor() {
    const engine = openEngine();
    this.#streams = openSocketPair("nonblocking").map((fd) => new FdStream(engine, fd, "socket"));
    this.water = new LowWater(engine, this.#streams[0]!.fd);
  }

  get bytes(): number {
    return socketOption(this.#streams[0]!.fd, "receiveLowWaterBytes");
  }

  [Symbol.dispose](): void {
    this.water.waited();
    for (const stream of this.#streams) stream.close();
  }
}

leakTest("LowWater is up while data comes fast, and no higher than what is to come", () => {
  using marked = new Marked();
  const { water } = marked;
  const marks: number[] = [];
  const wait = (leftBytes: number, cameBytes: number) => {
    water.waits(leftBytes);
    marks.push(marked.bytes);
    water.waited();
    water.came(cameBytes);
  };
  wait(1e9, 4096);
  wait(1e9, 1e6);
  wait(1e9, 1e6);
  wait(1000, 1e6);
  wait(-5, 1e6);
  wait(1e9, 1000);
  wait(1e9, 1e6);
  assertEquals(marks, [1, 1, LOW_WATER_BYTES, 1000, 1, LOW_WATER_BYTES, 1]);
  water.waits(1e9);
  water.reset();
  assertEquals(marked.bytes, 1);
}, options);

leakTest("LowWater falls when the wait is long", async () => {
  using marked = new Marked();
  marked.water.came(1e6);
  marked.water.waits(1e9);
  assertEquals(marked.bytes, LOW_WATER_BYTES);
  const endMs = performance.now() + 1000 * LOW_WATER_MS;
  while (marked.bytes > 1 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(marked.bytes, 1);
}, options);
