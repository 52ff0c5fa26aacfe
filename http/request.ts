// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { keepBytes } from "./byte_slab.ts";
import { textOf } from "./octets.ts";
import type { ReceivedHead } from "./proxy_head.ts";
import type { RequestBody } from "./request_body.ts";
import { forwardInternals } from "./request_internals.ts";
import { RequestHeaders } from "./request_headers.ts";
import { type HeadLimits, RequestHead } from "./request_head.ts";

/** What a request needs to know of the server it came to. */
export interface RequestOrigin {
  /** `http` or `https`. */
  readonly scheme: string;
  /** Host of URLs of requests that name none. */
  readonly fallbackHost: string;
  /** The bounds under which the head was scanned. */
  readonly limits: HeadLimits;
}

/**
 * A `Request` whose parts are made when they are asked for: a handler that reads method and URL
 * pays for these only.
 *
 * It stands on the bytes of the receive block. They are copied when the handler has not answered by
 * the time the block goes back ({@linkcode keep}), and forgotten when it has
 * ({@linkcode release}).
 *
 * Everything that is not written out below, `clone`, `formData`, `new Request(request)` and
 * `fetch(request)` among them, goes to a real `Request` that is made at that moment: the prototype
 * is `Request.prototype`, and the symbols under which Deno keeps a request's state are getters that
 * lead to the real one.
 */
export class ServerRequest {
  readonly method: string;
  readonly #origin: RequestOrigin;
  /** Where the head is, or null when it was forgotten. */
  #bytes: Uint8Array | null;
  #start: number;
  readonly #headLength: number;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  /** Bytes behind the head that are the whole body; -1 when it is still arriving, or absent. */
  readonly #bodyLength: number;
  readonly #body: RequestBody | null;
  /** The scanner that found the head, while it has not gone on to the next. */
  #head: RequestHead | null;
  #used = false;
  #kept = false;
  #url: string | null = null;
  #headers: RequestHeaders | null = null;
  #controller: AbortController | null = null;
  #real: Request | null = null;
  #aborted = false;

  /**
   * Describes the request whose head was scanned.
   *
   * @param bodyLength Bytes behind the head that are the whole body, or -1
   * @param body The body that arrives in pieces, or null
   */
  constructor(
    origin: RequestOrigin,
    head: RequestHead,
    bytes: Uint8Array,
    start: number,
    headLength: number,
    bodyLength: number,
    body: RequestBody | null,
  ) {
    this.#origin = origin;
    this.#head = head;
    this.#bytes = bytes;
    this.#start = start;
    this.#headLength = headLength;
    this.#targetStart = head.targetStart;
    this.#targetEnd = head.targetEnd;
    this.#bodyLength = bodyLength;
    this.#body = body;
    this.method = head.method(bytes, start);
  }

  /** `http` or `https`. */
  get scheme(): string {
    return this.#origin.scheme;
  }

  get url(): string {
    return this.#url ??= this.#makeUrl();
  }

  get headers(): Headers {
    return (this.#headers ??= new RequestHeaders(this)) as unknown as Headers;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(abortReason());
    }
    return this.#controller.signal;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#hasBody ? this.real().body : null;
  }

  get bodyUsed(): boolean {
    return this.#real ? this.#real.bodyUsed : this.#used;
  }

  text(): Promise<string> {
    if (this.#real) return this.#real.text();
    if (!this.#hasBody) return NO_TEXT;
    if (this.#used) return rejectUsed();
    this.#used = true;
    if (this.#bodyLength < 0) return this.#body!.readAll().then(decodeText);
    return Promise.resolve(decodeText(this.#wholeBody()));
  }

  json(): Promise<unknown> {
    if (this.#real) return this.#real.json();
    if (this.#hasBody && this.#bodyLength >= 0 && !this.#used) {
      this.#used = true;
      try {
        return Promise.resolve(JSON.parse(decodeText(this.#wholeBody())));
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.text().then(JSON.parse);
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#real) return this.#real.bytes();
    if (!this.#hasBody) return Promise.resolve(new Uint8Array());
    if (this.#used) return rejectUsed();
    this.#used = true;
    return this.#bodyLength < 0
      ? this.#body!.readAll()
      : Promise.resolve(new Uint8Array(this.#wholeBody()));
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#real ? this.#real.arrayBuffer() : this.bytes().then(({ buffer }) => buffer);
  }

  /** The fields behind the body, as far as that was read. */
  static trailersOf(request: object): Headers | undefined {
    if (!(#body in request)) return undefined;
    const pairs = (request as ServerRequest).#body?.trailers ?? [];
    return new Headers(pairs.map(([name, value]): [string, string] => [name, value]));
  }

  /** The head of a request as it came, while it is there; null for what has content. */
  static headOf(request: object): ReceivedHead<RequestHead> | null {
    if (!(#body in request)) return null;
    const own = request as ServerRequest;
    if (own.#bytes === null || own.#body !== null || own.#bodyLength >= 0) return null;
    return { head: own.#scanned(), bytes: own.#bytes, start: own.#start, length: own.#headLength };
  }

  /** A `Request` of Deno's own with the same parts; from now on it is the one that counts. */
  real(): Request {
    return this.#real ??= this.#makeReal();
  }

  /** The header fields in order, names as they came. */
  pairs(): [string, string][] {
    const bytes = this.#open();
    const { fields, fieldCount } = this.#scanned();
    const start = this.#start;
    const pairs: [string, string][] = [];
    for (let at = 0; at < fieldCount * 4; at += 4) {
      const name = textOf(bytes, start + fields[at], start + fields[at + 1]);
      const value = textOf(bytes, start + fields[at + 2], start + fields[at + 3]);
      pairs.push([name, value]);
    }
    return pairs;
  }

  /** The value of a header field, those of several joined as RFC 9110 section 5.3 has it. */
  header(lowerName: string): string | null {
    const bytes = this.#open();
    const { fields, fieldCount } = this.#scanned();
    const start = this.#start;
    let value: string | null = null;
    for (let at = 0; at < fieldCount * 4; at += 4) {
      if (fields[at + 1] - fields[at] !== lowerName.length) continue;
      if (!isField(bytes, start + fields[at], lowerName)) continue;
      const text = textOf(bytes, start + fields[at + 2], start + fields[at + 3]);
      const separator = lowerName === "cookie" ? "; " : ", ";
      value = value === null ? text : value + separator + text;
    }
    return value;
  }

  /** The receive block goes back: takes along what may still be asked for. */
  keep(): void {
    const bytes = this.#bytes;
    if (bytes === null || this.#kept) return;
    this.#kept = true;
    const bodyLength = this.#used || this.#real ? 0 : Math.max(0, this.#bodyLength);
    const length = this.#headLength + bodyLength;
    const copy = keepBytes(bytes, this.#start, this.#start + length);
    this.#bytes = copy.bytes;
    this.#start = copy.at;
    this.#head = null;
  }

  /** The response was given: what was not asked for so far cannot be any more. */
  release(): void {
    // Headers that were handed out stay good.
    if (this.#headers !== null) return this.keep();
    this.#bytes = null;
    this.#head = null;
  }

  /** The exchange is over, or the client is gone. */
  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(abortReason());
  }

  get #hasBody(): boolean {
    if (this.#body === null && this.#bodyLength < 0) return false;
    return this.method !== "GET" && this.method !== "HEAD" && this.method !== "CONNECT";
  }

  #open(): Uint8Array {
    if (this.#bytes === null) throw new TypeError("Request closed");
    return this.#bytes;
  }

  #scanned(): RequestHead {
    if (this.#head !== null) return this.#head;
    const head = this.#head = new RequestHead();
    const end = this.#start + this.#headLength;
    head.scan(this.#open(), this.#start, end, this.#origin.limits);
    return head;
  }

  #wholeBody(): Uint8Array {
    const bytes = this.#open();
    const start = bytes.byteOffset + this.#start + this.#headLength;
    return new Uint8Array(bytes.buffer, start, this.#bodyLength);
  }

  #makeUrl(): string {
    const bytes = this.#open();
    const start = this.#start + this.#targetStart;
    const end = this.#start + this.#targetEnd;
    const target = targetText(bytes, start, end);
    const { scheme, fallbackHost } = this.#origin;
    if (this.method === "CONNECT") return `${scheme}://${target}`;
    if (bytes[start] !== SLASH && target !== "*") return target;
    const host = this.header("host") || fallbackHost;
    return `${scheme}://${host}${target === "*" ? "/*" : target}`;
  }

  #makeReal(): Request {
    const used = this.#used;
    const body = !this.#hasBody
      ? null
      : this.#bodyLength < 0
      ? this.#body!.stream()
      : used
      ? new Uint8Array(1)
      : new Uint8Array(this.#wholeBody());
    const { method, url, signal } = this;
    const headers = this.pairs();
    const real = FORBIDDEN_METHODS.includes(method)
      ? new Request(url, { headers, signal })
      : new Request(url, { method, headers, signal, body });
    // What was read before is read there too.
    if (used) real.bytes().catch(() => {});
    return real;
  }
}

/** Gives requests their prototype, once and before the first of them. */
export function openRequests(): void {
  if (ServerRequest.prototype instanceof Request) return;
  forwardInternals(ServerRequest.prototype, new Request("http://localhost"), (request) => {
    return request.real();
  });
}

const SLASH = 0x2f;
/** Methods that the constructor of `Request` refuses. */
const FORBIDDEN_METHODS = ["CONNECT", "TRACE", "TRACK"];
const NO_TEXT: Promise<string> = Promise.resolve("");
const NON_ASCII_REGEXP = /[\x80-\xff]/;
const textDecoder = new TextDecoder();

function decodeText(bytes: Uint8Array): string {
  return textDecoder.decode(bytes);
}

function rejectUsed(): Promise<never> {
  return Promise.reject(new TypeError("Body already consumed"));
}

function abortReason(): DOMException {
  return new DOMException("The request has been cancelled.", "AbortError");
}

/** A target with octets beyond ASCII is UTF-8, as clients send it. */
function targetText(bytes: Uint8Array, start: number, end: number): string {
  const text = textOf(bytes, start, end);
  return NON_ASCII_REGEXP.test(text) ? textDecoder.decode(bytes.slice(start, end)) : text;
}

function isField(bytes: Uint8Array, start: number, lowerName: string): boolean {
  for (let i = 0; i < lowerName.length; i++) {
    const octet = bytes[start + i];
    const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    if (lower !== lowerName.charCodeAt(i)) return false;
  }
  return true;
}
