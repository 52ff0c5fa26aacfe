// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RequestBody } from "./request_body.ts";
import type { RequestHead } from "./request_head.ts";
import type { ServerRequest } from "./request.ts";
import type { Transport } from "./transport.ts";

/** A protocol that takes a connection over once the 101 has left. */
export interface Successor {
  /** Gets the connection, and the bytes that came behind the request. */
  takeOver(transport: Transport, rest: Uint8Array): void;
  /** The peer had ended by then: said behind {@linkcode takeOver}, for the transport will not. */
  ended(error: Error | null): void;
  /** The 101 did not leave. */
  fail(error: Error): void;
}

/** Where an exchange takes place: its connection. */
export interface ExchangePlace {
  /** The peer's address. */
  readonly remoteAddr: Deno.Addr;
}

/** One request and its response; handlers get it as their second argument. */
export class Exchange implements Deno.ServeHandlerInfo {
  /** The request. */
  readonly request: ServerRequest;
  /** Its body while it arrives in pieces. */
  readonly body: RequestBody | null;
  /** Minor version of the request. */
  readonly minor: number;
  /** Whether the response goes without its body. */
  readonly isHead: boolean;
  /** Whether the client asked for another protocol. */
  readonly wantsUpgrade: boolean;
  /** Set when the handler took the connection over. */
  successor: Successor | null = null;
  /** What reads the response's body, to be cancelled when the client leaves. */
  reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** Called when the response will not leave any more. */
  onLost: (() => void) | null = null;
  /** Whether bytes of the response left. */
  begun = false;

  readonly #place: ExchangePlace;
  #over: "sent" | "lost" | null = null;
  #completed: PromiseWithResolvers<void> | null = null;

  /** Begins with the head that was scanned. */
  constructor(
    place: ExchangePlace,
    request: ServerRequest,
    body: RequestBody | null,
    head: RequestHead,
  ) {
    this.#place = place;
    this.request = request;
    this.body = body;
    this.minor = head.minor;
    this.isHead = request.method === "HEAD";
    this.wantsUpgrade = head.upgrades;
    if (this.wantsUpgrade) upgradable.set(request, this);
  }

  /** The peer's address. */
  get remoteAddr(): Deno.NetAddr {
    return this.#place.remoteAddr as Deno.NetAddr;
  }

  /** Resolves when the response was handed to the kernel, rejects when it was not. */
  get completed(): Promise<void> {
    if (this.#completed === null) {
      this.#completed = Promise.withResolvers<void>();
      this.#settle();
    }
    return this.#completed.promise;
  }

  /** The response left, or it will not any more. */
  end(sent: boolean): void {
    if (this.#over !== null) return;
    this.#over = sent ? "sent" : "lost";
    this.request.release();
    this.request.abort();
    this.#settle();
    if (sent) return;
    this.onLost?.();
    this.successor?.fail(lostError());
  }

  #settle(): void {
    if (this.#completed === null || this.#over === null) return;
    if (this.#over === "sent") return this.#completed.resolve();
    // Who does not await it need not catch it.
    this.#completed.promise.catch(() => {});
    this.#completed.reject(lostError());
  }
}

/** Exchanges by their request, where the client asked for another protocol. */
const upgradable: WeakMap<object, Exchange> = new WeakMap();

/** The exchange of a request that asks for another protocol. */
export function exchangeOf(request: object): Exchange | undefined {
  return upgradable.get(request);
}

function lostError(): Error {
  return new Deno.errors.Interrupted("HTTP response was not sent successfully");
}
