// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { keepBytes } from "./byte_slab.ts";
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientLimits } from "./client_options.ts";
import { BodyHandle, ClientResponse, type ResponseOrigin } from "./client_response.ts";
import { asksToClose } from "./client_request_head.ts";
import { Upload, type UploadOutcome } from "./client_upload.ts";
import { IncomingBody } from "./incoming_body.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import { PendingBytes } from "./pending_bytes.ts";
import { ResponseBody, type ResponseBodyOwner } from "./response_body.ts";
import { type AnswerNotes, noteAnswer } from "./response_notes.ts";
import { BodyEnd, ResponseHead } from "./response_head.ts";
import { RESERVE_BYTES_MAX, type Transport, type TransportSink } from "./transport.ts";
import type { TurnClock } from "./turn_clock.ts";

/** Interim responses (1xx) before the final one; one more ends the connection. */
export const INTERIM_MAX = 64;
/** Content that leaves with the head, where there is room at once. */
const INLINE_CONTENT_BYTES_MAX = 65_536;
/** Bodies of so many bytes and more come in large blocks. */
const BULK_BYTES = 262_144;

/** What a connection needs of the pool that it belongs to. */
export interface ConnectionOwner {
  /** The time. */
  readonly clock: TurnClock;
  /** All limits. */
  readonly limits: ClientLimits;
  /** Whether compressed bodies are decoded. */
  readonly decodes: boolean;
  /** A deadline nearer than those known came up. */
  noteDeadline(deadlineMs: number): void;
  /** A final response came, at least its head. */
  answered(exchange: ClientExchange, response: ClientResponse, notes: AnswerNotes): void;
  /** There will be no response on this connection. */
  failed(exchange: ClientExchange, cause: unknown, unserved: boolean): void;
  /** It can take another request. */
  released(connection: ClientConnection): void;
  /** It is over. */
  closed(connection: ClientConnection): void;
}

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
export class ClientConnection implements TransportSink, ResponseBodyOwner {
  /** When the client is to call {@linkcode expire}. */
  deadlineMs = Infinity;
  /** Whether it waits to be used, on top of which others may lie. */
  idle = false;

  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  #current: ClientExchange | null = null;
  /** Requests that are on their way behind the one that is answered next. */
  readonly #behind: ClientExchange[] = [];
  #upload: Upload | null = null;
  #incoming: IncomingBody<ResponseBody> | null = null;
  #untilClose = false;
  #partialHead: ResponseHead | null = null;
  #pending: PendingBytes | null = null;
  #open = true;
  #paused = false;
  #bulk = false;
  #keepAlive = true;
  #held = true;
  #served = 0;
  #interim = 0;
  #idleMs: number;

  /** Takes over a connected transport. */
  constructor(owner: ConnectionOwner, transport: Transport) {
    this.#owner = owner;
    this.#transport = transport;
    this.#idleMs = owner.limits.idleTimeoutMs;
    transport.start(this);
  }

  /** Whether a response is still due. */
  get busy(): boolean {
    return this.#current !== null;
  }

  /** Whether another request may follow those that are on their way. */
  takesMore(pipelining: number): boolean {
    return this.#open && this.#keepAlive && this.#upload === null && this.#current !== null &&
      this.#current.repeatable && this.#behind.length + 1 < pipelining;
  }

  /** Sends a request. */
  send(exchange: ClientExchange): void {
    const { request, head } = exchange;
    exchange.connection = this;
    this.#served++;
    if (this.#current === null) this.#begin(exchange);
    else this.#behind.push(exchange);
    const { content } = request;
    if (asksToCloseOn(exchange)) this.#keepAlive = false;
    const rest = this.#write(head);
    if (content !== null || rest !== null) this.#sendContent(exchange, rest);
  }

  /** The caller gave a request up: with it goes the connection, if it was on its way. */
  abandon(exchange: ClientExchange): void {
    const index = this.#behind.indexOf(exchange);
    // What is behind has been sent: its response will be passed over.
    if (index >= 0 || this.#current !== exchange) return;
    this.#current = null;
    this.#end(new Deno.errors.Interrupted("Request was given up"), true);
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
      this.#pending.append(bytes, start, end);
      this.#consumePending();
    }
    if (this.#incoming !== null && this.#incoming.body.full && !this.#paused) {
      this.#paused = true;
      this.deadlineMs = Infinity;
      this.#transport.pause();
    }
  }

  /** The server sends no more. */
  ended(error: Error | null): void {
    if (!this.#open) return;
    if (error === null && this.#untilClose && this.#incoming !== null) {
      this.#keepAlive = false;
      return this.#bodyEnded(this.#incoming);
    }
    const cause = error ?? new Deno.errors.UnexpectedEof("The server closed the connection");
    this.#end(cause, error !== null);
  }

  /** A deadline has passed. */
  expire(nowMs: number): void {
    const exchange = this.#current;
    if (exchange === null) return this.close(timedOut("the connection was idle", this.#idleMs));
    if (this.#upload?.waits) {
      this.#await(this.#owner.limits.headersTimeoutMs);
      return this.#upload.proceed();
    }
    const { headersTimeoutMs, bodyTimeoutMs, sendTimeoutMs, timeoutMs } = this.#owner.limits;
    const [what, limitMs] = nowMs >= exchange.deadlineMs
      ? ["all of it took too long", timeoutMs]
      : this.#incoming !== null
      ? ["no byte of the body came", bodyTimeoutMs]
      : this.#upload !== null
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

  #sendContent(exchange: ClientExchange, rest: Uint8Array | null): void {
    const { content } = exchange.request;
    const waits = content !== null && this.#awaitsContinue(exchange);
    const bytes = content?.bytes ?? null;
    let from = 0;
    if (rest === null && bytes !== null && !waits && bytes.length <= INLINE_CONTENT_BYTES_MAX) {
      from = this.#transport.offer(bytes);
      if (from === bytes.length || from < 0) return;
    }
    const upload = new Upload(this.#transport, content ?? NO_CONTENT, waits, () => {
      if (this.#upload === upload) this.#await(this.#owner.limits.sendTimeoutMs);
    });
    this.#upload = upload;
    this.#await(waits ? this.#owner.limits.continueTimeoutMs : this.#owner.limits.sendTimeoutMs);
    this.#run(upload, exchange, rest, from);
  }

  async #run(
    upload: Upload,
    exchange: ClientExchange,
    rest: Uint8Array | null,
    from: number,
  ): Promise<void> {
    let outcome: UploadOutcome;
    try {
      if (rest !== null) await this.#transport.write(rest).catch(() => {});
      outcome = await upload.run(from);
    } catch (error) {
      if (this.#upload !== upload) return;
      return this.#end(error, true);
    }
    if (this.#upload !== upload) return;
    this.#upload = null;
    if (outcome !== "sent") {
      this.#keepAlive = false;
      return;
    }
    // The response may have come before: then this was all that was waited for.
    if (this.#current === exchange) {
      if (this.#incoming === null) this.#await(this.#owner.limits.headersTimeoutMs);
    } else if (this.#current === null) this.#rest();
  }

  #awaitsContinue({ request: { content, headers } }: ClientExchange): boolean {
    const { expectContinueBytesMin } = this.#owner.limits;
    const { byteLength } = content!;
    return (byteLength < 0 || byteLength >= expectContinueBytesMin) &&
        expectContinueBytesMin < Infinity ||
      headers.some(([name, value]) => name === "expect" && /^100-continue$/i.test(value));
  }

  #consumePending(): void {
    const pending = this.#pending!;
    const at = this.#consume(pending.bytes, pending.start, pending.end);
    if (at >= pending.end || !this.#open) this.#pending = null;
    else pending.start = at;
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
    } else if (status === 100 && this.#upload?.waits) {
      this.#await(this.#owner.limits.sendTimeoutMs);
      this.#upload.proceed();
    }
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
    const { method, target: { href: url } } = exchange.request;
    const { status } = head;
    const notes = noteAnswer(head, bytes, start, method);
    const byteLength = status === 101 ? 0 : head.bodyLength(method);
    if (status === 101 || !head.keepAlive) this.#keepAlive = false;
    if (notes.keepAliveMs > 0) {
      this.#idleMs = Math.min(this.#owner.limits.idleTimeoutMs, notes.keepAliveMs);
    }
    const redirected = exchange.redirects > 0;
    const { decodedBytesMax } = this.#owner.limits;
    const codings = this.#owner.decodes ? notes.codings : null;
    const origin: ResponseOrigin = { url, redirected, codings, decodedBytesMax };
    const bodyAt = start + headLength;
    if (byteLength >= 0 && end - bodyAt >= byteLength) {
      const kept = keepBytes(bytes, start, bodyAt + byteLength);
      const hasNone = method === "HEAD" || isNullBody(status);
      const response = new ClientResponse(
        origin,
        status,
        kept,
        headLength,
        hasNone ? -1 : byteLength,
        null,
      );
      this.#finish();
      exchange.end();
      this.#owner.answered(exchange, response, notes);
      return bodyAt + byteLength;
    }
    const kept = keepBytes(bytes, start, bodyAt);
    const body = exchange.body = new ResponseBody(this);
    this.#untilClose = byteLength === BodyEnd.CLOSE;
    const expected = byteLength >= 0 ? byteLength : this.#untilClose ? Infinity : -1;
    this.#incoming = new IncomingBody(body, expected, BODY_LIMITS);
    const handle = new BodyHandle(body, byteLength >= 0 ? byteLength : -1);
    this.deadlineMs = Infinity;
    if (exchange.deadlineMs < Infinity) this.#await(0);
    const response = new ClientResponse(origin, status, kept, headLength, -1, handle);
    const at = this.#takeBody(this.#incoming, bytes, bodyAt, end);
    if (byteLength >= BULK_BYTES && this.#incoming !== null) this.#setBulk(true);
    this.#owner.answered(exchange, response, notes);
    return at;
  }

  #setBulk(bulk: boolean): void {
    if (this.#bulk === bulk) return;
    this.#bulk = bulk;
    this.#transport.expectBulk?.(bulk);
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
    else if (incoming.body.awaited) this.#await(this.#owner.limits.bodyTimeoutMs);
    return at;
  }

  #bodyEnded(incoming: IncomingBody<ResponseBody>): void {
    const exchange = this.#current!;
    this.#incoming = null;
    this.#untilClose = false;
    this.#setBulk(false);
    incoming.body.end(incoming.trailers);
    exchange.end();
    this.#finish();
  }

  /** All of a response came: the next one, or none. */
  #finish(): void {
    this.#current = null;
    if (!this.#keepAlive) return this.#rest();
    const next = this.#behind.shift();
    if (next !== undefined) this.#begin(next);
    this.#rest();
  }

  /** Lets another request come, if the connection can take one. */
  #rest(): void {
    if (!this.#open) return;
    const upload = this.#upload;
    if (upload !== null && this.#current === null) {
      // The server has answered, and does not need the rest (RFC 9112 section 9.3).
      this.#upload = null;
      upload.stop();
      this.#keepAlive = false;
    }
    if (!this.#keepAlive && this.#current === null) {
      return this.#end(new Deno.errors.UnexpectedEof("The server closed the connection"), false);
    }
    if (this.#current === null) {
      this.deadlineMs = this.#idleMs === 0 ? Infinity : this.#owner.clock.nowMs + this.#idleMs;
    }
    this.#owner.released(this);
  }

  /** For the pool: nobody uses it now. */
  unhold(): void {
    this.#held = false;
    this.#transport.hold(false);
    if (this.deadlineMs < Infinity) this.#owner.noteDeadline(this.deadlineMs);
  }

  /** The connection is over: what is on it fails, or is sent on another. */
  #end(cause: unknown, atOnce: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    const [current, incoming, upload] = [this.#current, this.#incoming, this.#upload];
    this.#current = this.#incoming = this.#upload = null;
    upload?.stop(cause);
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
    this.#pending = null;
  }
}

/** Scans heads that are all there; those that are not get a scanner of their own. */
const wholeHead = new ResponseHead();
const BODY_LIMITS = { ...RESPONSE_LIMITS, urlBytesMax: 0, bodyBytesMax: Infinity };
const NO_CONTENT = {
  contentType: null,
  byteLength: 0,
  bytes: new Uint8Array(),
  repeatable: true,
  open: () => new Blob().stream(),
};

function asksToCloseOn({ request }: ClientExchange): boolean {
  return request.headers.length > 0 && asksToClose(request);
}

/** Responses that have no body, not even an empty one (Fetch standard, "null body status"). */
function isNullBody(status: number): boolean {
  return status === 204 || status === 304 || status === 205 || status === 101;
}

function timedOut(what: string, limitMs: number): Error {
  return new Deno.errors.TimedOut(`Cannot fetch: ${what} within ${limitMs} ms`);
}
