// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { setAlarm } from "../thread/alarm.ts";
import { type CallOptions, callTimeMs } from "./call_options.ts";
import type { ClientCall } from "./client.ts";
import {
  type ClientSession,
  closedError,
  type SessionOptions,
  unsentError,
} from "./client_session.ts";
import { IncomingStream, type IncomingStreamOwner, SendCredit } from "./credit.ts";
import {
  ABANDONED,
  callError,
  OVERSIZED,
  requestsFailed,
  SILENT,
  undecodable,
  unexpected,
} from "./client_errors.ts";
import { KeepAlive } from "./keep_alive.ts";
import { FrameLink, type FrameReceiver } from "./frame_link.ts";
import { decompress } from "./compression.ts";
import { agree, type Hello, HELLO_BEFORE, ownHello, readHello, writeHello } from "./hello.ts";
import { MessageReader } from "./message_reader.ts";
import { messageCodec, type NativeCodec } from "./native_codec.ts";
import {
  frameBytesOf,
  FrameFlag,
  FrameKind,
  type Metadata,
  NATIVE_HEAD_BYTES,
  NATIVE_PREFACE,
  type NativeFrame,
  nativeFrameBytes,
  NO_METADATA,
  readMetadata,
  readNativeFrame,
} from "./native_frame.ts";
import { NativeSender } from "./native_sender.ts";
import { OutOfOrder } from "./out_of_order.ts";
import { codeName, RpcError } from "./rpc_error.ts";
import { isStream, itemSchema, type Method } from "./service.ts";

/** A reply as it lies in the memory that was received. */
interface RawReply {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly metadata: Metadata;
}

/** Both directions of a call with streams. */
interface StreamCall {
  readonly credit: SendCredit | null;
  readonly incoming: IncomingStream<unknown> | null;
  readonly replyCodec: NativeCodec;
}

/** The client's side of one connection that speaks the native framing. */
export class NativeClientSession implements ClientSession, FrameReceiver {
  readonly #link: FrameLink;
  readonly #sender: NativeSender;
  readonly #options: SessionOptions;
  readonly #calls: OutOfOrder<unknown>;
  readonly #streams = new Map<number, StreamCall>();
  readonly #frame: NativeFrame = {
    ...{ kind: 0, flags: 0, tag: 0, value: 0, headAt: 0, messageAt: 0, end: 0 },
  };
  readonly #reader = new MessageReader();
  readonly #own: Hello;
  #peer: Hello = HELLO_BEFORE;
  #greeted = false;
  #draining = false;
  #late = 0;
  readonly #keepAlive: KeepAlive;
  #pongWaiters: { resolve(): void; reject(error: unknown): void }[] = [];

  /** Greets the server; calls may be made at once. */
  constructor(conn: Duplex, options: SessionOptions) {
    this.#options = options;
    const { messageBytesMax, windowBytes } = options;
    this.#own = ownHello(messageBytesMax, windowBytes, options.compression);
    this.#calls = new OutOfOrder({
      givenUp: (tag) => this.#cancel(tag),
      callsMax: options.callsMax,
    });
    const shape = { headBytes: NATIVE_HEAD_BYTES, frameBytes: nativeFrameBytes };
    const frameBytesMax = messageBytesMax + 0x1_0000 + NATIVE_HEAD_BYTES;
    this.#link = new FrameLink(conn, shape, this, { frameBytesMax });
    this.#sender = new NativeSender(this.#link);
    this.#link.writer.raw(NATIVE_PREFACE);
    writeHello(this.#link.writer, this.#own);
    this.#link.flush();
    this.#keepAlive = new KeepAlive(this.#link, {
      // Nobody waits for the answer: that bytes come is enough.
      ask: () => this.ping().catch(() => {}),
      dead: () => this.#link.end(SILENT),
    }, options.keepAlive);
    void this.#link.read();
  }

  /** Calls in flight. */
  get size(): number {
    return this.#calls.size;
  }

  /** Replies that came for calls that were given up. */
  get lateReplies(): number {
    return this.#late;
  }

  /** Whether it takes new calls. */
  get usable(): boolean {
    return !this.#link.ended && !this.#draining;
  }

  /** Calls a method whose request and reply are one message each. */
  unary(call: ClientCall): Promise<unknown> {
    const codec = messageCodec(itemSchema(call.method.response));
    const plain = call.options === undefined && this.usable && callTimeMs(undefined) === Infinity &&
      this.#calls.size < this.#options.callsMax;
    if (!plain) return this.#unaryWithin(call, codec);
    // One promise for the whole call: it is fulfilled with the decoded reply.
    return this.#calls.issue((tag) => this.#request(tag, call, Infinity), undefined, codec);
  }

  /** Calls a method with a stream of replies, and one of requests or one request. */
  stream(call: ClientCall): AsyncIterableIterator<unknown> {
    const { reply, incoming } = this.#openStream(call);
    reply.then((raw) => call.options?.onReplyMetadata?.((raw as RawReply).metadata)).then(
      () => incoming!.end(),
      (error) => incoming!.end(error),
    );
    return incoming!;
  }

  /** Calls a method with a stream of requests and one reply. */
  async collect(call: ClientCall): Promise<unknown> {
    const { reply } = this.#openStream(call);
    const codec = messageCodec(itemSchema(call.method.response));
    return this.#decodeReply(codec, await reply as RawReply, call.options);
  }

  /** Asks for a sign of life; resolves when it came. */
  ping(): Promise<void> {
    if (this.#link.ended) return Promise.reject(closedError());
    this.#sender.empty(FrameKind.PING, 0, 0);
    return new Promise((resolve, reject) => this.#pongWaiters.push({ resolve, reject }));
  }

  /** Takes no more calls, and closes when those in flight are answered. */
  retire(): void {
    this.#draining = true;
    this.#closeWhenIdle();
  }

  /** Ends the connection; calls in flight fail with `UNAVAILABLE`. */
  close(error: unknown = closedError()): void {
    this.#link.end(error);
  }

  /** For the link. */
  frame(bytes: Uint8Array, view: DataView, start: number): void {
    const frame = this.#frame;
    readNativeFrame(view, start, frame);
    const { kind, tag } = frame;
    if (!this.#greeted && kind !== FrameKind.HELLO) throw unexpected(kind);
    if (kind === FrameKind.REPLY) this.#replied(bytes);
    else if (kind === FrameKind.MESSAGE) this.#arrived(bytes);
    else if (kind === FrameKind.CREDIT) this.#streams.get(tag)?.credit?.grant(frame.value);
    else if (kind === FrameKind.HELLO) this.#hello(bytes);
    else if (kind === FrameKind.PONG) this.#pongWaiters.shift()?.resolve();
    else if (kind === FrameKind.PING) this.#sender.empty(FrameKind.PONG, tag, 0);
    else if (kind === FrameKind.GOAWAY) this.#goAway();
    else throw unexpected(kind);
  }

  /** For the link: what is too long ends its call only. */
  tooLong(view: DataView, start: number): boolean {
    const kind = view.getUint8(start + 4);
    if (kind !== FrameKind.REPLY && kind !== FrameKind.MESSAGE) return false;
    this.#broken(view.getUint32(start + 8, true), kind, OVERSIZED);
    return true;
  }

  /** For the link. */
  ended(error: unknown): void {
    const reason = error instanceof RpcError ? error : closedError(error);
    this.#keepAlive.stop();
    for (const { reject } of this.#pongWaiters.splice(0)) reject(reason);
    this.#calls.failAll(reason);
    for (const { credit, incoming } of this.#streams.values()) {
      credit?.end(reason);
      incoming?.end(reason);
    }
    this.#streams.clear();
    this.#options.ended?.(error);
  }

  async #unaryWithin(call: ClientCall, codec: NativeCodec): Promise<unknown> {
    if (!this.usable) throw unsentError();
    const { options } = call;
    const timeoutMs = callTimeMs(options);
    const send = (tag: number) => this.#request(tag, call, timeoutMs);
    const wait = timeoutMs === Infinity && options?.signal === undefined
      ? undefined
      : { timeoutMs, signal: options?.signal };
    const raw = await this.#calls.issue(send, wait).catch((error) => {
      throw callError(error, options);
    });
    return this.#decodeReply(codec, raw as RawReply, options);
  }

  #request(tag: number, call: ClientCall, timeoutMs: number): void {
    const { service: { id: serviceId }, method, request, options } = call;
    const streams = isStream(method.request);
    const flags = streams ? 0 : FrameFlag.BODY | FrameFlag.END;
    const metadata = options?.metadata;
    const head = { tag, flags, timeoutMs, serviceId, methodId: method.id, metadata };
    this.#sender.request(head, streams ? null : messageCodec(itemSchema(method.request)), request);
  }

  #openStream(call: ClientCall) {
    const { method, request, options } = call;
    let opened = 0;
    const owner: IncomingStreamOwner = {
      consumed: (byteLength) => this.#sender.empty(FrameKind.CREDIT, opened, byteLength),
      abandoned: () => void (this.#calls.fail(opened, ABANDONED) && this.#cancel(opened)),
    };
    const replies = isStream(method.response);
    const open: StreamCall = {
      credit: isStream(method.request) ? new SendCredit(this.#peer.windowBytes) : null,
      incoming: replies ? new IncomingStream(owner, this.#own.windowBytes) : null,
      replyCodec: messageCodec(itemSchema(method.response)),
    };
    const timeoutMs = callTimeMs(options);
    const reply = !this.usable ? Promise.reject(unsentError()) : this.#calls.issue((tag) => {
      opened = tag;
      this.#streams.set(tag, open);
      this.#request(tag, call, timeoutMs);
      if (open.credit !== null) {
        this.#sendAll(tag, open.credit, method, request as AsyncIterable<unknown>);
      }
    }, { timeoutMs, signal: options?.signal });
    const settled = reply.catch((error) => {
      throw callError(error, options);
    }).finally(() => {
      this.#streams.delete(opened);
      open.credit?.end(ABANDONED);
    });
    return { reply: settled, incoming: open.incoming };
  }

  async #sendAll(
    tag: number,
    credit: SendCredit,
    method: Method,
    requests: AsyncIterable<unknown>,
  ): Promise<void> {
    const codec = messageCodec(itemSchema(method.request));
    try {
      await credit.each(requests, async (request) => {
        await credit.ready();
        await this.#link.ready();
        credit.spend(this.#message(tag, FrameFlag.BODY, codec, request));
      });
      await credit.ready();
      this.#message(tag, FrameFlag.END, null, undefined);
    } catch (error) {
      // Of a call that is over nobody wants to know why its requests ended.
      if (error !== ABANDONED && this.#calls.fail(tag, requestsFailed(error))) this.#cancel(tag);
    }
  }

  #message(tag: number, flags: number, codec: NativeCodec | null, message: unknown): number {
    return this.#sender.message(FrameKind.MESSAGE, flags, tag, undefined, codec, message);
  }

  #replied(bytes: Uint8Array): void {
    const { tag, flags, value, headAt, messageAt, end } = this.#frame;
    const reader = this.#reader;
    if (this.#draining) this.#closeWhenIdle();
    reader.open(bytes, headAt, messageAt);
    if (value !== 0) {
      const message = reader.string();
      const details = reader.raw(reader.u32());
      const unserved = (flags & FrameFlag.UNSERVED) !== 0;
      const error = new RpcError(codeName(value), message, { details, unserved });
      return this.#broken(tag, FrameKind.REPLY, error);
    }
    const metadata = messageAt > headAt ? readMetadata(reader) : NO_METADATA;
    let reply = { bytes, start: messageAt, end, metadata };
    const codec = this.#calls.noteOf(tag) as NativeCodec | undefined;
    let result: unknown;
    try {
      if (flags & FrameFlag.COMPRESSED) reply = { ...this.#decompressed(bytes), metadata };
      result = codec === undefined ? reply : this.#decodeReply(codec, reply);
    } catch (error) {
      return this.#broken(tag, FrameKind.REPLY, error);
    }
    if (!this.#calls.complete(tag, result)) this.#late++;
  }

  /** What came for a call is of no use: the others go on. */
  #broken(tag: number, kind: number, error: unknown): void {
    const waited = this.#calls.fail(tag, error);
    if (!waited) this.#late++;
    else if (kind === FrameKind.MESSAGE) this.#cancel(tag);
  }

  #arrived(bytes: Uint8Array): void {
    const { tag, flags, messageAt, end } = this.#frame;
    const call = this.#streams.get(tag);
    if (!call?.incoming) return; // Over: the rest is on its way.
    let value: unknown;
    try {
      if (flags & FrameFlag.COMPRESSED) {
        const plain = this.#decompressed(bytes);
        this.#reader.open(plain.bytes, 0, plain.end);
      } else this.#reader.open(bytes, messageAt, end);
      value = call.replyCodec.read(this.#reader);
    } catch (cause) {
      return this.#broken(tag, FrameKind.MESSAGE, undecodable(cause));
    }
    if (call.incoming.push(value, frameBytesOf(this.#frame))) return;
    throw new RpcError("INTERNAL", "Cannot go on: the server sends more than it has credit for");
  }

  #decompressed(bytes: Uint8Array): { bytes: Uint8Array; start: number; end: number } {
    const { messageAt, end } = this.#frame;
    const message = bytes.subarray(messageAt, end);
    const plain = decompress(this.#sender.compressor, message, this.#own.messageBytesMax);
    return { bytes: plain, start: 0, end: plain.length };
  }

  #decodeReply(codec: NativeCodec, raw: RawReply, options?: CallOptions): unknown {
    options?.onReplyMetadata?.(raw.metadata);
    const reader = this.#reader;
    reader.open(raw.bytes, raw.start, raw.end);
    try {
      return codec.read(reader);
    } catch (cause) {
      throw undecodable(cause);
    }
  }

  #hello(bytes: Uint8Array): void {
    this.#reader.open(bytes, this.#frame.messageAt, this.#frame.end);
    if (this.#greeted) throw unexpected(FrameKind.HELLO);
    this.#peer = readHello(this.#reader);
    agree(this.#sender, this.#peer, this.#options.compression);
    this.#greeted = true;
    for (const { credit } of this.#streams.values()) credit?.grant(this.#peer.windowBytes);
  }

  #goAway(): void {
    this.#options.draining?.();
    this.retire();
  }

  #closeWhenIdle(): void {
    // Not before streams have seen their end.
    setAlarm(performance.now(), () => this.#calls.size === 0 && this.#link.end(null));
  }

  #cancel(tag: number): void {
    this.#sender.empty(FrameKind.CANCEL, tag, 0);
    if (this.#draining) this.#closeWhenIdle();
  }
}
