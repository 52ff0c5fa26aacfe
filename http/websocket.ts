// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Transport } from "./transport.ts";
import { checkClose, checkProtocols, webSocketUrl } from "./websocket_arguments.ts";
import { dialWebSocket } from "./websocket_client.ts";
import { givenAs, viewOf } from "./websocket_data.ts";
import type { WebSocketData } from "./websocket_decoder.ts";
import { WebSocketLink } from "./websocket_link.ts";
import type { WebSocketEnd, WebSocketLinkOwner } from "./websocket_link.ts";
import { messageListeners, MessageNotice } from "./websocket_event.ts";
import { MessageQueue } from "./websocket_messages.ts";
import {
  type AdoptedWebSocket,
  type CheckedLimits,
  checkWebSocketLimits,
  linkOptions,
  type WebSocketOptions,
} from "./websocket_options.ts";

/** What a socket is for the rest of the module: how a server's connection gets into it. */
export interface WebSocketEntrance {
  /** The socket. */
  readonly socket: WebSocket;
  /** Opens it on a connection; `isClient` says which side this is. */
  open(transport: Transport, rest: Uint8Array, isClient: boolean): void;
  /** The peer was gone before. */
  ended(error: Error | null): void;
  /** There will be no connection. */
  fail(error: Error): void;
}

const PONG_EVENT = "pong";

/**
 * A WebSocket. Drop-in for {@linkcode globalThis.WebSocket}; servers get theirs from
 * `upgradeWebSocket`.
 *
 * What goes beyond it: `for await` over its messages makes the peer wait while the loop is busy,
 * {@linkcode WebSocket.drained} waits for a slow peer, {@linkcode WebSocket.ping} asks for a sign
 * (a `pong` event), {@linkcode WebSocket.terminate} ends at once, and messages can be compressed.
 *
 * What differs: a connection that could not be opened closes with 1006, as the standard has it, and
 * it is no instance of the global class.
 *
 * @example Talk to an echo
 * ```ts
 * import { serve, upgradeWebSocket, WebSocket } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(data);
 *   return response;
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
 * socket.onopen = () => socket.send("hello");
 * for await (const data of socket) {
 *   assertEquals(data, "hello");
 *   break;
 * }
 * socket.close();
 * await socket.closed;
 * ```
 */
export class WebSocket extends EventTarget implements globalThis.WebSocket {
  /** Being opened. */
  static readonly CONNECTING = 0;
  /** Open. */
  static readonly OPEN = 1;
  /** One side has said goodbye. */
  static readonly CLOSING = 2;
  /** Over. */
  static readonly CLOSED = 3;
  /** Being opened. */
  readonly CONNECTING = 0;
  /** Open. */
  readonly OPEN = 1;
  /** One side has said goodbye. */
  readonly CLOSING = 2;
  /** Over. */
  readonly CLOSED = 3;

  readonly #url: string;
  readonly #origin: string;
  readonly #closed = Promise.withResolvers<CloseEvent>();
  readonly #abort = new AbortController();
  readonly #handlers = new Map<string, { handler: Handler; listener: EventListener }>();
  #onMessage: MessageHandler | null = null;
  #binaryType: BinaryType;
  #readyState = 0;
  /** What `close` was told before there was a connection. */
  #goodbye: [code: number | undefined, reason: Uint8Array] | null = null;
  #protocol = "";
  #extensions = "";
  #link: WebSocketLink | null = null;
  #queue: MessageQueue | null = null;

  /**
   * Begins to connect.
   *
   * @param url Where: `ws:`, `wss:`, `http:` or `https:`
   * @param options Protocols, or more
   * @throws {DOMException} `SyntaxError` when the URL or a protocol is none
   * @throws {RangeError} when a limit is out of its range
   */
  constructor(url: string | URL, options?: string | string[] | WebSocketOptions);
  constructor(url: string | URL | null, options: string | string[] | WebSocketOptions = {}) {
    super();
    this.#binaryType = url === null ? "arraybuffer" : "blob";
    this.#url = "";
    this.#origin = "";
    if (url === null) return;
    const isList = typeof options === "string" || Array.isArray(options);
    const wanted: WebSocketOptions = isList ? { protocols: options } : options;
    const address = webSocketUrl(url);
    const protocols = checkProtocols(wanted.protocols ?? []);
    const limits = checkWebSocketLimits(wanted);
    this.#url = address.href;
    this.#origin = address.origin === "null"
      ? `${address.protocol}//${address.host}`
      : address.origin;
    this.#dial(address, protocols, wanted, limits);
  }

  /** A socket that waits for a connection, for the rest of the module. */
  static entrance(adopted: AdoptedWebSocket): WebSocketEntrance {
    const socket = new WebSocket(...[null] as unknown as [string]);
    return {
      socket,
      open: (transport, rest, isClient) => socket.#open(transport, rest, isClient, adopted),
      ended: (error) => socket.#link?.ended(error),
      fail: (error) => socket.#over({ code: 1006, reason: "", wasClean: false, error }),
    };
  }

  /** Where it was opened, with no fragment; `""` on a server. */
  get url(): string {
    return this.#url;
  }

  /** 0 while it is opened, 1 when it is open, 2 when one side has said goodbye, 3 in the end. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState as 0 | 1 | 2 | 3;
  }

  /** The protocol that was agreed on, `""` for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The extensions that were agreed on. */
  get extensions(): string {
    return this.#extensions;
  }

  /** Bytes of messages that wait for the peer to take them. */
  get bufferedAmount(): number {
    return this.#link?.bufferedBytes ?? 0;
  }

  /** What binary messages are given as: `"blob"` on a client, `"arraybuffer"` on a server. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  /** Resolves when it is over; never rejects. */
  get closed(): Promise<CloseEvent> {
    return this.#closed.promise;
  }

  /** Called when it is open. */
  get onopen(): ((this: globalThis.WebSocket, event: Event) => unknown) | null {
    return this.#handler("open");
  }

  set onopen(handler: ((this: globalThis.WebSocket, event: Event) => unknown) | null) {
    this.#setHandler("open", handler as Handler | null);
  }

  /** Called with each message. */
  get onmessage(): ((this: globalThis.WebSocket, event: MessageEvent) => unknown) | null {
    return this.#handler("message");
  }

  set onmessage(handler: ((this: globalThis.WebSocket, event: MessageEvent) => unknown) | null) {
    this.#onMessage = typeof handler === "function" ? handler as MessageHandler : null;
    this.#setHandler("message", handler as Handler | null);
  }

  /** Called when something failed; `onclose` follows. */
  get onerror(): ((this: globalThis.WebSocket, event: Event | ErrorEvent) => unknown) | null {
    return this.#handler("error");
  }

  set onerror(
    handler: ((this: globalThis.WebSocket, event: Event | ErrorEvent) => unknown) | null,
  ) {
    this.#setHandler("error", handler as Handler | null);
  }

  /** Called when it is over. */
  get onclose(): ((this: globalThis.WebSocket, event: CloseEvent) => unknown) | null {
    return this.#handler("close");
  }

  set onclose(handler: ((this: globalThis.WebSocket, event: CloseEvent) => unknown) | null) {
    this.#setHandler("close", handler as Handler | null);
  }

  /**
   * Sends a message: text, or bytes, which are the caller's again when this returns. Nothing
   * happens when one side has said goodbye.
   *
   * @throws {DOMException} `InvalidStateError` while it is being opened
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.#readyState === 0) throw new DOMException(NOT_OPEN, "InvalidStateError");
    if (this.#link === null) return;
    if (typeof data === "string") {
      return this.#link.send(data.isWellFormed() ? data : wellFormed(data));
    }
    const bytes = viewOf(data);
    if (bytes !== null) return this.#link.send(bytes);
    if (data instanceof Blob) return this.#sendBlob(data);
    this.#link.send(String(data));
  }

  /**
   * Asks the peer for a sign, which comes as an event `pong` with the payload as its data.
   *
   * @param payload At most 125 bytes
   * @throws {RangeError} when it is longer
   * @throws {DOMException} `InvalidStateError` unless it is open
   */
  ping(payload: Uint8Array = new Uint8Array()): void {
    if (this.#readyState !== 1) throw new DOMException(NOT_OPEN, "InvalidStateError");
    if (payload.length > 125) {
      throw new RangeError(
        `Cannot ping: the payload must be at most 125 bytes, received ${payload.length}`,
      );
    }
    this.#link!.ping(payload);
  }

  /** Resolves when the kernel has taken all messages, or will not any more. */
  drained(): Promise<void> {
    return this.#link?.drained() ?? Promise.resolve();
  }

  /**
   * Says goodbye, behind the messages that were sent; a server's socket that is not open yet does
   * so as soon as it is.
   *
   * @param code 1000, or 3000 to 4999
   * @param reason At most 123 bytes
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(code?: number, reason?: string): void {
    const why = checkClose(code, reason);
    if (this.#readyState >= 2) return;
    const wasOpen = this.#readyState === 1;
    this.#readyState = 2;
    const given = code ?? (why.length > 0 ? 1000 : undefined);
    if (wasOpen) return this.#link!.close(given, why);
    this.#goodbye = [given, why];
    this.#abort.abort(new Deno.errors.Interrupted("Cannot open WebSocket: it was closed"));
  }

  /** Ends at once: the peer reads a reset. */
  terminate(): void {
    if (this.#readyState === 0) return this.close();
    this.#link?.terminate();
  }

  /**
   * The messages from now on, which no event tells any more: the peer has to wait while nobody
   * takes them. The loop ends when the connection does, with an error unless both said goodbye.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<WebSocketData> {
    if (this.#queue !== null) {
      throw new TypeError("Cannot iterate: somebody else takes the messages");
    }
    const queue = this.#queue = new MessageQueue({
      pause: () => this.#link?.pause(),
      resume: () => this.#link?.resume(),
    }, () => this.#queue = null);
    if (this.#readyState === 3) queue.close(null);
    return queue;
  }

  /** `WebSocket`, as the global one has it. */
  get [Symbol.toStringTag](): string {
    return "WebSocket";
  }

  async #dial(
    url: URL,
    protocols: string[],
    { headers, caCerts = [], idleTimeout = 0 }: WebSocketOptions,
    limits: CheckedLimits,
  ): Promise<void> {
    const { compression } = limits;
    try {
      const request = { url, protocols, headers: new Headers(headers), caCerts, compression };
      const dialled = await dialWebSocket({ ...request, signal: this.#abort.signal });
      const { transport, rest, protocol, deflate } = dialled;
      this.#open(transport, rest, true, { protocol, deflate, limits, idleTimeout });
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#over({ code: 1006, reason: "", wasClean: false, error });
    }
  }

  #open(
    transport: Transport,
    rest: Uint8Array,
    isClient: boolean,
    adopted: AdoptedWebSocket,
  ): void {
    const link = new WebSocketLink(transport, this.#owner(), linkOptions(isClient, adopted));
    this.#link = link;
    if (isClient) transport.start(link);
    else transport.redirect(link);
    this.#protocol = adopted.protocol;
    this.#extensions = adopted.deflate?.header ?? "";
    if (this.#goodbye !== null) link.close(...this.#goodbye);
    else {
      this.#readyState = 1;
      this.dispatchEvent(new Event("open"));
    }
    link.begin(rest);
    transport.resume();
  }

  #owner(): WebSocketLinkOwner {
    return {
      onMessage: (data) => this.#received(data),
      onPong: (payload) => {
        this.dispatchEvent(new MessageEvent(PONG_EVENT, { data: payload.slice() }));
      },
      onClosing: () => this.#readyState = 2,
      onEnd: (end) => this.#over(end),
    };
  }

  #received(data: WebSocketData): void {
    if (this.#queue !== null) return this.#queue.push(data);
    const given = givenAs(data, this.#binaryType);
    const handler = this.#onMessage;
    // Most sockets have one handler, and nobody else listens.
    if (handler !== null && messageListeners(this) === 1) {
      return MessageNotice.tell(this, handler, given, this.#origin);
    }
    this.dispatchEvent(new MessageEvent("message", { data: given, origin: this.#origin }));
  }

  #over({ code, reason, wasClean, error }: WebSocketEnd): void {
    if (this.#readyState === 3) return;
    this.#readyState = 3;
    this.#queue?.close(wasClean ? null : error ?? new Deno.errors.ConnectionReset(LOST));
    const event = new CloseEvent("close", { code, reason, wasClean });
    if (error !== null) {
      this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
    } else if (!wasClean) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(event);
    this.#closed.resolve(event);
  }

  /** Messages that are sent meanwhile leave before it. */
  #sendBlob(blob: Blob): void {
    blob.arrayBuffer().then((buffer) => this.#link!.send(new Uint8Array(buffer)));
  }

  #handler<T>(type: string): T | null {
    return this.#handlers.get(type)?.handler as T | undefined ?? null;
  }

  #setHandler(type: string, handler: Handler | null): void {
    const before = this.#handlers.get(type);
    if (before) this.removeEventListener(type, before.listener);
    this.#handlers.delete(type);
    if (typeof handler !== "function") return;
    const listener = (event: Event) => handler.call(this, event);
    this.#handlers.set(type, { handler, listener });
    this.addEventListener(type, listener);
  }
}

type MessageHandler = (event: MessageEvent) => unknown;
type Handler = (this: WebSocket, event: Event) => unknown;

const NOT_OPEN = "'readyState' not OPEN";
const LOST = "WebSocket was closed without a goodbye";
/** Text with lone surrogates replaced, as a `USVString` is. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
