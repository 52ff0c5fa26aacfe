// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientContent } from "./client_content.ts";
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientLimits } from "./client_options.ts";
import { Upload } from "./client_upload.ts";
import { RESERVE_BYTES_MAX, type Transport } from "./transport.ts";

/** Content that leaves with the head, where there is room at once. */
const INLINE_CONTENT_BYTES_MAX = 65_536;

/** Who is told how sending goes. */
export interface SendEvents {
  /** The server is to take the next bytes, or to say that it will, in so many milliseconds. */
  sending(timeoutMs: number): void;
  /** All was sent; or the server takes no more, and the connection cannot be used again. */
  sent(whole: boolean): void;
  /** The caller's content cannot be had. */
  contentFailed(error: unknown): void;
}

/** Writes requests: head and short contents at once, the rest as the server takes it. */
export class RequestSender {
  readonly #transport: Transport;
  readonly #limits: ClientLimits;
  readonly #events: SendEvents;
  #upload: Upload | null = null;

  /** Writes to a transport. */
  constructor(transport: Transport, limits: ClientLimits, events: SendEvents) {
    this.#transport = transport;
    this.#limits = limits;
    this.#events = events;
  }

  /** Whether a request is still being sent. */
  get busy(): boolean {
    return this.#upload !== null;
  }

  /** Whether the server has still to say that it takes the content. */
  get waits(): boolean {
    return this.#upload !== null && this.#upload.waits;
  }

  /** Sends a request. */
  send(exchange: ClientExchange): void {
    const { request: { content }, head } = exchange;
    const rest = this.#write(head);
    if (content === null && rest === null) return;
    const waits = content !== null && this.#awaitsContinue(exchange);
    const bytes = content?.bytes ?? null;
    let from = 0;
    if (rest === null && bytes !== null && !waits && bytes.length <= INLINE_CONTENT_BYTES_MAX) {
      from = this.#transport.offer(bytes);
      if (from === bytes.length || from < 0) return;
    }
    const { continueTimeoutMs, sendTimeoutMs } = this.#limits;
    const upload = new Upload(this.#transport, content ?? NO_CONTENT, waits, () => {
      if (this.#upload === upload) this.#events.sending(sendTimeoutMs);
    });
    this.#upload = upload;
    this.#events.sending(waits ? continueTimeoutMs : sendTimeoutMs);
    this.#run(upload, rest, from);
  }

  /** The server takes the content, or did not say in time. */
  proceed(): void {
    if (!this.waits) return;
    this.#events.sending(this.#limits.sendTimeoutMs);
    this.#upload!.proceed();
  }

  /** Sends no more, and tells the source. */
  stop(reason?: unknown): void {
    const upload = this.#upload;
    this.#upload = null;
    upload?.stop(reason);
  }

  /** Writes a head; gives what found no room. */
  #write(head: Uint8Array): Uint8Array | null {
    const transport = this.#transport;
    const { length } = head;
    const at = length <= RESERVE_BYTES_MAX ? transport.reserve(length) : -1;
    if (at >= 0) {
      transport.memory.set(head, at);
      transport.commit(length);
      return null;
    }
    const taken = transport.offer(head);
    return taken < 0 || taken === length ? null : head.subarray(taken);
  }

  async #run(upload: Upload, rest: Uint8Array | null, from: number): Promise<void> {
    let whole = false;
    try {
      if (rest !== null) await this.#transport.write(rest).catch(() => {});
      whole = await upload.run(from) === "sent";
    } catch (error) {
      if (this.#upload !== upload) return;
      this.#upload = null;
      return this.#events.contentFailed(error);
    }
    if (this.#upload !== upload) return;
    this.#upload = null;
    this.#events.sent(whole);
  }

  #awaitsContinue({ request: { content, headers } }: ClientExchange): boolean {
    const { expectContinueBytesMin } = this.#limits;
    const { byteLength } = content!;
    return (byteLength < 0 || byteLength >= expectContinueBytesMin) &&
        expectContinueBytesMin < Infinity ||
      headers.some(([name, value]) => name === "expect" && /^100-continue$/i.test(value));
  }
}

const NO_CONTENT: ClientContent = {
  contentType: null,
  byteLength: 0,
  bytes: new Uint8Array(),
  repeatable: true,
  open: () => new Blob().stream(),
};
