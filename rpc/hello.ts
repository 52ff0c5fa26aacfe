// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  chooseCompressor,
  COMPRESSED_BYTES_MIN,
  type CompressionOptions,
  compressors,
} from "./compression.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import { messageCodec } from "./native_codec.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { NativeSender } from "./native_sender.ts";
import { beginFrame, endFrame, FrameFlag, FrameKind } from "./native_frame.ts";
import { array, optional, string, struct, u32, type ValueOf } from "./schema.ts";

/** What either side says of itself; new fields go to the end, as optional ones. */
const hello = struct({
  messageBytesMax: u32,
  windowBytes: u32,
  compressions: optional(array(string)),
});

/** What one side can take. */
export type Hello = ValueOf<typeof hello>;

/** What is taken for granted until the peer's first frame is there: no window yet. */
export const HELLO_BEFORE: Hello = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  windowBytes: 0,
};

/** What this side says of itself; without compression options it takes none that is compressed. */
export function ownHello(
  messageBytesMax: number,
  windowBytes: number,
  compression: CompressionOptions | undefined,
): Hello {
  const own: Hello = { messageBytesMax, windowBytes };
  if (compression !== undefined) own.compressions = compressors().map(({ name }) => name);
  return own;
}

/** Sends from now on as the peer can take it. */
export function agree(
  sender: NativeSender,
  peer: Hello,
  compression: CompressionOptions | undefined,
): void {
  sender.messageBytesMax = peer.messageBytesMax;
  if (compression === undefined) return;
  sender.compressor = chooseCompressor(peer.compressions);
  sender.compressedBytesMin = compression.minBytes ?? COMPRESSED_BYTES_MIN;
}

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
