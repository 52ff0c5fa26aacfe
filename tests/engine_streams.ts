// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { closeDescriptor, openPipe, openSocketPair } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { FdStream } from "../io/fd_stream.ts";
import type { FdKind } from "../io/receiver.ts";
import { type ByteConn, patternBytes, writeAll } from "./transfer.ts";

/** One end of a connection on an engine of the test's own. */
export class EngineConn implements ByteConn, Disposable {
  readonly stream: FdStream;

  /** Takes over a descriptor. */
  constructor(engine: Engine, fd: number, kind: FdKind = "socket") {
    this.stream = new FdStream(engine, fd, kind);
  }

  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.stream.receiver.read(p, signal);
  }

  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.stream.sender.write(p, signal);
  }

  [Symbol.dispose](): void {
    this.stream.close();
  }
}

/** Two connected ends; disposing closes both. */
export interface EnginePair extends Disposable {
  readonly near: EngineConn;
  readonly far: EngineConn;
}

/** Connects two ends by a Unix socket pair, each on the engine it is given. */
export function socketPairOn(engine: Engine, farEngine: Engine = engine): EnginePair {
  const [near, far] = openSocketPair();
  return pairOf(new EngineConn(engine, near), new EngineConn(farEngine, far));
}

/** Connects two ends by a pipe: `near` reads, `far` writes. */
export function pipeOn(engine: Engine): EnginePair {
  const [reader, writer] = openPipe();
  return pairOf(new EngineConn(engine, reader, "pipe"), new EngineConn(engine, writer, "pipe"));
}

/** A pipe for raw system calls; disposing closes what is still open of it. */
export class RawPipe implements Disposable {
  readonly reader: number;
  readonly writer: number;

  /** Opens the pipe. */
  constructor() {
    [this.reader, this.writer] = openPipe();
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.reader);
    closeDescriptor(this.writer);
  }
}

/** Options of {@linkcode exchange}. */
export interface ExchangeOptions {
  /** Bytes of one write. */
  writeBytes?: number;
  /** Bytes that one read asks for. */
  readBytes?: number;
}

/** Sends a pattern over several pairs at once and checks every byte that arrives. */
export async function exchange(
  engine: Engine,
  pairs: number,
  byteLength: number,
  options: ExchangeOptions = {},
): Promise<void> {
  await Promise.all(Array.from({ length: pairs }, async (_, index) => {
    using pair = socketPairOn(engine);
    await Promise.all([
      send(pair.far, patternBytes(byteLength, index), options.writeBytes ?? 100),
      receive(pair.near, patternBytes(byteLength, index), options.readBytes ?? 100),
    ]);
  }));
}

/** Writes all bytes, some at a time. */
export async function send(conn: ByteConn, bytes: Uint8Array, writeBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += writeBytes) {
    await writeAll(conn, bytes.subarray(at, at + writeBytes));
  }
}

/** Reads as many bytes as expected, some at a time, and compares them. */
export async function receive(
  conn: ByteConn,
  expected: Uint8Array,
  readBytes: number,
): Promise<void> {
  const received = new Uint8Array(expected.length);
  const block = new Uint8Array(readBytes);
  for (let at = 0; at < expected.length;) {
    const count = await conn.read(block.subarray(0, Math.min(readBytes, expected.length - at)));
    if (count === null) throw new Error(`Stream ended after ${at} of ${expected.length} bytes`);
    received.set(block.subarray(0, count), at);
    at += count;
  }
  // Comparing them one by one takes long; their place matters only when they differ.
  const differs = received.findIndex((byte, index) => byte !== expected[index]);
  assertEquals(differs, -1, `Byte ${differs} of ${expected.length} differs`);
}

/** Lets a turn of Deno's loop, and with it one of the engine, go by. */
export function engineTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Message for message, until the near end gets a standing receive. */
export async function takeTurns(pair: EnginePair, rounds: number): Promise<void> {
  const block = new Uint8Array(8);
  for (let round = 0; round < rounds; round++) {
    const reading = pair.near.read(block);
    await engineTurn();
    await pair.far.write(new Uint8Array(4));
    assertEquals(await reading, 4);
  }
}

function pairOf(near: EngineConn, far: EngineConn): EnginePair {
  return {
    near,
    far,
    [Symbol.dispose]() {
      near[Symbol.dispose]();
      far[Symbol.dispose]();
    },
  };
}
