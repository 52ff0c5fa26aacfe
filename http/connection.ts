// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Exchange, type ExchangePlace } from "./exchange.ts";
import { discard, isPromise, unrecoverable } from "./handler_result.ts";
import type { ServeLimits } from "./limits.ts";
import { type RequestOrigin, ServerRequest } from "./request.ts";
import type { RequestBody } from "./request_body.ts";
import type { RequestHead } from "./request_head.ts";
import { RequestReader, type RequestTaker } from "./request_reader.ts";
import { ResponseSender } from "./response_sender.ts";
import type { Transport, TransportSink } from "./transport.ts";
import type { TurnClock } from "./turn_clock.ts";

/** How long an idle connection may still bring a request when the server shuts down. */
export const DRAIN_IDLE_MS = 20;
/** How long a connection that we end may go on sending; the rest of a request is let pass. */
export const LINGER_MS = 2000;
/** Bytes that it may send in that time. */
export const LINGER_BYTES_MAX = 1_048_576;

/** What a connection needs of its server. */
export interface ConnectionOwner extends RequestOrigin {
  /** All limits. */
  readonly limits: Required<ServeLimits>;
  /** The time. */
  readonly clock: TurnClock;
  /** Whether no further request is to be taken. */
  readonly draining: boolean;
  /** Answers a request. */
  handle(request: Request, exchange: Exchange): Response | Promise<Response>;
  /** Answers in place of a handler that failed. */
  recover(error: unknown): Response | Promise<Response>;
  /** A deadline nearer than those known came up. */
  noteDeadline(deadlineMs: number): void;
  /** The connection is over. */
  closed(connection: HttpConnection): void;
}

/** What a connection is doing, see the picture below. */
type Phase = "open" | "lingering" | "upgrading" | "over";

/**
 * One HTTP/1.x connection: requests in, responses out, one at a time and in order.
 *
 * ```
 *              head complete             response written
 *   (idle) -----------------> answering -----------------> (idle), next request
 *      |                          |                          |
 *      | refused, timed out       | client left              | last request, draining
 *      +-----------> lingering <--+--------------------------+
 *                        | client ended too, or LINGER_MS
 *                        v
 *                      over
 * ```
 *
 * What comes while a request is being answered waits: the rest of its body in the
 * {@linkcode RequestBody}, further requests in {@linkcode PendingBytes}; both make the peer wait
 * when they are full. A handler that answers at once costs no promise, and all responses to one
 * receive leave in one send.
 */
export class HttpConnection implements TransportSink, RequestTaker, ExchangePlace {
  /** The peer's address. */
  readonly remoteAddr: Deno.Addr;
  /** When the server is to call {@linkcode expire}, on the turn clock. */
  deadlineMs = Infinity;

  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  readonly #reader: RequestReader;
  readonly #sender: ResponseSender;
  #phase: Phase = "open";
  #exchange: Exchange | null = null;
  #dispatching = false;
  #readAll = false;
  #keepAlive = true;
  #requests = 0;
  #lingerBytes = 0;
  /** How the peer ended before the successor was there. */
  #endedEarly: { error: Error | null } | null = null;

  /** Begins to take requests. */
  constructor(owner: ConnectionOwner, transport: Transport, remoteAddr: Deno.Addr) {
    this.#owner = owner;
    this.#transport = transport;
    this.remoteAddr = remoteAddr;
    this.#sender = new ResponseSender(transport, owner.clock, (error) => this.#reported(error));
    this.#reader = new RequestReader(this, transport, owner.limits);
    this.#rest();
    transport.start(this);
  }

  /** Whether no request is being answered or read. */
  get idle(): boolean {
    return this.#exchange === null && this.#reader.idle && !this.#sender.waiting &&
      this.#phase === "open";
  }

  /** For the reader: whether the next request may begin. */
  get ready(): boolean {
    return this.#exchange === null && this.#phase === "open" && !this.#sender.waiting;
  }

  /** For the reader: whether it is to go on. */
  get open(): boolean {
    return this.#phase === "open";
  }

  /** For the reader: whether a head that is not all there is refused. */
  get draining(): boolean {
    return this.#owner.draining;
  }

  /** For the reader: a request is there, or the beginning of it. */
  begin(
    head: RequestHead,
    bytes: Uint8Array,
    start: number,
    headLength: number,
    whole: number,
    body: RequestBody | null,
  ): void {
    this.#keepAlive = head.keepAlive && ++this.#requests < this.#owner.limits.requestsPerConnection;
    const owner = this.#owner;
    const request = new ServerRequest(owner, head, bytes, start, headLength, whole, body);
    this.#exchange = new Exchange(this, request, body, head);
    this.deadlineMs = Infinity;
  }

  /** For the reader: all that came of the request was taken. */
  began(): void {
    if (this.#exchange !== null) this.#handle(this.#exchange);
  }

  /** For the reader: the client is told to go on with its request. */
  sendContinue(): void {
    if (this.#phase !== "open") return;
    this.#sender.interim();
    this.#flush();
  }

  /** For the reader: no byte of the body is waited for. */
  bodyEnded(): void {
    this.deadlineMs = Infinity;
  }

  /** Takes bytes of requests. */
  take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase === "upgrading") return this.#reader.keep(bytes, start, end);
    if (this.#phase !== "open") return this.#passOver(end - start);
    this.#reader.take(bytes, start, end);
    this.#flush();
  }

  /** The client sends no more. */
  ended(error: Error | null): void {
    if (this.#phase === "upgrading") {
      this.#endedEarly = { error };
      return;
    }
    // Nobody is left who could read a response: half an open connection is none.
    this.#lose();
    this.#close();
  }

  /** A deadline has passed. */
  expire(): void {
    const stalled = this.#phase === "lingering" || this.#sender.waiting;
    if (stalled) return this.#giveUp();
    if (this.#exchange !== null) {
      this.#exchange.body?.fail(new Deno.errors.TimedOut("Request body came too slowly"));
      return this.#exchange.begun ? this.#giveUp() : this.refuse(408);
    }
    if (this.#reader.midHead) return this.refuse(408);
    if (!this.#owner.draining) return this.#close();
    // What has come to the kernel by now is answered all the same.
    this.#transport.finishReading(() => {
      this.#readAll = true;
      if (this.idle) this.#close();
    });
  }

  /** Takes no further request: an idle connection ends, another one after its response. */
  drain(): void {
    if (this.#phase !== "open") return;
    // Half a head is no request yet.
    if (this.#exchange === null && this.#reader.midHead) return this.refuse(503);
    if (!this.idle) return;
    // A client that had its last response just now may have sent the next request already.
    this.deadlineMs = this.#owner.clock.nowMs + DRAIN_IDLE_MS;
    this.#owner.noteDeadline(this.deadlineMs);
  }

  /** Ends the connection at once. */
  abort(): void {
    this.#lose();
    this.#giveUp();
  }

  /** Whether the connection keeps the process alive. */
  hold(hold: boolean): void {
    this.#transport.hold(hold);
  }

  #handle(exchange: Exchange): void {
    const { request } = exchange;
    this.#dispatching = true;
    try {
      const result = this.#owner.handle(request as unknown as Request, exchange);
      if (isPromise(result)) this.#await(exchange, result);
      else this.#answer(exchange, result);
    } catch (error) {
      this.#recover(exchange, error);
    }
    this.#dispatching = false;
  }

  #await(exchange: Exchange, result: Promise<Response>): void {
    exchange.request.keep();
    result.then(
      (response) => this.#answer(exchange, response),
      (error) => this.#recover(exchange, error),
    );
  }

  /** Has the error answered. */
  #recover(exchange: Exchange, error: unknown): void {
    exchange.request.keep();
    const result = this.#owner.recover(error);
    if (isPromise(result)) result.then((response) => this.#answer(exchange, response, true));
    else this.#answer(exchange, result, true);
  }

  #answer(exchange: Exchange, response: Response, recovered = false): void {
    if (this.#exchange !== exchange || this.#phase !== "open") return discard(response);
    if (exchange.successor !== null) return this.#upgrade(exchange, response);
    // What is left of a body that nobody read stands in the way of the next request.
    const unread = this.#reader.inBody && !exchange.body!.asked;
    if (unread || (this.#owner.draining && !this.#reader.hasMore)) {
      this.#keepAlive = false;
    }
    let sending: Promise<boolean> | boolean;
    try {
      sending = this.#sender.send(exchange, response, this.#keepAlive);
    } catch (error) {
      if (recovered) return this.#answer(exchange, unrecoverable(), true);
      return this.#recover(exchange, error);
    }
    if (typeof sending === "boolean") return this.#answered(exchange, sending);
    exchange.request.keep();
    this.#flush();
    sending.then((whole) => this.#answered(exchange, whole), (error) => {
      this.#reported(error);
      this.#answered(exchange, false);
    });
  }

  /** The response is written, or broke off. */
  #answered(exchange: Exchange, whole: boolean): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = null;
    exchange.end(whole);
    // A length that is not kept, or a missing last chunk, tells; without them only a reset does.
    if (!whole) return exchange.minor === 1 ? this.#close() : this.#giveUp();
    this.#keepAlive &&= this.#sender.keepsAlive && !this.#reader.inBody;
    // It may have begun to drain while a stream was being sent.
    if (this.#owner.draining && !this.#reader.hasMore) this.#keepAlive = false;
    if (!this.#keepAlive) return this.#end();
    this.#rest();
    if (this.#dispatching) return;
    this.#reader.proceed();
    this.#flush();
  }

  /** The handler asked for the connection: its successor gets it behind the response. */
  #upgrade(exchange: Exchange, response: Response): void {
    const successor = exchange.successor!;
    if (response.status !== 101) {
      exchange.successor = null;
      successor.fail(new Deno.errors.Http("Upgrade was not answered with 101"));
      return this.#answer(exchange, response);
    }
    this.#sender.send(exchange, response, true);
    this.#phase = "upgrading";
    this.#exchange = null;
    this.#sender.flush();
    // Bytes behind the request are the other protocol's; those of this very call come first.
    queueMicrotask(() => {
      this.#phase = "over";
      this.#owner.closed(this);
      successor.takeOver(this.#transport, this.#reader.takeRest());
      if (this.#endedEarly !== null) successor.ended(this.#endedEarly.error);
      exchange.end(true);
    });
  }

  /** Answers with a status and nothing else, and takes no more. */
  refuse(status: number): void {
    const exchange = this.#exchange;
    if (exchange?.begun) return this.abort();
    this.#sender.refusal(status);
    this.#lose();
    this.#end();
  }

  /** The client is gone, or let go. */
  #lose(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#reader.fail(new Deno.errors.Interrupted("Client closed the connection"));
    exchange?.reader?.cancel().catch(() => {});
    exchange?.end(false);
  }

  /** Says goodbye: what was written leaves, and what the client still sends is passed over. */
  #end(): void {
    if (this.#phase !== "open") return;
    this.#sender.flush();
    this.#reader.fail(new Deno.errors.Interrupted("Connection is closed"));
    if (this.#readAll) return this.#close();
    this.#phase = "lingering";
    this.#transport.endWriting();
    this.#transport.resume();
    this.deadlineMs = this.#owner.clock.nowMs + LINGER_MS;
    this.#owner.noteDeadline(this.deadlineMs);
  }

  #passOver(byteLength: number): void {
    this.#lingerBytes += byteLength;
    if (this.#phase === "lingering" && this.#lingerBytes > LINGER_BYTES_MAX) this.#giveUp();
  }

  #close(): void {
    if (this.#phase === "over") return;
    this.#sender.flush();
    this.#phase = "over";
    this.#transport.close();
    this.#owner.closed(this);
  }

  #giveUp(): void {
    if (this.#phase === "over") return;
    this.#lose();
    this.#sender.drop();
    this.#phase = "over";
    this.#transport.abort();
    this.#owner.closed(this);
  }

  #flush(): void {
    if (this.#phase !== "open") return;
    const flushing = this.#sender.flush();
    if (flushing === null) return;
    // The client takes no more for now: further requests wait.
    this.deadlineMs = this.#deadline(this.#owner.limits.idleTimeoutMs);
    this.#owner.noteDeadline(this.deadlineMs);
    flushing.then((sent) => {
      if (this.#phase !== "open") return;
      if (!sent) return this.abort();
      this.deadlineMs = Infinity;
      if (this.#exchange === null) {
        this.#rest();
        this.#reader.proceed();
        this.#flush();
      }
    });
  }

  /** Between two requests. */
  #rest(): void {
    this.deadlineMs = this.#deadline(this.#owner.limits.idleTimeoutMs);
  }

  /** For the reader: bytes of a head, or of a body, are waited for from now on. */
  awaits(what: "head" | "body"): void {
    const { headerTimeoutMs, bodyTimeoutMs } = this.#owner.limits;
    this.deadlineMs = this.#deadline(what === "head" ? headerTimeoutMs : bodyTimeoutMs);
    this.#owner.noteDeadline(this.deadlineMs);
  }

  #deadline(timeoutMs: number): number {
    return timeoutMs === 0 ? Infinity : this.#owner.clock.nowMs + timeoutMs;
  }

  /** An error that no response can tell any more. */
  #reported(error: unknown): void {
    const result = this.#owner.recover(error);
    if (isPromise(result)) result.then(discard);
    else discard(result);
  }
}
