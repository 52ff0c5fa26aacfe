// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Frames of the native framing made by hand, and a peer that says them.
import type { Duplex } from "../io/mod.ts";
import { readFull, writeAll } from "../io/mod.ts";

/** First bytes of a client. */
export const nativePreface: Uint8Array = new TextEncoder().encode("PhotonR\x01");

/** What a frame has; what is left out is zero or empty. */
export interface FrameParts {
  kind: number;
  flags?: number;
  tag?: number;
  value?: number;
  head?: readonly number[];
  message?: readonly number[];
}

/** One frame's bytes. */
export function nativeFrame(parts: FrameParts): Uint8Array {
  const { kind, flags = 0, tag = 0, value = 0, head = [], message = [] } = parts;
  const bytes = new Uint8Array(16 + head.length + message.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, head.length + message.length, true);
  view.setUint8(4, kind);
  view.setUint8(5, flags);
  view.setUint16(6, head.length, true);
  view.setUint32(8, tag, true);
  view.setUint32(12, value, true);
  bytes.set(head, 16);
  bytes.set(message, 16 + head.length);
  return bytes;
}

/** The first frame of either side: 64 MiB at most, a window of 256 KiB. */
export function nativeHello(): Uint8Array {
  return nativeFrame({ kind: 0, flags: 1, message: [0, 0, 0, 4, 0, 0, 4, 0, 0] });
}

/** A frame that came in. */
export interface HeardFrame {
  kind: number;
  flags: number;
  tag: number;
  value: number;
  head: Uint8Array;
  message: Uint8Array;
}

/** A peer that says what a test says. */
export class Scripted {
  readonly #conn: Duplex;

  constructor(conn: Duplex) {
    this.#conn = conn;
  }

  /** Says these bytes. */
  async say(...pieces: Uint8Array[]): Promise<void> {
    for (const piece of pieces) await writeAll(this.#conn, piece);
  }

  /** Hears so many bytes, whatever they are. */
  async skip(byteLength: number): Promise<void> {
    await readFull(this.#conn, new Uint8Array(byteLength));
  }

  /** Hears one frame. */
  async hear(): Promise<HeardFrame> {
    const start = new Uint8Array(16);
    await readFull(this.#conn, start);
    const view = new DataView(start.buffer);
    const rest = new Uint8Array(view.getUint32(0, true));
    if (rest.length > 0) await readFull(this.#conn, rest);
    const headBytes = view.getUint16(6, true);
    return {
      kind: start[4],
      flags: start[5],
      tag: view.getUint32(8, true),
      value: view.getUint32(12, true),
      head: rest.subarray(0, headBytes),
      message: rest.subarray(headBytes),
    };
  }

  /** Leaves. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }
}
