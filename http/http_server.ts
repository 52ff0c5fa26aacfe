// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import type { Acceptor } from "./acceptor.ts";
import { type ConnectionOwner, HttpConnection } from "./connection.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import type { Exchange } from "./exchange.ts";
import type { ServeLimits } from "./limits.ts";
import { openRequests } from "./request.ts";
import { openHeaders } from "./request_headers.ts";
import { say } from "./serve_log.ts";
import { TurnClock } from "./turn_clock.ts";

/** Answers requests; its second argument says where they come from. */
export type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr> & Deno.ServeHandlerInfo<Deno.UnixAddr>,
) => Response | Promise<Response>;

/** What a {@linkcode PhotonServer} is made of. */
export interface HttpServerParts {
  /** Where connections come from. */
  readonly acceptor: Acceptor;
  /** Answers requests. */
  readonly handler: Handler;
  /** Answers when the handler fails. */
  readonly onError: (error: unknown) => Response | Promise<Response>;
  /** What a peer may ask. */
  readonly limits: Required<ServeLimits>;
}

/** The set of connections of one listener. Drop-in for {@linkcode Deno.HttpServer}. */
export class PhotonServer<A extends Deno.Addr = Deno.Addr>
  implements Deno.HttpServer<A>, ConnectionOwner {
  /** Where it listens. */
  readonly addr: A;
  /** Resolves when the last connection is over; never rejects. */
  readonly finished: Promise<void>;
  readonly limits: Required<ServeLimits>;
  readonly scheme: string;
  readonly fallbackHost: string;
  readonly clock: TurnClock;
  draining = false;

  readonly #acceptor: Acceptor;
  readonly #handler: Handler;
  readonly #onError: HttpServerParts["onError"];
  readonly #connections: Set<HttpConnection> = new Set();
  readonly #deadlines: DeadlineTimer;
  readonly #end = Promise.withResolvers<void>();
  #room: (() => void) | null = null;
  #held = true;
  #accepting: Promise<void>;

  /** Begins to accept. */
  constructor({ acceptor, handler, onError, limits }: HttpServerParts) {
    openRequests();
    openHeaders();
    const engine = engineInfo().engine === "uring" ? openEngine() : null;
    this.addr = acceptor.addr as A;
    this.scheme = schemeOf(acceptor);
    this.fallbackHost = fallbackHostOf(acceptor.addr);
    this.limits = limits;
    this.clock = new TurnClock(engine);
    this.#acceptor = acceptor;
    this.#handler = handler;
    this.#onError = onError;
    this.#deadlines = new DeadlineTimer(engine, () => this.#sweep());
    this.finished = this.#end.promise;
    this.#accepting = this.#acceptAll();
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The listener keeps the process alive (the default), and so do connections. */
  ref(): void {
    this.#setHold(true);
  }

  /** Nothing of the server keeps the process alive. */
  unref(): void {
    this.#setHold(false);
  }

  /**
   * Takes no more connections, answers the requests that are there, and resolves when the last
   * response has left.
   */
  async shutdown(): Promise<void> {
    this.#stopAccepting();
    for (const connection of [...this.#connections]) connection.drain();
    await this.finished;
  }

  /** Ends at once: connections are reset, requests in flight are lost. */
  abort(): void {
    this.#stopAccepting();
    for (const connection of [...this.#connections]) connection.abort();
  }

  /** {@linkcode PhotonServer.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** For connections. */
  handle(request: Request, exchange: Exchange): Response | Promise<Response> {
    return this.#handler(request, exchange as unknown as Parameters<Handler>[1]);
  }

  /** For connections: never throws or rejects. */
  recover(error: unknown): Response | Promise<Response> {
    try {
      const result = this.#onError(error);
      return result instanceof Promise ? result.catch(onErrorFailed) : result;
    } catch (failure) {
      return onErrorFailed(failure);
    }
  }

  /** For connections. */
  noteDeadline(deadlineMs: number): void {
    this.#deadlines.note(deadlineMs, this.clock.nowMs);
  }

  /** For connections. */
  closed(connection: HttpConnection): void {
    this.#connections.delete(connection);
    this.#room?.();
    if (this.#connections.size > 0) return;
    this.#deadlines.stop();
    this.#finish();
  }

  async #acceptAll(): Promise<void> {
    while (!this.draining) {
      try {
        const { transport, remoteAddr } = await this.#acceptor.accept();
        if (this.draining) return transport.abort();
        this.#add(transport, remoteAddr);
      } catch (error) {
        if (this.draining || error instanceof Deno.errors.BadResource) return;
        // One peer's failure (a TLS handshake, no descriptor left) is not that of the others.
        if (!isPassing(error)) return this.#fail(error);
      }
      if (this.#connections.size < this.limits.connectionsMax) continue;
      await new Promise<void>((resolve) => this.#room = resolve);
      this.#room = null;
    }
  }

  #add(transport: HttpConnectionTransport, remoteAddr: Deno.Addr): void {
    const peer = this.addr.transport === "unix" ? this.addr : remoteAddr;
    if (!this.#held) transport.hold(false);
    const connection = new HttpConnection(this, transport, peer);
    this.#connections.add(connection);
    if (connection.deadlineMs < Infinity) this.noteDeadline(connection.deadlineMs);
  }

  #fail(error: unknown): void {
    say(`Terminating serve loop due to unexpected error ${Deno.inspect(error)}`);
    this.abort();
  }

  #stopAccepting(): void {
    if (this.draining) return;
    this.draining = true;
    this.#acceptor.close();
    this.#room?.();
    this.#finish();
  }

  #finish(): void {
    if (!this.draining || this.#connections.size > 0) return;
    this.#accepting.then(this.#end.resolve);
  }

  #setHold(held: boolean): void {
    this.#held = held;
    if (held) this.#acceptor.ref();
    else this.#acceptor.unref();
    for (const connection of this.#connections) connection.hold(held);
  }

  /** Ends what has taken too long, and says when to look again. */
  #sweep(): number {
    const nowMs = performance.now();
    let nextMs = Infinity;
    for (const connection of [...this.#connections]) {
      if (connection.deadlineMs <= nowMs) connection.expire();
      else if (connection.deadlineMs < nextMs) nextMs = connection.deadlineMs;
    }
    return nextMs;
  }
}

type HttpConnectionTransport = ConstructorParameters<typeof HttpConnection>[1];

function schemeOf({ addr, secure }: Acceptor): string {
  if (addr.transport === "unix") return "http+unix";
  return secure ? "https" : "http";
}

/** What stands in URLs of requests without a host. */
function fallbackHostOf(addr: Deno.Addr): string {
  if ("port" in addr) return `localhost:${addr.port}`;
  const path = "path" in addr ? addr.path : "";
  return path.replace(/[^\w]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Whether accepting may go on after an error. */
function isPassing(error: unknown): boolean {
  const { ConnectionReset, ConnectionAborted, InvalidData, UnexpectedEof, Busy } = Deno.errors;
  if (
    [ConnectionReset, ConnectionAborted, InvalidData, UnexpectedEof, Busy].some((c) =>
      error instanceof c
    )
  ) return true;
  const code = (error as { code?: unknown } | null)?.code;
  return code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS" || code === "ENOMEM";
}

function onErrorFailed(error: unknown): Response {
  say(`Exception in onError while handling exception ${Deno.inspect(error)}`);
  return new Response("Internal Server Error", { status: 500 });
}
