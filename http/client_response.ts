// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { STATUS_TEXT } from "@std/http/status";
import { BodyStream, openStreams } from "./body_stream.ts";
import type { KeptBytes } from "./byte_slab.ts";
import { decodeAll, decodeStream } from "./content_coding.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import { textOf } from "./octets.ts";
import type { ReceivedHead } from "./proxy_head.ts";
import { forwardInternals } from "./request_internals.ts";
import { RequestHeaders } from "./request_headers.ts";
import type { ResponseBody } from "./response_body.ts";
import { ResponseHead } from "./response_head.ts";

/** What a response knows beside its head. */
export interface ResponseOrigin {
  /** URL of the last request. */
  readonly url: string;
  /** Whether that was not the first. */
  readonly redirected: boolean;
  /** Codings of the content that are to be undone, in the order in which they were applied. */
  readonly codings: readonly string[] | null;
  /** Bytes that the content may become when it is taken whole. */
  readonly decodedBytesMax: number;
}

/** A response that is all there, in octets. */
export interface WholeAnswer {
  /** Its head; what was found in it is good until the next is looked at. */
  readonly received: ReceivedHead<ResponseHead>;
  /** Its content, which others share the memory of; null for none. */
  readonly content: Uint8Array<ArrayBuffer> | null;
}

/**
 * A `Response` whose parts are made when they are asked for, as those of a `ServerRequest` are: who
 * reads a status and a short text pays for these only.
 *
 * It stands on a copy of the head; a body that came along with it is behind it. `clone`, `blob`,
 * `formData`, `body` and all else go to a real `Response` that is made at that moment.
 */
export class ClientResponse {
  readonly status: number;
  readonly #origin: ResponseOrigin;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #headLength: number;
  /** Bytes behind the head that are the whole body; -1 when it comes later, or there is none. */
  readonly #bodyLength: number;
  readonly #body: BodyHandle | null;
  #used = false;
  #headers: RequestHeaders | null = null;
  #stream: BodyStream | null = null;
  #real: Response | null = null;

  /**
   * Describes a response.
   *
   * @param kept The head, and the body where it came along
   * @param bodyLength Bytes of that body, or -1
   * @param body The body that comes in pieces, or null
   */
  constructor(
    origin: ResponseOrigin,
    status: number,
    kept: KeptBytes,
    headLength: number,
    bodyLength: number,
    body: BodyHandle | null,
  ) {
    this.#origin = origin;
    this.status = status;
    this.#bytes = kept.bytes;
    this.#start = kept.at;
    this.#headLength = headLength;
    this.#bodyLength = bodyLength;
    this.#body = body;
  }

  /**
   * The whole body of a response, where it came along with the head and was not encoded; it counts
   * as used then. Null for all others.
   */
  static takeWhole(response: object): Uint8Array<ArrayBuffer> | null {
    if (!(#bodyLength in response)) return null;
    const own = response as unknown as ClientResponse;
    if (own.#bodyLength < 0 || own.#origin.codings !== null || own.bodyUsed) return null;
    own.#used = true;
    return own.#wholeBody();
  }

  /** A response that is all there, and that nobody has read; null for all others. */
  static wholeOf(response: object): WholeAnswer | null {
    if (!(#bodyLength in response)) return null;
    const own = response as unknown as ClientResponse;
    if (own.#body !== null || own.#origin.codings !== null) return null;
    if (own.#used || own.#delegates) return null;
    const [bytes, start, length] = [own.#bytes, own.#start, own.#headLength];
    const from = start + length;
    const content = own.#bodyLength < 0 ? null : bytes.subarray(from, from + own.#bodyLength);
    return { received: { head: own.#scanned(), bytes, start, length }, content };
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get statusText(): string {
    const text = this.#scanned().statusText(this.#bytes, this.#start);
    // As Deno has it, where the server says nothing.
    return text === "" ? STATUS_TEXT[this.status] ?? "" : text;
  }

  get type(): ResponseType {
    return "basic";
  }

  get url(): string {
    return this.#origin.url;
  }

  get redirected(): boolean {
    return this.#origin.redirected;
  }

  get headers(): Headers {
    return (this.#headers ??= new RequestHeaders(this)) as unknown as Headers;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (!this.#hasBody) return null;
    const streams = this.#body !== null && this.#origin.codings === null;
    if (!streams || this.#used || this.#real && this.#stream === null) return this.real().body;
    this.#stream ??= new BodyStream(this.#body.body, () => this.real().body!);
    return this.#stream as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  get bodyUsed(): boolean {
    if (this.#stream?.disturbed) return true;
    return this.#real ? this.#real.bodyUsed : this.#used;
  }

  text(): Promise<string> {
    if (this.#delegates) return this.real().text();
    if (!this.#isWholeText) return this.bytes().then(decodeText);
    if (this.#used) return rejectUsed();
    this.#used = true;
    return Promise.resolve(this.#wholeText());
  }

  json(): Promise<unknown> {
    if (this.#delegates) return this.real().json();
    if (this.#used || !this.#isWholeText) return this.text().then(JSON.parse);
    this.#used = true;
    try {
      return Promise.resolve(JSON.parse(this.#wholeText()));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#delegates) return this.real().bytes();
    if (!this.#hasBody) return Promise.resolve(new Uint8Array());
    if (this.#used) return rejectUsed();
    this.#used = true;
    return this.#readAll();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#delegates) return this.real().arrayBuffer();
    // What is kept shares its memory with others, so all of it is copied by then.
    return this.bytes().then(({ buffer }) => buffer);
  }

  /** A `Response` of Deno's own with the same parts; from now on it is the one that counts. */
  real(): Response {
    return this.#real ??= this.#makeReal();
  }

  /** The fields behind the body, as far as that was read. */
  static trailersOf(response: object): Headers | undefined {
    if (!(#body in response)) return undefined;
    const trailers = (response as ClientResponse).#body?.body.trailers ?? [];
    return new Headers(trailers.map(([name, value]): [string, string] => [name, value]));
  }

  /** The header fields in order, names as they came. */
  pairs(): [string, string][] {
    const { fields, fieldCount } = this.#scanned();
    const [bytes, start] = [this.#bytes, this.#start];
    const pairs: [string, string][] = [];
    for (let at = 0; at < fieldCount * 4; at += 4) {
      const name = textOf(bytes, start + fields[at], start + fields[at + 1]);
      pairs.push([name, textOf(bytes, start + fields[at + 2], start + fields[at + 3])]);
    }
    return pairs;
  }

  /** The value of a header field, those of several joined. */
  header(lowerName: string): string | null {
    const { fields, fieldCount } = this.#scanned();
    const [bytes, start] = [this.#bytes, this.#start];
    let value: string | null = null;
    for (let at = 0; at < fieldCount * 4; at += 4) {
      if (fields[at + 1] - fields[at] !== lowerName.length) continue;
      const name = textOf(bytes, start + fields[at], start + fields[at + 1]);
      if (name !== lowerName && name.toLowerCase() !== lowerName) continue;
      const text = textOf(bytes, start + fields[at + 2], start + fields[at + 3]);
      value = value === null ? text : `${value}, ${text}`;
    }
    return value;
  }

  /** Nobody will read it: lets its connection go on, or end. */
  discard(): void {
    this.#used = true;
    this.#body?.body.drop();
  }

  get #hasBody(): boolean {
    return this.#body !== null || this.#bodyLength >= 0;
  }

  /** Whether somebody has taken what knows better. */
  get #delegates(): boolean {
    return this.#real !== null || this.#stream !== null;
  }

  get #isWholeText(): boolean {
    return this.#bodyLength >= 0 && this.#origin.codings === null;
  }

  /** Scans the head again: most responses are never asked for their fields. */
  #scanned(): ResponseHead {
    scanner.reset();
    const end = this.#start + this.#headLength;
    scanner.scan(this.#bytes, this.#start, end, ANY_LIMITS);
    return scanner;
  }

  #wholeText(): string {
    const from = this.#start + this.#headLength;
    return textFrom(this.#bytes, from, from + this.#bodyLength);
  }

  #wholeBody(): Uint8Array<ArrayBuffer> {
    const from = this.#start + this.#headLength;
    return this.#bytes.slice(from, from + this.#bodyLength);
  }

  async #readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const { codings, decodedBytesMax } = this.#origin;
    const bytes = this.#body === null ? this.#wholeBody() : await this.#body.readAll();
    return codings === null ? bytes : decodeAll(bytes, codings, decodedBytesMax);
  }

  #makeReal(): Response {
    const used = this.#used;
    const real = this.#construct(used ? new Uint8Array(1) : this.#content());
    describe(real, this);
    // What is read by a loop is not to be read there as well.
    if (this.#stream?.disturbed) real.body!.getReader();
    // What was read before is read there too.
    if (used && real.body !== null) real.bytes().catch(() => {});
    return real;
  }

  #content(): BodyInit | null {
    if (!this.#hasBody) return null;
    const { codings } = this.#origin;
    if (this.#body === null) {
      const bytes = this.#wholeBody();
      if (codings === null) return bytes;
      return decodeStream(new Blob([bytes]).stream(), codings);
    }
    const stream = this.#body.stream();
    return codings === null ? stream : decodeStream(stream, codings);
  }

  #construct(content: BodyInit | null): Response {
    const headers = this.pairs();
    const { status, statusText } = this;
    const isNull = NULL_BODY_STATUSES.includes(status);
    const allowed = status === 101 || status >= 200 && status <= 599;
    const real = new Response(isNull ? null : content, {
      status: allowed ? status : 200,
      statusText,
      headers,
    });
    return real;
  }
}

/**
 * What a response and its stream have of a body that comes in pieces. When both are forgotten, so
 * is the rest of the body, and the connection is free.
 */
export class BodyHandle {
  /** The body, which its connection has as well. */
  readonly body: ResponseBody;
  /** Bytes, or -1 when that is not known. */
  readonly byteLength: number;

  /** Watches over a body. */
  constructor(body: ResponseBody, byteLength: number) {
    this.body = body;
    this.byteLength = byteLength;
    forgotten.register(this, body, body);
  }

  /** All that is still to come; whoever asked for it gets it, and need not hold the response. */
  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    forgotten.unregister(this.body);
    return this.body.readAll(this.byteLength);
  }

  /** The rest as a stream, which keeps this handle alive. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stream = this.body.stream();
    keepers.set(stream, this);
    return stream;
  }
}

const keepers: WeakMap<ReadableStream, BodyHandle> = new WeakMap();
const forgotten = new FinalizationRegistry<ResponseBody>((body) => body.drop());

/** Gives responses their prototype, once and before the first of them. */
export function openResponses(): void {
  if (ClientResponse.prototype instanceof Response) return;
  openStreams();
  forwardInternals(ClientResponse.prototype, new Response(), (response) => response.real());
}

/** What Deno keeps of a response under its symbol. */
interface InnerResponse {
  status: number;
  type: ResponseType;
  urlList: string[];
}

/** Tells a real response what its constructor does not take; its clones have it as well. */
function describe(real: Response, { status, url, redirected, type }: ClientResponse): void {
  const symbols = Object.getOwnPropertySymbols(real);
  const named = (name: string) => symbols.find(({ description }) => description === name);
  // The getter fills in what a lazy response has not.
  real.headers.has("a");
  const [inner, guard] = [named("response"), named("headers guard")];
  if (inner !== undefined && Array.isArray(Reflect.get(real, inner)?.urlList)) {
    const response = Reflect.get(real, inner) as InnerResponse;
    response.status = status;
    response.type = type;
    response.urlList = redirected ? [url, url] : [url];
    if (guard !== undefined) Reflect.set(real, guard, "immutable");
  }
  if (real.url === url) return;
  const values = { status, url, redirected, type };
  for (const [name, value] of Object.entries(values)) Object.defineProperty(real, name, { value });
}

const NULL_BODY_STATUSES = [101, 103, 204, 205, 304];
const scanner = new ResponseHead();
/** What was taken once is taken again. */
const ANY_LIMITS = { ...RESPONSE_LIMITS, headerBytesMax: Infinity, headerCountMax: Infinity };
const textDecoder = new TextDecoder();
/** Longest text that is tried octet by octet first. */
const SHORT_TEXT_BYTES = 256;

function decodeText(bytes: Uint8Array): string {
  return textDecoder.decode(bytes);
}

/** UTF-8 as text; what is short and ASCII takes no decoder. */
function textFrom(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT_BYTES) {
    let all = 0;
    for (let at = start; at < end; at++) all |= bytes[at];
    if (all < 0x80) return textOf(bytes, start, end);
  }
  return textDecoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start));
}

function rejectUsed(): Promise<never> {
  return Promise.reject(new TypeError("Body already consumed"));
}
