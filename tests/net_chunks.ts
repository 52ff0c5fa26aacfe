// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StreamConn } from "../net/stream_conn.ts";
import { type RandomInteger, randomLength } from "./net_random.ts";
import { patternBytes } from "./transfer.ts";

/** A connection of this library. */
export type Conn = StreamConn<Deno.Addr>;

/** Most bytes that one call here moves. */
export const CHUNK_BYTES_MAX = 70_000;

/** A prime, so that the pattern never falls into step with a block. */
const PERIOD_BYTES = 65_521;

const PERIOD = patternBytes(PERIOD_BYTES);
const PATTERN = new Uint8Array(PERIOD_BYTES + CHUNK_BYTES_MAX);
for (let at = 0; at < PATTERN.length; at += PERIOD_BYTES) {
  PATTERN.set(PERIOD.subarray(0, PATTERN.length - at), at);
}

/** Bytes of an endless stream that differ by position and by stream; not to be written to. */
export function streamBytes(stream: number, position: number, length: number): Uint8Array {
  const start = (stream * 7919 + position) % PERIOD_BYTES;
  return PATTERN.subarray(start, start + length);
}

/** Throws unless these are the bytes of the stream at this position. */
export function checkStream(stream: number, position: number, received: Uint8Array): void {
  const expected = streamBytes(stream, position, received.length);
  for (let i = 0; i < received.length; i++) {
    if (received[i] === expected[i]) continue;
    const [wrong, right] = [received[i], expected[i]];
    throw new Error(`Byte ${position + i} of stream ${stream} is ${wrong} instead of ${right}`);
  }
}

/** Writes the first `length` bytes of a stream, by every kind of write, in pieces of all sizes. */
export async function sendStream(
  conn: Conn,
  stream: number,
  length: number,
  random: RandomInteger,
): Promise<void> {
  for (let position = 0; position < length;) {
    const bytes = streamBytes(
      stream,
      position,
      randomLength(random, Math.min(CHUNK_BYTES_MAX, length - position)),
    );
    position += await writeSomehow(conn, bytes, random);
  }
}

/** Reads and checks the first `length` bytes of a stream, by every kind of read. */
export async function receiveStream(
  conn: Conn,
  stream: number,
  length: number,
  random: RandomInteger,
): Promise<void> {
  const buffer = new Uint8Array(CHUNK_BYTES_MAX);
  for (let position = 0; position < length;) {
    const room = buffer.subarray(0, randomLength(random, length - position));
    const count = await readSomehow(conn, room, random);
    if (count === null) throw new Error(`Stream ${stream} ended after ${position} of ${length}`);
    checkStream(stream, position, room.subarray(0, count));
    position += count;
  }
}

async function writeSomehow(conn: Conn, bytes: Uint8Array, random: RandomInteger): Promise<number> {
  const middle = random(bytes.length + 1);
  switch (random(4)) {
    case 0:
      await conn.writeAll(bytes);
      return bytes.length;
    case 1:
      return await conn.writev([bytes.subarray(0, middle), bytes.subarray(middle)]);
    default:
      return await conn.write(bytes);
  }
}

async function readSomehow(
  conn: Conn,
  room: Uint8Array,
  random: RandomInteger,
): Promise<number | null> {
  const middle = random(room.length + 1);
  switch (random(6)) {
    case 0:
      return await conn.readFull(room);
    case 1: {
      const buffers = [room.subarray(0, middle), room.subarray(middle)];
      return await conn.readv(buffers);
    }
    case 2: {
      const seen = await conn.peek(room);
      return seen && await conn.read(room.subarray(0, seen));
    }
    default:
      return await conn.read(room);
  }
}
