// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { messageCodec } from "./native_codec.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import { beginFrame, endFrame, FrameFlag, FrameKind } from "./native_frame.ts";
import { array, optional, string, struct, u32, type ValueOf } from "./schema.ts";

/** What either side says of itself in its first frame; new fields go to the end, as optional ones. */
const hello = struct({
  messageBytesMax: u32,
  windowBytes: u32,
  compressions: optional(array(string)),
});

/** What one side can take. */
export type Hello = ValueOf<typeof hello>;

/** Longest message by default, in bytes. */
export const MESSAGE_BYTES_MAX = 67_108_864;
/** Bytes that a stream may send before the receiver has taken some. */
export const WINDOW_BYTES = 262_144;

/** What is taken for granted until the peer's first frame is there. */
export const HELLO_BEFORE: Hello = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  windowBytes: WINDOW_BYTES,
};

const codec = messageCodec(hello.schema);

/** Appends the first frame. */
export function writeHello(writer: MessageWriter, own: Hello): void {
  const before = writer.byteLength;
  const at = beginFrame(writer, FrameKind.HELLO, FrameFlag.BODY, 0, 0);
  codec.write(writer, own);
  endFrame(writer, at, writer.byteLength - before);
}

/** Reads the first frame's message. */
export function readHello(reader: MessageReader): Hello {
  return codec.read(reader) as Hello;
}
