// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { COMPRESSED_BYTES_MIN, type Compressor } from "./compression.ts";
import type { FrameLink } from "./frame_link.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import type { NativeCodec } from "./native_codec.ts";
import {
  beginFrame,
  endFrame,
  endHead,
  FrameFlag,
  FrameKind,
  type Metadata,
  NATIVE_HEAD_BYTES,
  writeMetadata,
} from "./native_frame.ts";
import { codeNumber, DETAILS_BYTES_MAX, RpcError } from "./rpc_error.ts";

/** Text of an error that travels at most, in UTF-16 units. */
const TEXT_LENGTH_MAX = 4096;

/** A request, but for its message. */
export interface RequestHead {
  readonly tag: number;
  readonly flags: number;
  /** Milliseconds that the caller has, or Infinity. */
  readonly timeoutMs: number;
  readonly serviceId: number;
  readonly methodId: number;
  readonly metadata: Metadata | undefined;
}

/** Writes native frames to a link. A frame that cannot be written leaves nothing of itself. */
export class NativeSender {
  /** Longest message that the peer takes, in bytes. */
  messageBytesMax: number = MESSAGE_BYTES_MAX;
  /** How long messages are made shorter; undefined for not at all. */
  compressor: Compressor | undefined;
  /** Shortest message that is compressed. */
  compressedBytesMin: number = COMPRESSED_BYTES_MIN;
  readonly #link: FrameLink;

  /** Writes to this link. */
  constructor(link: FrameLink) {
    this.#link = link;
  }

  /** A frame of 16 bytes; nothing when the link has ended. */
  empty(kind: number, tag: number, value: number): void {
    if (this.#link.ended) return;
    const writer = this.#link.writer;
    endFrame(writer, beginFrame(writer, kind, 0, tag, value), NATIVE_HEAD_BYTES);
    this.#link.flush();
  }

  /**
   * A request, with its message where there is one.
   *
   * @throws {TypeError} When the message is not of its type
   * @throws {RpcError} `RESOURCE_EXHAUSTED` when it is longer than the peer takes
   */
  request(head: RequestHead, codec: NativeCodec | null, message: unknown): void {
    const writer = this.#link.writer;
    const mark = writer.mark();
    const before = writer.byteLength;
    try {
      const at = beginFrame(
        writer,
        FrameKind.REQUEST,
        head.flags,
        head.tag,
        timeField(head.timeoutMs),
      );
      writer.u32(head.serviceId);
      writer.u32(head.methodId);
      if (head.metadata !== undefined) writeMetadata(writer, head.metadata);
      endHead(writer, at, writer.byteLength - before - NATIVE_HEAD_BYTES);
      this.#body(at, head.flags, codec, message);
      endFrame(writer, at, writer.byteLength - before);
    } catch (error) {
      writer.truncate(mark);
      throw error;
    }
    this.#link.flush();
  }

  /**
   * A reply, or a message of a stream.
   *
   * @returns Bytes of the frame
   * @throws {TypeError} When the message is not of its type
   * @throws {RpcError} `RESOURCE_EXHAUSTED` when it is longer than the peer takes
   */
  message(
    kind: number,
    flags: number,
    tag: number,
    metadata: Metadata | undefined,
    codec: NativeCodec | null,
    message: unknown,
  ): number {
    const writer = this.#link.writer;
    const mark = writer.mark();
    const before = writer.byteLength;
    try {
      const at = beginFrame(writer, kind, flags, tag, 0);
      if (metadata !== undefined) {
        writeMetadata(writer, metadata);
        endHead(writer, at, writer.byteLength - before - NATIVE_HEAD_BYTES);
      }
      this.#body(at, flags, codec, message);
      endFrame(writer, at, writer.byteLength - before);
    } catch (error) {
      writer.truncate(mark);
      throw error;
    }
    const frameBytes = writer.byteLength - before;
    this.#link.flush();
    return frameBytes;
  }

  /** The reply of a call that failed; nothing when the link has ended. */
  error(tag: number, error: RpcError, flags = 0): void {
    if (this.#link.ended) return;
    const writer = this.#link.writer;
    const before = writer.byteLength;
    const at = beginFrame(writer, FrameKind.REPLY, flags, tag, codeNumber(error.code));
    writer.string(error.message.slice(0, TEXT_LENGTH_MAX).toWellFormed());
    const details = error.details.slice(0, DETAILS_BYTES_MAX);
    writer.u32(details.length);
    writer.raw(details);
    const frameBytes = writer.byteLength - before;
    endHead(writer, at, frameBytes - NATIVE_HEAD_BYTES);
    endFrame(writer, at, frameBytes);
    this.#link.flush();
  }

  /** Appends the message, compressed where that pays. */
  #body(at: number, flags: number, codec: NativeCodec | null, message: unknown): void {
    if (codec === null) return;
    const writer = this.#link.writer;
    const before = writer.byteLength;
    const mark = this.compressor && writer.mark();
    codec.write(writer, message);
    const byteLength = writer.byteLength - before;
    if (byteLength > this.messageBytesMax) throw tooLong(byteLength, this.messageBytesMax);
    if (this.compressor === undefined || byteLength < this.compressedBytesMin) return;
    const compressed = this.compressor.compress(writer.since(mark!));
    if (compressed.length >= byteLength) return;
    writer.truncate(mark!);
    writer.raw(compressed);
    writer.setU8(at + 5, flags | FrameFlag.COMPRESSED);
  }
}

function tooLong(byteLength: number, bytesMax: number): RpcError {
  const text = `Cannot send message: it has ${byteLength} bytes, the peer takes ${bytesMax}`;
  return new RpcError("RESOURCE_EXHAUSTED", text);
}

/** Whole milliseconds, at least one; 0 says that there is no deadline. */
function timeField(timeoutMs: number): number {
  if (timeoutMs === Infinity) return 0;
  return Math.min(0xffff_ffff, Math.max(1, Math.ceil(timeoutMs)));
}
