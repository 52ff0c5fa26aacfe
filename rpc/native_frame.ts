// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";

/**
 * First bytes of a connection that speaks the native framing; a server tells by them which one a
 * client speaks. The last byte is the version.
 */
export const NATIVE_PREFACE: Uint8Array = new TextEncoder().encode("PhotonR\x01");

/**
 * Bytes in front of each native frame:
 *
 * ```
 *   0          4      5       6           8        12        16            16 + head     16 + size
 *   +----------+------+-------+-----------+--------+---------+--------------+-------------+
 *   | size u32 | kind | flags | head u16  | tag    | value   | head         | message     |
 *   |          | u8   | u8    |           | u32    | u32     |              |             |
 *   +----------+------+-------+-----------+--------+---------+--------------+-------------+
 * ```
 *
 * `size` counts what follows the 16 bytes. What `value` and the head are depends on the kind.
 */
export const NATIVE_HEAD_BYTES = 16;

// Data: C from the client, S from the server.
/** The kinds of frames. */
// deno-fmt-ignore
export const FrameKind = {
  HELLO:   0, // CS first frame of either side; message: what it can (see hello.ts)
  REQUEST: 1, // C  opens call `tag`; value: ms left, 0 for no deadline;
              //    head: | interface u32 | method u32 | metadata |; message: the request, if BODY
  MESSAGE: 2, // CS one more of a stream, if BODY; with END the last one
  REPLY:   3, // S  ends call `tag`; value: status; head: | text | details | when not 0,
              //    else | metadata |; message: the reply of a method that has one
  CANCEL:  4, // C  the caller gave up; the server answers no more
  CREDIT:  5, // CS value: bytes of whole frames that the peer may send more on the call's stream
  PING:    6, // CS is to be answered by PONG with the same tag
  PONG:    7, // CS
  GOAWAY:  8, // S  takes no more calls; those that it has it answers
} as const;

/** Bits of a frame's flags. */
export const FrameFlag = {
  /** A message follows the head, though it may be empty. */
  BODY: 1,
  /** Nothing more comes from this side on this call. */
  END: 2,
  /** The message is compressed, by what both sides said in their HELLO. */
  COMPRESSED: 4,
  /** Of a reply with an error: no handler has seen the call. */
  UNSERVED: 8,
} as const;

/** Bytes of a whole frame that was read; both ends count a stream's credit in these. */
export function frameBytesOf(frame: NativeFrame): number {
  return NATIVE_HEAD_BYTES + frame.end - frame.headAt;
}

/** Most bytes of a head: metadata is small. */
export const HEAD_BYTES_MAX = 0xffff;

/** What travels beside a message: names and texts. */
export type Metadata = Readonly<Record<string, string>>;

/** A frame that came in: its head, and where its message lies. */
export interface NativeFrame {
  kind: number;
  flags: number;
  tag: number;
  value: number;
  /** Where the head begins in the buffer. */
  headAt: number;
  /** Where the message begins, and the head ends. */
  messageAt: number;
  /** Where the message ends. */
  end: number;
}

/** Bytes of the whole frame whose first 16 lie at this place. */
export function nativeFrameBytes(view: DataView, at: number): number {
  return NATIVE_HEAD_BYTES + view.getUint32(at, true);
}

/**
 * Reads the 16 bytes at this place; the whole frame is there.
 *
 * @throws {Deno.errors.InvalidData} When the head is longer than the frame
 */
export function readNativeFrame(view: DataView, at: number, frame: NativeFrame): void {
  const headAt = at + NATIVE_HEAD_BYTES;
  frame.kind = view.getUint8(at + 4);
  frame.flags = view.getUint8(at + 5);
  frame.tag = view.getUint32(at + 8, true);
  frame.value = view.getUint32(at + 12, true);
  frame.headAt = headAt;
  frame.messageAt = headAt + view.getUint16(at + 6, true);
  frame.end = headAt + view.getUint32(at, true);
  if (frame.messageAt > frame.end) {
    throw new Deno.errors.InvalidData("Cannot read frame: its head is longer than itself");
  }
}

/**
 * Begins a frame; {@linkcode endFrame} completes it.
 *
 * @returns Its place
 */
export function beginFrame(
  writer: MessageWriter,
  kind: number,
  flags: number,
  tag: number,
  value: number,
): number {
  const at = writer.reserve(4);
  writer.u32(kind | flags << 8);
  writer.u32(tag);
  writer.u32(value);
  return at;
}

/**
 * Says how long the head is, which ends here.
 *
 * @throws {RangeError} When it is longer than {@linkcode HEAD_BYTES_MAX}
 */
export function endHead(writer: MessageWriter, at: number, headBytes: number): void {
  if (headBytes > HEAD_BYTES_MAX) {
    throw new RangeError(`Cannot call: metadata is longer than ${HEAD_BYTES_MAX} bytes`);
  }
  writer.setU8(at + 6, headBytes & 0xff);
  writer.setU8(at + 7, headBytes >>> 8);
}

/** Says how long the frame is, which ends here. */
export function endFrame(writer: MessageWriter, at: number, frameBytes: number): void {
  writer.setU32(at, frameBytes - NATIVE_HEAD_BYTES);
}

/**
 * Appends metadata to a head.
 *
 * @throws {TypeError} When a value is no text
 */
export function writeMetadata(writer: MessageWriter, metadata: Metadata): void {
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text !== "string") throw new TypeError(`Cannot call: metadata ${name} is no text`);
    writer.string(name);
    writer.string(text);
  }
}

/** Reads metadata up to the end of the head. */
export function readMetadata(reader: MessageReader): Metadata {
  if (reader.left === 0) return NO_METADATA;
  const metadata: Record<string, string> = Object.create(null);
  while (reader.left > 0) {
    const name = reader.string();
    metadata[name] = reader.string();
  }
  return metadata;
}

/** The metadata of a call that has none. */
export const NO_METADATA: Metadata = Object.freeze(Object.create(null));
