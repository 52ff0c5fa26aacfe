// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { IncomingBody } from "./incoming_body.ts";
import type { ServeLimits } from "./limits.ts";
import { PendingBytes } from "./pending_bytes.ts";
import { type BodyOwner, RequestBody } from "./request_body.ts";
import { RequestHead } from "./request_head.ts";
import type { Transport } from "./transport.ts";

/** Bytes of pipelined requests that are kept while one is answered; then the peer has to wait. */
export const PIPELINE_BYTES_MAX = 65_536;

/** Who takes the requests that a {@linkcode RequestReader} finds. */
export interface RequestTaker {
  /** Whether reading is to go on at all. */
  readonly open: boolean;
  /** Whether the next request may begin. */
  readonly ready: boolean;
  /** Whether a head that is not all there is refused. */
  readonly draining: boolean;
  /** A head was found. The body is the next `whole` bytes (or -1), or comes later, or is none. */
  begin(
    head: RequestHead,
    bytes: Uint8Array,
    start: number,
    headLength: number,
    whole: number,
    body: RequestBody | null,
  ): void;
  /** What came with the head was taken as well: the request can be handled. */
  began(): void;
  /** Bytes are waited for from now on. */
  awaits(what: "head" | "body"): void;
  /** The last byte of the body came. */
  bodyEnded(): void;
  /** The body is wanted, and the client waits to be told. */
  sendContinue(): void;
  /** What came is refused with this status. */
  refuse(status: number): void;
}

/** Scans heads that are all there; those that are not get a scanner of their own. */
const wholeHead = new RequestHead();

/**
 * Finds requests in the bytes of one connection, one after the other.
 *
 * A head that is all there is read where it is. Bytes that have to wait are kept: the beginning of
 * a head, and requests behind the one that is being answered. Of these and of a body that nobody
 * reads so much is kept, then the transport is paused.
 */
export class RequestReader implements BodyOwner {
  readonly #taker: RequestTaker;
  readonly #transport: Transport;
  readonly #limits: Required<ServeLimits>;
  #incoming: IncomingBody<RequestBody> | null = null;
  #partialHead: RequestHead | null = null;
  #pending: PendingBytes | null = null;
  #continueDue = false;
  #paused = false;
  #beginning = false;
  #moreBehind = false;

  /** Reads for a connection. */
  constructor(taker: RequestTaker, transport: Transport, limits: Required<ServeLimits>) {
    this.#taker = taker;
    this.#transport = transport;
    this.#limits = limits;
  }

  /** Whether there is nothing of any request. */
  get idle(): boolean {
    return this.#pending === null && this.#incoming === null;
  }

  /** Whether a request has begun whose head is not all there. */
  get midHead(): boolean {
    return this.#partialHead !== null;
  }

  /** Whether a body is still arriving. */
  get inBody(): boolean {
    return this.#incoming !== null;
  }

  /** Whether there are bytes behind the request that is being answered. */
  get hasMore(): boolean {
    return this.#beginning ? this.#moreBehind : this.#pending !== null;
  }

  /** Takes bytes as they come. */
  take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#pending === null) {
      const at = this.#consume(bytes, start, end);
      if (at < end) this.keep(bytes, at, end);
    } else {
      this.keep(bytes, start, end);
      if (this.#incoming !== null || this.#taker.ready) this.#takePending();
    }
    if (!this.#paused && this.#full && this.#taker.open) {
      this.#paused = true;
      this.#transport.pause();
    }
  }

  /** The last request was answered: goes on with what is kept. */
  proceed(): void {
    if (this.#pending !== null) this.#takePending();
    this.#resume();
  }

  /** Keeps bytes for later. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    this.#pending ??= new PendingBytes();
    this.#pending.append(bytes, start, end);
  }

  /** Gives what is kept away. */
  takeRest(): Uint8Array {
    const rest = this.#pending?.takeAll() ?? new Uint8Array();
    this.#pending = null;
    return rest;
  }

  /** No more will be read: what is left of a body fails with this. */
  fail(error: Error): void {
    this.#incoming?.body.fail(error);
    this.#incoming = null;
    this.#pending = null;
    this.#partialHead = null;
  }

  /** The handler reads a body of which nothing is there. */
  wanted(): void {
    if (this.#incoming === null || !this.#taker.open) return;
    if (this.#continueDue) {
      this.#continueDue = false;
      this.#taker.sendContinue();
    }
    this.#resume();
    this.#taker.awaits("body");
  }

  /** The handler has read, or does not want the body. */
  drained(): void {
    this.#resume();
  }

  get #full(): boolean {
    return this.#pending !== null && this.#pending.length > PIPELINE_BYTES_MAX ||
      this.#incoming !== null && this.#incoming.body.full;
  }

  #resume(): void {
    if (!this.#paused || this.#full || !this.#taker.open) return;
    this.#paused = false;
    this.#transport.resume();
  }

  #takePending(): void {
    const pending = this.#pending!;
    const { bytes, start, end } = pending;
    const at = this.#consume(bytes, start, end);
    // The connection may have ended meanwhile.
    if (this.#pending !== pending) return;
    if (at >= end) this.#pending = null;
    else pending.start = at;
  }

  /** Takes what can be taken; says how far it came. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    const taker = this.#taker;
    let at = start;
    while (at < end && taker.open) {
      if (this.#incoming !== null) {
        at = this.#takeBody(this.#incoming, bytes, at, end);
        continue;
      }
      if (!taker.ready) break;
      const head = this.#partialHead ?? wholeHead;
      if (head === wholeHead) head.reset();
      const length = head.scan(bytes, at, end, this.#limits);
      if (length === 0) {
        if (taker.draining) return this.#refuse(503, end);
        this.#awaitHead();
        break;
      }
      if (length < 0) return this.#refuse(-length, end);
      this.#partialHead = null;
      at = this.#begin(head, bytes, at, length, end);
    }
    return at;
  }

  #awaitHead(): void {
    if (this.#partialHead !== null) return;
    this.#partialHead = new RequestHead();
    this.#taker.awaits("head");
  }

  /** Begins the request whose head was found; says where the bytes go on. */
  #begin(
    head: RequestHead,
    bytes: Uint8Array,
    start: number,
    headLength: number,
    end: number,
  ): number {
    const taker = this.#taker;
    const { contentLength, chunked } = head;
    let at = start + headLength;
    if (contentLength > this.#limits.bodyBytesMax) return this.#refuse(413, end);
    if (contentLength > 0 && end - at >= contentLength) {
      taker.begin(head, bytes, start, headLength, contentLength, null);
      at += contentLength;
    } else if (chunked || contentLength > 0) {
      const body = new RequestBody(this);
      this.#incoming = new IncomingBody(body, chunked ? -1 : contentLength, this.#limits);
      this.#continueDue = head.expectsContinue && at === end && head.minor === 1;
      taker.begin(head, bytes, start, headLength, -1, body);
      at = this.#takeBody(this.#incoming, bytes, at, end);
    } else {
      taker.begin(head, bytes, start, headLength, -1, null);
    }
    this.#moreBehind = at < end;
    this.#beginning = true;
    taker.began();
    this.#beginning = false;
    return at;
  }

  /** Takes bytes of the body; says how far that was. */
  #takeBody(
    incoming: IncomingBody<RequestBody>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (start < end) this.#continueDue = false;
    const at = incoming.take(bytes, start, end);
    if (at < 0) {
      incoming.body.fail(new TypeError(`Cannot read request body: ${incoming.reason}`));
      return this.#refuse(-at, end);
    }
    if (incoming.done) {
      this.#incoming = null;
      incoming.body.end(incoming.trailers);
      this.#taker.bodyEnded();
    }
    return at;
  }

  #refuse(status: number, end: number): number {
    this.#taker.refuse(status);
    return end;
  }
}
