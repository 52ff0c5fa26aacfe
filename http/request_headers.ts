// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { forwardInternals } from "./request_internals.ts";

/** Where header fields are read from. */
export interface HeaderSource {
  /** All fields in order. */
  pairs(): [string, string][];
  /** The value of one, joined; null when there is none. */
  header(lowerName: string): string | null;
}

/**
 * The headers of a request: immutable, and read from the head when they are asked for. Everything
 * but `get` and `has` goes to real `Headers` that are made then.
 */
export class RequestHeaders {
  readonly #source: HeaderSource;
  #real: Headers | null = null;

  /** Reads from a source. */
  constructor(source: HeaderSource) {
    this.#source = source;
  }

  /** All fields with names in lower case, several of a name apart; makes no real `Headers`. */
  static pairsOf(headers: Headers): [string, string][] {
    if (!(#source in headers)) return [...headers];
    const own = headers as unknown as RequestHeaders;
    if (own.#real !== null) return [...own.#real];
    const pairs = own.#source.pairs();
    for (const pair of pairs) pair[0] = pair[0].toLowerCase();
    return pairs;
  }

  get(name: string): string | null {
    return this.#real || !isToken(name)
      ? this.real().get(name)
      : this.#source.header(name.toLowerCase());
  }

  has(name: string): boolean {
    return this.#real || !isToken(name)
      ? this.real().has(name)
      : this.#source.header(name.toLowerCase()) !== null;
  }

  set(..._: unknown[]): void {
    refuseChange();
  }

  append(..._: unknown[]): void {
    refuseChange();
  }

  delete(..._: unknown[]): void {
    refuseChange();
  }

  /** `Headers` of Deno's own with the same fields. */
  real(): Headers {
    return this.#real ??= this.#makeReal();
  }

  #makeReal(): Headers {
    const headers = new Headers(this.#source.pairs());
    // Several `cookie` fields are joined by another separator than all others (RFC 6265, 5.4).
    if (headers.has("cookie")) headers.set("cookie", this.#source.header("cookie")!);
    return headers;
  }
}

/** Gives headers their prototype, once and before the first of them. */
export function openHeaders(): void {
  if (RequestHeaders.prototype instanceof Headers) return;
  forwardInternals(RequestHeaders.prototype, new Headers(), (headers) => headers.real());
}

const TOKEN_REGEXP = /^[\w!#$%&'*+.^`|~-]+$/;

function isToken(name: unknown): boolean {
  return typeof name === "string" && TOKEN_REGEXP.test(name);
}

function refuseChange(): never {
  throw new TypeError("Cannot change headers: headers are immutable");
}
