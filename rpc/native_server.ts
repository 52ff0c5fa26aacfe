// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { clearAlarm, setAlarm } from "../thread/alarm.ts";
import { CallContext } from "./call_context.ts";
import { runWithDeadline } from "./call_options.ts";
import { closedError } from "./client_session.ts";
import { IncomingStream, SendCredit } from "./credit.ts";
import { FrameLink, type FrameReceiver } from "./frame_link.ts";
import type { BoundMethod } from "./handlers.ts";
import { decompress } from "./compression.ts";
import { agree, type Hello, HELLO_BEFORE, ownHello, readHello, writeHello } from "./hello.ts";
import { KeepAlive, type KeepAliveOptions } from "./keep_alive.ts";
import { MessageReader } from "./message_reader.ts";
import type { NativeCodec } from "./native_codec.ts";
import {
  frameBytesOf,
  FrameFlag,
  FrameKind,
  type Metadata,
  NATIVE_HEAD_BYTES,
  type NativeFrame,
  nativeFrameBytes,
  NO_METADATA,
  readMetadata,
  readNativeFrame,
} from "./native_frame.ts";
import { NativeSender } from "./native_sender.ts";
import { asRpcError, RpcError } from "./rpc_error.ts";
import type { ServerOwner, ServerSession } from "./server_session.ts";
import { type Tagged, TagTable } from "./tag_table.ts";

/** A call that is being served. */
interface ServedCall extends Tagged<ServedCall> {
  readonly context: CallContext;
  readonly incoming: IncomingStream<unknown> | null;
  readonly credit: SendCredit | null;
  readonly bound: BoundMethod;
}

/** The server's side of one connection that speaks the native framing. */
export class NativeServerSession implements ServerSession, FrameReceiver {
  readonly #link: FrameLink;
  readonly #sender: NativeSender;
  readonly #owner: ServerOwner;
  #calls = new TagTable<ServedCall>();
  readonly #frame: NativeFrame = {
    ...{ kind: 0, flags: 0, tag: 0, value: 0, headAt: 0, messageAt: 0, end: 0 },
  };
  readonly #reader = new MessageReader();
  readonly #own: Hello;
  #peer: Hello = HELLO_BEFORE;
  readonly #keepAlive: KeepAlive;
  #greeted = false;
  #refusing = false;
  #idleWaiters: (() => void)[] = [];

  /** Greets the client; {@linkcode run} reads. */
  constructor(conn: Duplex, owner: ServerOwner, keepAlive?: KeepAliveOptions) {
    this.#owner = owner;
    const { messageBytesMax, windowBytes } = owner.limits;
    this.#own = ownHello(messageBytesMax, windowBytes, owner.limits.compression);
    const shape = { headBytes: NATIVE_HEAD_BYTES, frameBytes: nativeFrameBytes };
    const frameBytesMax = messageBytesMax + 0x1_0000 + NATIVE_HEAD_BYTES;
    this.#link = new FrameLink(conn, shape, this, { frameBytesMax, pausesReading: true });
    this.#sender = new NativeSender(this.#link);
    writeHello(this.#link.writer, this.#own);
    this.#link.flush();
    this.#keepAlive = new KeepAlive(this.#link, {
      ask: () => this.#sender.empty(FrameKind.PING, 0, 0),
      dead: () => this.#link.end(new RpcError("UNAVAILABLE", "Cannot serve: the client is silent")),
    }, keepAlive);
  }

  /** Calls being served. */
  get size(): number {
    return this.#calls.size;
  }

  /** Serves until the connection ends. */
  run(first: Uint8Array): Promise<void> {
    return this.#link.read(first);
  }

  /**
   * Says so to the client, which closes when it has its replies, and answers what was on its way.
   * Who stays is refused after {@linkcode DRAIN_GRACE_MS}, and closed when all is answered.
   */
  async drain(): Promise<void> {
    this.#sender.empty(FrameKind.GOAWAY, 0, 0);
    const grace = setAlarm(performance.now() + DRAIN_GRACE_MS, () => {
      this.#refusing = true;
      this.#tellIdle();
    });
    while (!this.#link.ended && (this.#calls.size > 0 || !this.#refusing)) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    clearAlarm(grace);
    await this.#link.flushed();
    this.#link.end(null);
  }

  /** Ends the connection at once; handlers are told by their signal. */
  close(): void {
    this.#link.end(null);
  }

  /** For the link. */
  frame(bytes: Uint8Array, view: DataView, start: number): void {
    const frame = this.#frame;
    readNativeFrame(view, start, frame);
    const { kind, tag } = frame;
    if (!this.#greeted && kind !== FrameKind.HELLO) throw unexpected(kind);
    if (kind === FrameKind.REQUEST) this.#requested(bytes);
    else if (kind === FrameKind.MESSAGE) this.#arrived(bytes);
    else if (kind === FrameKind.CANCEL) this.#cancelled(tag);
    else if (kind === FrameKind.CREDIT) this.#calls.get(tag)?.credit?.grant(frame.value);
    else if (kind === FrameKind.PING) this.#sender.empty(FrameKind.PONG, tag, 0);
    else if (kind === FrameKind.HELLO) this.#hello(bytes);
    else if (kind !== FrameKind.PONG) throw unexpected(kind);
  }

  /** For the link: what is too long ends its call only. */
  tooLong(view: DataView, start: number): boolean {
    const kind = view.getUint8(start + 4);
    const tag = view.getUint32(start + 8, true);
    const call = this.#calls.get(tag);
    if (!this.#greeted) return false;
    if (kind === FrameKind.MESSAGE) {
      if (call !== undefined) this.#finish(tag, call, OVERSIZED);
      return true;
    }
    if (kind !== FrameKind.REQUEST || call !== undefined) return false;
    this.#sender.error(tag, OVERSIZED, FrameFlag.UNSERVED);
    return true;
  }

  /** For the link. */
  ended(error: unknown): void {
    const reason = closedError(error);
    this.#keepAlive.stop();
    for (const { context, incoming, credit } of this.#calls.entries()) {
      context.abort(reason);
      incoming?.end(reason);
      credit?.end(reason);
      this.#owner.left();
    }
    this.#calls = new TagTable();
    this.#tellIdle();
    this.#owner.ended(this, error);
  }

  #requested(bytes: Uint8Array): void {
    const { tag, value, flags, headAt, messageAt } = this.#frame;
    const reader = this.#reader;
    reader.open(bytes, headAt, messageAt);
    const bound = this.#owner.find(reader.u32(), reader.u32());
    if (this.#calls.get(tag) !== undefined) {
      throw new RpcError("INTERNAL", `Cannot serve call: its tag ${tag} is in use`);
    }
    if (bound instanceof RpcError) return this.#sender.error(tag, bound, FrameFlag.UNSERVED);
    const context = new CallContext(readMetadata(reader), value);
    const refused = this.#refusing ? DRAINING : this.#owner.enter(this.#calls.size);
    if (refused !== null) return this.#sender.error(tag, refused, FrameFlag.UNSERVED);
    const call = this.#open(tag, bound, context);
    let request: unknown = call.incoming;
    if (call.incoming === null) {
      try {
        this.#openMessage(bytes);
        request = bound.requestCodec.read(reader);
      } catch (cause) {
        return this.#finish(tag, call, malformed(cause));
      }
    } else if (flags & FrameFlag.END) call.incoming.end();
    this.#serve(tag, call, request);
  }

  #open(tag: number, bound: BoundMethod, context: CallContext): ServedCall {
    const call: ServedCall = {
      tag,
      nextOfSlot: null,
      context,
      bound,
      incoming: bound.streamsRequests ? this.#incoming(tag) : null,
      credit: bound.streamsReplies ? new SendCredit(this.#peer.windowBytes) : null,
    };
    this.#calls.add(call);
    return call;
  }

  #incoming(tag: number): IncomingStream<unknown> {
    return new IncomingStream({
      consumed: (byteLength) => {
        if (this.#calls.get(tag) !== undefined) {
          this.#sender.empty(FrameKind.CREDIT, tag, byteLength);
        }
      },
      // The rest of the requests is not wanted; the reply is.
      abandoned: () => {},
    }, this.#own.windowBytes);
  }

  #serve(tag: number, call: ServedCall, request: unknown): void {
    const { deadline } = call.context;
    if (deadline === undefined) this.#run(tag, call, request);
    // What a handler's stream does later belongs to the call as well.
    else runWithDeadline(deadline, () => this.#run(tag, call, request));
  }

  #run(tag: number, call: ServedCall, request: unknown): void {
    let result: unknown;
    try {
      result = call.bound.call(request, call.context);
    } catch (error) {
      return this.#finish(tag, call, error);
    }
    if (call.bound.streamsReplies) void this.#sendAll(tag, call, result as Replies);
    else if (result instanceof Promise) {
      result.then(
        (reply) => this.#answer(tag, call, reply),
        (error) => this.#finish(tag, call, error),
      );
    } else this.#answer(tag, call, result);
  }

  #answer(tag: number, call: ServedCall, reply: unknown): void {
    // Not there any more when the caller gave up; the tag may be another call's by now.
    if (this.#calls.get(tag) !== call) return;
    try {
      this.#reply(tag, call.context.replyMetadata, call.bound.replyCodec, reply);
    } catch (error) {
      return this.#finish(tag, call, error);
    }
    this.#leave(tag, call);
  }

  async #sendAll(tag: number, call: ServedCall, replies: Replies): Promise<void> {
    const credit = call.credit!;
    try {
      // An interceptor may give a promise of them.
      await credit.each(await replies, async (reply) => {
        await credit.ready();
        await this.#link.ready();
        // Of a call that is over nobody wants to know why.
        if (this.#calls.get(tag) !== call) throw CANCELLED;
        credit.spend(this.#message(tag, call.bound.replyCodec, reply));
      });
      if (this.#calls.get(tag) !== call) return;
      this.#reply(tag, call.context.replyMetadata, null, undefined);
      this.#leave(tag, call);
    } catch (error) {
      this.#finish(tag, call, error);
    }
  }

  #arrived(bytes: Uint8Array): void {
    const { tag, flags } = this.#frame;
    const call = this.#calls.get(tag);
    // Of a call that is answered the rest of the requests is on its way.
    if (call === undefined) return;
    if (call.incoming === null) {
      throw new RpcError("INTERNAL", "Cannot serve call: it takes one request");
    }
    if (flags & FrameFlag.BODY) {
      let request: unknown;
      try {
        this.#openMessage(bytes);
        request = call.bound.requestCodec.read(this.#reader);
      } catch (cause) {
        return this.#finish(tag, call, malformed(cause));
      }
      if (!call.incoming.push(request, frameBytesOf(this.#frame))) {
        throw new RpcError("INTERNAL", "Cannot serve call: more is sent than there is credit for");
      }
    }
    if (flags & FrameFlag.END) call.incoming.end();
  }

  /** Begins to read the frame's message, as it was before it was compressed. */
  #openMessage(bytes: Uint8Array): void {
    const { flags, messageAt, end } = this.#frame;
    if ((flags & FrameFlag.COMPRESSED) === 0) return this.#reader.open(bytes, messageAt, end);
    const message = bytes.subarray(messageAt, end);
    const plain = decompress(this.#sender.compressor, message, this.#own.messageBytesMax);
    this.#reader.open(plain, 0, plain.length);
  }

  #cancelled(tag: number): void {
    const call = this.#calls.get(tag);
    if (call === undefined) return;
    this.#leave(tag, call);
    call.context.abort(CANCELLED);
    call.incoming?.end(CANCELLED);
    call.credit?.end(CANCELLED);
  }

  /** Answers with an error; the call is over. */
  #finish(tag: number, call: ServedCall, error: unknown): void {
    if (this.#calls.get(tag) !== call) return;
    this.#leave(tag, call);
    call.incoming?.end(error);
    call.credit?.end(error);
    this.#sender.error(tag, asRpcError(error));
  }

  #leave(tag: number, call: ServedCall): void {
    this.#calls.take(tag);
    call.context.end();
    this.#owner.left();
    if (this.#calls.size === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #hello(bytes: Uint8Array): void {
    this.#reader.open(bytes, this.#frame.messageAt, this.#frame.end);
    if (this.#greeted) throw unexpected(FrameKind.HELLO);
    this.#peer = readHello(this.#reader);
    this.#greeted = true;
    agree(this.#sender, this.#peer, this.#owner.limits.compression);
  }

  #reply(tag: number, metadata: Metadata, codec: NativeCodec | null, reply: unknown): void {
    const head = metadata === NO_METADATA ? undefined : metadata;
    this.#sender.message(FrameKind.REPLY, codec ? FrameFlag.BODY : 0, tag, head, codec, reply);
  }

  #message(tag: number, codec: NativeCodec, reply: unknown): number {
    return this.#sender.message(FrameKind.MESSAGE, FrameFlag.BODY, tag, undefined, codec, reply);
  }
}

const CANCELLED = new RpcError("CANCELLED", "Cannot go on: the caller gave up");
const DRAINING = new RpcError("UNAVAILABLE", "Cannot serve call: the server shuts down", {
  unserved: true,
});

const OVERSIZED = new RpcError("RESOURCE_EXHAUSTED", "Cannot serve call: its message is too long");
/** For so long calls are served that a client sent before it heard of the end. */
const DRAIN_GRACE_MS = 1_000;

type Replies = AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>;

function malformed(cause: unknown): RpcError {
  const text = cause instanceof Error ? cause.message : "Cannot decode request";
  return new RpcError("INVALID_ARGUMENT", text, { cause });
}

function unexpected(kind: number): RpcError {
  return new RpcError("INTERNAL", `Cannot go on: the client sent a frame of kind ${kind}`);
}
