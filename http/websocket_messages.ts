// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WebSocketData } from "./websocket_decoder.ts";

/** Bytes of messages that nobody has taken above which the peer has to wait. */
export const MESSAGES_BYTES_MAX = 1_048_576;
/** What a message counts beside its bytes. */
const MESSAGE_BYTES = 64;

/** What a {@linkcode MessageQueue} does to its connection. */
export interface MessageSource {
  /** Makes the peer wait. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
}

/**
 * The messages of a connection for one reader, in order. When it is full the peer has to wait; what
 * was on its way then still comes in.
 */
export class MessageQueue implements AsyncIterableIterator<WebSocketData> {
  readonly #source: MessageSource;
  readonly #onReturn: () => void;
  #messages: WebSocketData[] = [];
  #next = 0;
  #bytes = 0;
  #paused = false;
  #readers: PromiseWithResolvers<IteratorResult<WebSocketData>>[] = [];
  #end: { error: Error | null } | null = null;

  /** Queues the messages of a source; `onReturn` is called when the reader has had enough. */
  constructor(source: MessageSource, onReturn: () => void) {
    this.#source = source;
    this.#onReturn = onReturn;
  }

  /** Adds a message. */
  push(data: WebSocketData): void {
    const reader = this.#readers.shift();
    if (reader) return reader.resolve({ done: false, value: data });
    this.#messages.push(data);
    this.#bytes += data.length + MESSAGE_BYTES;
    if (this.#bytes < MESSAGES_BYTES_MAX || this.#paused) return;
    this.#paused = true;
    this.#source.pause();
  }

  /** No message follows; with an error the reader is told behind the last one. */
  close(error: Error | null): void {
    this.#end ??= { error };
    for (const reader of this.#readers.splice(0)) {
      if (error === null) reader.resolve(DONE);
      else reader.reject(error);
    }
  }

  /** The next message. */
  next(): Promise<IteratorResult<WebSocketData>> {
    if (this.#next < this.#messages.length) {
      return Promise.resolve({ done: false, value: this.#take() });
    }
    if (this.#end === null) {
      const reader = Promise.withResolvers<IteratorResult<WebSocketData>>();
      this.#readers.push(reader);
      return reader.promise;
    }
    const { error } = this.#end;
    this.#end = { error: null };
    return error === null ? Promise.resolve(DONE) : Promise.reject(error);
  }

  /** The reader has had enough. */
  return(): Promise<IteratorResult<WebSocketData>> {
    this.close(null);
    this.#messages = [];
    this.#next = this.#bytes = 0;
    this.#goOn();
    this.#onReturn();
    return Promise.resolve(DONE);
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): WebSocketData {
    const data = this.#messages[this.#next];
    this.#messages[this.#next++] = "";
    if (this.#next === this.#messages.length) {
      this.#messages = [];
      this.#next = 0;
    }
    this.#bytes -= data.length + MESSAGE_BYTES;
    if (this.#bytes <= MESSAGES_BYTES_MAX / 2) this.#goOn();
    return data;
  }

  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resume();
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
