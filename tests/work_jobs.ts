// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import { openWorkChannel, type WorkChannelEnd } from "../io/work_channel.ts";
import { workContext, type WorkMainContext } from "../io/work_context.ts";

// What the tests of the worker pool have done by its workers.

/** The sum. */
export function add(left: number, right: number): number {
  return left + right;
}

/** What it got. */
export function echo<T>(value: T): T {
  return value;
}

/** Echoes in a later turn. */
export async function echoLater<T>(value: T): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return value;
}

/** Throws something of a kind. */
export function fail(kind: string): never {
  switch (kind) {
    case "range":
      throw new RangeError("too far", { cause: new TypeError("not a number") });
    case "deno":
      throw Object.assign(new Deno.errors.ConnectionRefused("refused"), { code: "ECONNREFUSED" });
    case "dom":
      throw new DOMException("gone", "NotFoundError");
    case "custom":
      throw new CustomError("mine");
    case "aggregate":
      throw new AggregateError([new URIError("one"), 2], "both");
    case "uncloneable":
      throw new Error("odd", { cause: () => {} });
    default:
      throw { kind };
  }
}

class CustomError extends TypeError {
  override name = "CustomError";
  detail = 42;
}

/** What cannot be cloned. */
export function makeFunction(): () => void {
  return () => {};
}

/** Waits until its signal is aborted; then it is slow to answer. */
export async function waitForAbort(flags: Int32Array<SharedArrayBuffer>): Promise<string> {
  const { signal } = workContext();
  say(flags, 0);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  say(flags, 1);
  return "aborted";
}

/** Tells who waits with `Atomics.waitAsync`. */
function say(flags: Int32Array<SharedArrayBuffer>, index: number): void {
  Atomics.store(flags, index, 1);
  Atomics.notify(flags, index);
}

/** Waits for a flag without giving the thread to anyone. */
export function blockUntil(flags: Int32Array<SharedArrayBuffer>, index: number): string {
  say(flags, 0);
  while (Atomics.load(flags, index) === 0) Atomics.wait(flags, index, 0, 1000);
  return "released";
}

/** The sum of the bytes. */
export function byteSum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0);
}

/** The engine of its worker. */
export function engineName(): string {
  return engineInfo().engine;
}

/** Ends its worker as a program would. */
export function exit(): void {
  Deno.exit(3);
}

/** Ends its worker as a worker would. */
export function closeWorker(): Promise<void> {
  self.close();
  return new Promise(() => {});
}

/** Throws where nobody can catch it. */
export function throwLater(): Promise<void> {
  setTimeout(() => {
    throw new Error("nobody asked");
  });
  return new Promise(() => {});
}

/** Sends back what it receives; says how often. */
export async function echoChannel(end: WorkChannelEnd): Promise<number> {
  using channel = openWorkChannel(end);
  let count = 0;
  for await (const value of channel) {
    await channel.send(value);
    count++;
  }
  return count;
}

/** A main that says where it is. */
export async function placeMain({ index, workers, signal, ready }: WorkMainContext): Promise<void> {
  ready(`${index} of ${workers}`);
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

/** Leaves so many reads in flight, on twice as many descriptors, and says so. */
export async function holdReads(
  count: number,
  flags: Int32Array<SharedArrayBuffer>,
): Promise<void> {
  const { socketPair } = await import("../net/socket_pair.ts");
  const pairs = Array.from({ length: count }, () => socketPair());
  const reads = pairs.map(([left]) => left.read(new Uint8Array(64)));
  // The reads reach the kernel when the turn ends.
  await new Promise((resolve) => setTimeout(resolve, 5));
  say(flags, 0);
  await Promise.all(reads);
}

/** A main that echoes on a port that it shares. */
export async function echoMain(context: WorkMainContext, port: number): Promise<void> {
  const { listen } = await import("../net/listen.ts");
  using listener = listen({ hostname: "127.0.0.1", port, reusePort: true });
  context.ready(listener.addr.port);
  context.signal.addEventListener("abort", () => listener.close());
  try {
    for await (const conn of listener) {
      const name = new TextEncoder().encode(`${context.index}`);
      await conn.write(name);
      conn.close();
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}

/** The CPUs that its thread may use. */
export async function cpusAllowed(): Promise<number[]> {
  const { threadCpus } = await import("../ffi/thread.ts");
  return threadCpus();
}

/** Receives numbered messages until the channel ends; says how many, and their checksum. */
export async function checksum(end: WorkChannelEnd): Promise<[count: number, sum: number]> {
  using channel = openWorkChannel<[index: number, bytes: Uint8Array]>(end);
  let count = 0;
  let sum = 0;
  for await (const [index, bytes] of channel) {
    if (index !== count) throw new RangeError(`Message ${index} came as number ${count}`);
    for (const byte of bytes) sum = (sum * 31 + byte) | 0;
    count++;
  }
  return [count, sum];
}
