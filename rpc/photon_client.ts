// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { callTimeMs } from "./call_options.ts";
import type { ClientCall } from "./client.ts";
import {
  type ClientSession,
  closedError,
  type SessionOptions,
  unsentError,
} from "./client_session.ts";
import { FrameLink, type FrameReceiver } from "./frame_link.ts";
import { OutOfOrder } from "./out_of_order.ts";
import { photonCodec } from "./photon_codec.ts";
import {
  PHOTON_HEAD_BYTES,
  photonFrameBytes,
  photonHead,
  readPhotonFrame,
} from "./photon_frame.ts";
import { asRpcError, RpcError } from "./rpc_error.ts";
import { isStream, itemSchema } from "./service.ts";

/**
 * The client's side of one connection to a C++ PhotonLibOS server: unary calls only. A call that
 * times out leaves the connection as it is: its late reply is dropped by its tag.
 */
export class PhotonClientSession implements ClientSession, FrameReceiver {
  readonly #link: FrameLink;
  readonly #options: SessionOptions;
  readonly #calls: OutOfOrder<Uint8Array>;
  #retired = false;

  /** Speaks at once: there is no greeting. */
  constructor(conn: Duplex, options: SessionOptions) {
    this.#options = options;
    this.#calls = new OutOfOrder({ callsMax: options.callsMax });
    const shape = { headBytes: PHOTON_HEAD_BYTES, frameBytes: photonFrameBytes };
    const frameBytesMax = options.messageBytesMax + PHOTON_HEAD_BYTES;
    this.#link = new FrameLink(conn, shape, this, { frameBytesMax });
    void this.#link.read();
  }

  /** Calls in flight. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether it takes new calls. */
  get usable(): boolean {
    return !this.#link.ended && !this.#retired;
  }

  /** Calls a method. */
  async unary({ service, method, request, options }: ClientCall): Promise<unknown> {
    if (isStream(method.request) || isStream(method.response)) throw noStreams();
    if (!this.usable) throw unsentError();
    const pieces = photonCodec(itemSchema(method.request)).encode(request);
    const payloadBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const wait = { timeoutMs: callTimeMs(options), signal: options?.signal };
    try {
      const payload = await this.#calls.issue((tag) => {
        const frame = { interfaceId: service.id, methodId: method.id, tag: BigInt(tag) };
        this.#link.writer.raw(photonHead(frame, payloadBytes));
        for (const piece of pieces) this.#link.writer.raw(piece);
        this.#link.flush();
      }, wait);
      return photonCodec(itemSchema(method.response)).decode(payload);
    } catch (error) {
      if (options?.signal?.aborted && error === options.signal.reason) throw error;
      if (!(error instanceof Deno.errors.InvalidData)) throw asRpcError(error);
      const text = "Cannot decode reply: the server sent another type";
      throw new RpcError("INTERNAL", text, { cause: error });
    } finally {
      if (this.#retired) this.#closeWhenIdle();
    }
  }

  /** Refuses: the framing has no streams. */
  stream(): never {
    throw noStreams();
  }

  /** Refuses: the framing has no streams. */
  collect(): Promise<never> {
    return Promise.reject(noStreams());
  }

  /** Refuses: the framing has no sign of life. */
  ping(): Promise<never> {
    const text = "Cannot ping: the photon framing has no frame for it";
    return Promise.reject(new RpcError("UNIMPLEMENTED", text));
  }

  /** Takes no more calls, and closes when those in flight are answered. */
  retire(): void {
    this.#retired = true;
    this.#closeWhenIdle();
  }

  /** Ends the connection. */
  close(error: unknown = closedError()): void {
    this.#link.end(error);
  }

  /** For the link. */
  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const { tag } = readPhotonFrame(view, start);
    // A tag that we never gave is nobody's, as is one that was given up.
    if (tag > 0xffff_ffffn) return;
    this.#calls.complete(Number(tag), bytes.subarray(start + PHOTON_HEAD_BYTES, end));
  }

  /** For the link. */
  ended(error: unknown): void {
    this.#calls.failAll(error instanceof RpcError ? error : closedError(error));
    this.#options.ended?.(error);
  }

  #closeWhenIdle(): void {
    if (this.#calls.size === 0) this.#link.end(null);
  }
}

function noStreams(): RpcError {
  return new RpcError("UNIMPLEMENTED", "Cannot call: the photon framing has no streams");
}
