// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { CallContext } from "./call_context.ts";
import { closedError } from "./client_session.ts";
import { FrameLink, type FrameReceiver } from "./frame_link.ts";
import type { BoundMethod } from "./handlers.ts";
import { NO_METADATA } from "./native_frame.ts";
import { photonCodec } from "./photon_codec.ts";
import {
  PHOTON_HEAD_BYTES,
  type PhotonFrame,
  photonFrameBytes,
  photonHead,
  readPhotonFrame,
} from "./photon_frame.ts";
import { RpcError } from "./rpc_error.ts";
import { itemSchema } from "./service.ts";
import type { ServerOwner, ServerSession } from "./server_session.ts";

/**
 * The server's side of one connection to a C++ PhotonLibOS client. The framing has no place for an
 * error: when a call cannot be answered the connection is closed, as the C++ server does.
 */
export class PhotonServerSession implements ServerSession, FrameReceiver {
  readonly #link: FrameLink;
  readonly #owner: ServerOwner;
  readonly #contexts = new Set<CallContext>();
  #draining = false;
  #idleWaiters: (() => void)[] = [];

  /** Serves from {@linkcode run} on. */
  constructor(conn: Duplex, owner: ServerOwner) {
    this.#owner = owner;
    const shape = { headBytes: PHOTON_HEAD_BYTES, frameBytes: photonFrameBytes };
    const frameBytesMax = owner.limits.messageBytesMax + PHOTON_HEAD_BYTES;
    this.#link = new FrameLink(conn, shape, this, { frameBytesMax });
  }

  /** Calls being served. */
  get size(): number {
    return this.#contexts.size;
  }

  /** Serves until the connection ends. */
  run(first: Uint8Array): Promise<void> {
    return this.#link.read(first);
  }

  /** Answers the calls that are there, drops those that come, and closes. */
  async drain(): Promise<void> {
    this.#draining = true;
    while (this.#contexts.size > 0 && !this.#link.ended) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    await this.#link.flushed();
    this.#link.end(null);
  }

  /** Ends the connection at once. */
  close(): void {
    this.#link.end(null);
  }

  /** For the link. */
  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.#draining) return;
    const frame = readPhotonFrame(view, start);
    const bound = this.#owner.find(frame.interfaceId, frame.methodId);
    if (bound instanceof RpcError) throw bound;
    if (bound.streamsRequests || bound.streamsReplies) {
      throw new RpcError("UNIMPLEMENTED", "Cannot serve call: the photon framing has no streams");
    }
    const payload = bytes.subarray(start + PHOTON_HEAD_BYTES, end);
    const request = photonCodec(itemSchema(bound.method.request)).decode(payload);
    const refused = this.#owner.enter(this.#contexts.size);
    if (refused !== null) throw refused;
    void this.#serve(frame, bound, request);
  }

  /** For the link. */
  ended(error: unknown): void {
    for (const context of this.#contexts) {
      context.abort(closedError(error));
      this.#owner.left();
    }
    this.#contexts.clear();
    this.#tellIdle();
    this.#owner.ended(this, error);
  }

  async #serve(frame: PhotonFrame, bound: BoundMethod, request: unknown): Promise<void> {
    const context = new CallContext(NO_METADATA, 0);
    this.#contexts.add(context);
    try {
      const reply = await bound.call(request, context);
      if (!this.#contexts.has(context)) return;
      this.#answer(frame, photonCodec(itemSchema(bound.method.response)).encode(reply));
    } catch (error) {
      return this.#link.end(error);
    }
    this.#contexts.delete(context);
    this.#owner.left();
    if (this.#contexts.size === 0) this.#tellIdle();
  }

  #answer(frame: PhotonFrame, pieces: Uint8Array[]): void {
    const payloadBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#link.writer.raw(photonHead(frame, payloadBytes));
    for (const piece of pieces) this.#link.writer.raw(piece);
    this.#link.flush();
  }

  #tellIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
