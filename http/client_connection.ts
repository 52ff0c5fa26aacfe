// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { incomingBody, originOf, partialResponse, wholeResponse } from "./client_answer.ts";
import type { ClientConnectionOwner } from "./client_connection_owner.ts";
import type { ClientExchange } from "./client_exchange.ts";
import { asksToClose } from "./client_request_head.ts";
import type { IncomingBody } from "./incoming_body.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import { PendingBytes } from "./pending_bytes.ts";
import { RequestSender, type SendEvents } from "./request_sender.ts";
import { ResponseBody, type ResponseBodyOwner } from "./response_body.ts";
import { noteAnswer } from "./response_notes.ts";
import { BodyEnd, ResponseHead } from "./response_head.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Interim responses (1xx) before the final one; one more ends the connection. */
export const INTERIM_MAX = 64;
/** Bodies of which so many bytes or more are to come are received in large pieces. */
const BULK_BYTES = 262_144;

/**
 * One connection to a server, and the requests that are on it: one, or several where the caller
 * wants pipelining. Responses are read where they are, in order.
 *
 * ```
 *             send              head, whole body
 *   (idle) ---------> waiting ----------------------> (idle), or over when either side closes
 *                        | head
 *                        v
 *                      body ------ last byte -------> (idle), once the request's content left too
 * ```
 */
export class ClientConnection implements TransportSink, ResponseBodyOwner, SendEvents {
  /** When the client is to call {@linkcode expire}. */
  deadlineMs = Infinity;
  /** For the pool: whether it waits to be used. */
  idle = false;

  readonly #owner: ClientConnectionOwner<ClientConnection>;
  readonly #transport: Transport;
  readonly #sender: RequestSender;
  #current: ClientExchange | null = null;
  /** Requests that are on their way behind the one that is answered next. */
  readonly #behind: ClientExchange[] = [];
  #incoming: IncomingBody<ResponseBody> | null = null;
  #untilClose = false;
  #partialHead: ResponseHead | null = null;
  #pending: PendingBytes | null = null;
  #open = true;
  #paused = false;
  #keepAlive = true;
  #held = true;
  #served = 0;
  #interim = 0;
  #idleMs: number;

  /** Takes over a connected transport. */
  constructor(owner: ClientConnectionOwner<ClientConnection>, transport: Transport) {
    this.#owner = owner;
    this.#transport = transport;
    this.#sender = new RequestSender(transport, owner.limits, this);
    this.#idleMs = owner.limits.idleTimeoutMs;
    transport.start(this);
  }

  /** Whether a response is still due. */
  get busy(): boolean {
    return this.#current !== null;
  }

  /** Whether another request may follow those that are on their way. */
  takesMore(pipelining: number): boolean {
    return this.#open && this.#keepAlive && !this.#sender.busy && this.#current !== null &&
      this.#current.repeatable && this.#behind.length + 1 < pipelining;
  }

  /** Sends a request. */
  send(exchange: ClientExchange): void {
    const { request } = exchange;
    exchange.connection = this;
    this.#served++;
    if (this.#current === null) this.#begin(exchange);
    else this.#behind.push(exchange);
    if (request.headers.length > 0 && asksToClose(request)) this.#keepAlive = false;
    this.#sender.send(exchange);
  }

  /** The caller gave a request up: with it goes the connection, if it was on its way. */
  abandon(exchange: ClientExchange): void {
    // What is behind has been sent: its response will be passed over.
    if (this.#current !== exchange) return;
    this.#current = null;
    this.#end(new Deno.errors.Interrupted("Request was given up"), true);
  }

  /** For the pool: nobody uses it now. */
  unhold(): void {
    this.#held = false;
    this.#transport.hold(false);
    if (this.deadlineMs < Infinity) this.#owner.noteDeadline(this.deadlineMs);
  }

  /** Closes, whatever is on its way. */
  close(cause: Error): void {
    this.#end(cause, this.#current !== null);
  }

  /** Takes bytes of responses. */
  take(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#open) return;
    if (this.#pending === null) {
      const at = this.#consume(bytes, start, end);
      if (at < end && this.#open) {
        this.#pending = new PendingBytes();
        this.#pending.append(bytes, at, end);
      }
    } else {
      const pending = this.#pending;
      pending.append(bytes, start, end);
      pending.start = this.#consume(pending.bytes, pending.start, pending.end);
      if (pending.length === 0 || !this.#open) this.#pending = null;
    }
    if (this.#incoming?.body.full) this.#pause();
  }

  /** Where bytes of the body are wanted; null for nowhere. */
  room(byteLength: number): Uint8Array | null {
    if (this.#incoming === null || this.#pending !== null) return null;
    return this.#incoming.room(byteLength);
  }

  /** So many bytes of the body were put there. */
  filled(byteLength: number): void {
    const incoming = this.#incoming!;
    incoming.filled(byteLength);
    if (incoming.done) return this.#bodyEnded(incoming);
    this.#awaitBody(incoming.body);
    if (incoming.body.full) this.#pause();
  }

  /** The server sends no more. */
  ended(error: Error | null): void {
    if (!this.#open) return;
    if (error === null && this.#untilClose && this.#incoming !== null) {
      this.#keepAlive = false;
      return this.#bodyEnded(this.#incoming);
    }
    this.#end(error ?? closedError(), error !== null);
  }

  /** A deadline has passed. */
  expire(nowMs: number): void {
    const exchange = this.#current;
    if (exchange === null) return this.close(timedOut("the connection was idle", this.#idleMs));
    if (this.#sender.waits) return this.#sender.proceed();
    const { headersTimeoutMs, bodyTimeoutMs, sendTimeoutMs, timeoutMs } = this.#owner.limits;
    const [what, limitMs] = nowMs >= exchange.deadlineMs
      ? ["all of it took too long", timeoutMs]
      : this.#incoming !== null
      ? ["no byte of the body came", bodyTimeoutMs]
      : this.#sender.busy
      ? ["the server took no byte of the body", sendTimeoutMs]
      : ["no response came", headersTimeoutMs];
    this.#end(timedOut(what, limitMs), true);
  }

  /** For the body: somebody waits for bytes. */
  wanted(): void {
    this.drained();
    if (this.#current !== null) this.#await(this.#owner.limits.bodyTimeoutMs);
  }

  /** For the body: there is room. */
  drained(): void {
    if (!this.#paused || !this.#open) return;
    this.#paused = false;
    this.#transport.resume();
  }

  /** For the body: nobody wants the rest. The connection would have to read all of it first. */
  dropped(): void {
    if (this.#incoming !== null) this.#end(new Deno.errors.Interrupted("Nobody reads on"), true);
  }

  /** For the sender: the server has taken something, or is to take the next in so long. */
  sending(timeoutMs: number): void {
    if (this.#current !== null && this.#incoming === null) this.#await(timeoutMs);
  }

  /** For the sender: all was sent, or no more will be. */
  sent(whole: boolean): void {
    if (!whole) this.#keepAlive = false;
    else this.sending(this.#owner.limits.headersTimeoutMs);
  }

  /** For the sender: the content cannot be had. */
  contentFailed(error: unknown): void {
    this.#end(error, true);
  }

  #begin(exchange: ClientExchange): void {
    this.#current = exchange;
    this.idle = false;
    this.#interim = 0;
    if (!this.#held) {
      this.#held = true;
      this.#transport.hold(true);
    }
    this.#await(this.#owner.limits.headersTimeoutMs);
  }

  /** Sets the deadline of what is waited for from now on. */
  #await(timeoutMs: number): void {
    const totalMs = this.#current?.deadlineMs ?? Infinity;
    if (timeoutMs === 0 && totalMs === Infinity) {
      this.deadlineMs = Infinity;
      return;
    }
    const phaseMs = timeoutMs === 0 ? Infinity : this.#owner.clock.nowMs + timeoutMs;
    this.deadlineMs = Math.min(phaseMs, totalMs);
    this.#owner.noteDeadline(this.deadlineMs);
  }

  /** Takes what can be taken; says how far it came. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.#open) {
      if (this.#incoming !== null) {
        at = this.#takeBody(this.#incoming, bytes, at, end);
        continue;
      }
      if (this.#current === null) {
        // Nobody asked for it, so nobody can tell whose answer it is.
        this.#end(new Deno.errors.InvalidData("The server sent what nobody asked for"), true);
        return end;
      }
      const head = this.#partialHead ?? wholeHead;
      if (head === wholeHead) head.reset();
      const length = head.scan(bytes, at, end, RESPONSE_LIMITS);
      if (length === 0) {
        this.#partialHead ??= new ResponseHead();
        return at;
      }
      this.#partialHead = null;
      if (length < 0) {
        this.#end(new Deno.errors.InvalidData(`Malformed response: ${head.reason}`), true);
        return end;
      }
      at = head.status < 200 && head.status !== 101
        ? this.#takeInterim(head.status, at + length)
        : this.#answer(this.#current, head, bytes, at, length, end);
    }
    return at;
  }

  #takeInterim(status: number, at: number): number {
    if (++this.#interim > INTERIM_MAX) {
      this.#end(new Deno.errors.InvalidData("Too many interim responses"), true);
    } else if (status === 100) this.#sender.proceed();
    return at;
  }

  /** The head of the final response is there; says where the bytes go on. */
  #answer(
    exchange: ClientExchange,
    head: ResponseHead,
    bytes: Uint8Array,
    start: number,
    headLength: number,
    end: number,
  ): number {
    const { method } = exchange.request;
    const { limits, decodes } = this.#owner;
    const notes = noteAnswer(head, bytes, start, method);
    const byteLength = head.status === 101 ? 0 : head.bodyLength(method);
    if (head.status === 101 || !head.keepAlive) this.#keepAlive = false;
    if (notes.keepAliveMs > 0) this.#idleMs = Math.min(limits.idleTimeoutMs, notes.keepAliveMs);
    const place = { head, bytes, start, headLength, byteLength };
    const origin = originOf(exchange, decodes ? notes.codings : null, limits);
    const bodyAt = start + headLength;
    if (byteLength >= 0 && end - bodyAt >= byteLength) {
      const response = wholeResponse(origin, place, method);
      this.#finish();
      exchange.end();
      this.#owner.answered(exchange, response, notes);
      return bodyAt + byteLength;
    }
    const body = exchange.body = new ResponseBody(this);
    this.#untilClose = byteLength === BodyEnd.CLOSE;
    this.#incoming = incomingBody(body, byteLength);
    this.deadlineMs = Infinity;
    if (exchange.deadlineMs < Infinity) this.#await(0);
    const response = partialResponse(origin, place, body);
    const at = this.#takeBody(this.#incoming, bytes, bodyAt, end);
    if (byteLength >= BULK_BYTES && this.#incoming !== null) {
      this.#transport.expectBulk?.(byteLength - (at - bodyAt));
    }
    this.#owner.answered(exchange, response, notes);
    return at;
  }

  /** Nobody reads: the server waits. */
  #pause(): void {
    if (this.#paused || !this.#open) return;
    this.#paused = true;
    this.#await(0);
    this.#transport.pause();
  }

  /** Takes bytes of the body; says how far that was. */
  #takeBody(
    incoming: IncomingBody<ResponseBody>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const at = incoming.take(bytes, start, end);
    if (at < 0) {
      this.#end(new Deno.errors.InvalidData(`Malformed response: ${incoming.reason}`), true);
      return end;
    }
    if (incoming.done) this.#bodyEnded(incoming);
    else this.#awaitBody(incoming.body);
    return at;
  }

  /** Bytes of the body came: the next are late only where somebody waits for them. */
  #awaitBody(body: ResponseBody): void {
    this.#await(body.awaited ? this.#owner.limits.bodyTimeoutMs : 0);
  }

  #bodyEnded(incoming: IncomingBody<ResponseBody>): void {
    const exchange = this.#current!;
    this.#incoming = null;
    this.#untilClose = false;
    this.#transport.expectBulk?.(0);
    incoming.body.end(incoming.trailers);
    exchange.end();
    this.#finish();
  }

  /** All of a response came: the next one, or none. */
  #finish(): void {
    this.#current = null;
    const next = this.#keepAlive ? this.#behind.shift() : undefined;
    if (next !== undefined) this.#begin(next);
    this.#rest();
  }

  /** Lets another request come, if the connection can take one. */
  #rest(): void {
    if (!this.#open) return;
    if (this.#sender.busy && this.#current === null) {
      // The server has answered, and does not need the rest (RFC 9112 section 9.3).
      this.#sender.stop();
      this.#keepAlive = false;
    }
    if (!this.#keepAlive && this.#current === null) return this.#end(closedError(), false);
    if (this.#current === null) {
      this.deadlineMs = this.#idleMs === 0 ? Infinity : this.#owner.clock.nowMs + this.#idleMs;
    }
    this.#owner.released(this);
  }

  /** The connection is over: what is on it fails, or is sent on another. */
  #end(cause: unknown, atOnce: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    const [current, incoming] = [this.#current, this.#incoming];
    this.#current = this.#incoming = null;
    this.#sender.stop(cause);
    if (atOnce) this.#transport.abort();
    else this.#transport.close();
    this.#owner.closed(this);
    if (current !== null) {
      current.end();
      if (incoming !== null) {
        incoming.body.fail(new TypeError("error reading a body from connection", { cause }));
      } else {
        // A connection that served before, and answered nothing at all, was closed meanwhile.
        const stale = this.#served > 1 + this.#behind.length && this.#pending === null &&
          this.#interim === 0;
        this.#owner.failed(current, cause, stale);
      }
    }
    // Those behind were not answered in any part.
    for (const exchange of this.#behind.splice(0)) this.#owner.failed(exchange, cause, true);
  }
}

/** For heads that are all there. */
const wholeHead = new ResponseHead();

function closedError(): Error {
  return new Deno.errors.UnexpectedEof("The server closed the connection");
}

function timedOut(what: string, limitMs: number): Error {
  return new Deno.errors.TimedOut(`Cannot fetch: ${what} within ${limitMs} ms`);
}
