// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Exchange } from "./exchange.ts";
import { type FileBody, fileBodyOf } from "./file_body.ts";
import { checkResponse } from "./handler_result.ts";
import { type PreparedAnswer, PreparedResponse } from "./prepared_response.ts";
import { type ResponseParts, ResponseReader } from "./response_parts.ts";
import {
  FRAME_BYTES,
  type Framing,
  type HeadFrame,
  INLINE_BODY_BYTES_MAX,
  ResponseWriter,
  textBytesMax,
} from "./response_writer.ts";
import { trailersOf } from "./trailers.ts";
import { RESERVE_BYTES_MAX, type Transport } from "./transport.ts";
import type { TurnClock } from "./turn_clock.ts";

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
const encoder = new TextEncoder();

/** Shared by all connections: what one writes leaves before another begins. */
const writer = new ResponseWriter();
/** Whose bytes are in it; null when it is empty. */
let writing: ResponseSender | null = null;
let reader: ResponseReader;

/** Turns responses into bytes and sees that they leave. */
export class ResponseSender {
  /** Whether the last response lets the connection go on. */
  keepsAlive = true;

  readonly #transport: Transport;
  readonly #clock: TurnClock;
  readonly #report: (error: unknown) => void;
  #waiting: Promise<boolean> | null = null;

  /** Writes to a transport; errors that come too late for the client go to `report`. */
  constructor(transport: Transport, clock: TurnClock, report: (error: unknown) => void) {
    reader ??= new ResponseReader();
    this.#transport = transport;
    this.#clock = clock;
    this.#report = report;
  }

  /** Whether bytes wait for the client to take others. */
  get waiting(): boolean {
    return this.#waiting !== null;
  }

  /**
   * Writes a response; {@linkcode flush} lets it leave.
   *
   * @returns Whether it is whole; a promise when it takes longer than this call
   * @throws {TypeError} when it is no response that can be sent; nothing is written then
   */
  send(exchange: Exchange, response: Response, keepAlive: boolean): Promise<boolean> | boolean {
    this.keepsAlive = keepAlive;
    const prepared = PreparedResponse.take(response);
    if (prepared !== null) return this.#sendPrepared(exchange, prepared);
    const text = reader.lazyText(response);
    if (text === null || text.length > INLINE_BODY_BYTES_MAX / 3) {
      return this.#sendParts(exchange, response, keepAlive);
    }
    const type = reader.lazyType(response);
    reader.consume(response);
    exchange.begun = true;
    const head = this.#frame(0, exchange.minor, keepAlive);
    const byteLength = textBytesMax(text, type);
    const transport = this.#transport;
    // What stands in the writer leaves first, so it has to be empty.
    const at = byteLength <= RESERVE_BYTES_MAX && writing === null && this.#waiting === null
      ? transport.reserve(byteLength)
      : -1;
    if (at >= 0) {
      const end = writer.textInto(transport.memory, at, text, type, head, !exchange.isHead);
      transport.commit(end - at);
    } else {
      this.#begin();
      writer.text(text, type, head, !exchange.isHead);
    }
    return true;
  }

  /** Writes an answer without content that ends the connection. */
  refusal(status: number): void {
    this.#begin();
    writer.head(status, [], this.#frame(0, 1, false));
  }

  /** Writes that the client may go on with its request. */
  interim(): void {
    this.#begin();
    writer.octets(CONTINUE);
  }

  /**
   * Hands what was written to the transport.
   *
   * @returns null when it took all; else a promise of whether it took the rest
   */
  flush(): Promise<boolean> | null {
    if (writing !== this) return this.#waiting;
    writing = null;
    const bytes = writer.takeAll();
    const before = this.#waiting;
    const count = before === null ? this.#transport.offer(bytes) : 0;
    if (count === bytes.length || count < 0) return null;
    const rest = bytes.slice(count);
    return this.#wait(before, () => this.#transport.write(rest));
  }

  /** Forgets what was written and has not left. */
  drop(): void {
    if (writing !== this) return;
    writing = null;
    writer.takeAll();
  }

  /** Another connection's bytes leave first: a handler may end connections other than its own. */
  #begin(): void {
    if (writing !== null && writing !== this) writing.flush();
    writing = this;
  }

  /** Sends a response whose fields are octets; a large content leaves with its head. */
  #sendPrepared(exchange: Exchange, answer: PreparedAnswer): Promise<boolean> | boolean {
    exchange.begun = true;
    const framing = answer.content === null ? "none" : answer.content.length;
    const frame = this.#frame(framing, exchange.minor, this.keepsAlive);
    const content = exchange.isHead ? null : answer.content;
    const length = content?.length ?? 0;
    const transport = this.#transport;
    const alone = writing === null && this.#waiting === null;
    const bytesMax = FRAME_BYTES + answer.fields.length + length;
    const at = alone && bytesMax <= RESERVE_BYTES_MAX ? transport.reserve(bytesMax) : -1;
    if (at >= 0) {
      transport.commit(writer.preparedInto(transport.memory, at, answer, frame, content) - at);
      return true;
    }
    this.#begin();
    writer.prepared(answer, frame);
    if (content === null) return true;
    if (length <= INLINE_BODY_BYTES_MAX) {
      writer.octets(content);
      return true;
    }
    if (!alone || transport.sendAtOnce === undefined || writer.length > answer.headRoom) {
      return this.#sendLarge(content);
    }
    writing = null;
    const head = writer.takeAll();
    const whole = withHead(head, content);
    const sent = transport.sendAtOnce(whole);
    if (sent === whole.length) return true;
    const rest = sent < head.length ? whole.slice(sent) : whole.subarray(sent);
    return this.#wait(null, () => transport.write(rest));
  }

  #sendParts(
    exchange: Exchange,
    response: Response,
    keepAlive: boolean,
  ): Promise<boolean> | boolean {
    checkResponse(response);
    const parts = reader.read(response);
    const { status, headers, body } = parts;
    const closes = headers.some(([name, value]) =>
      name.length === 10 && name.toLowerCase() === "connection" && /\bclose\b/i.test(value)
    );
    this.keepsAlive = keepAlive && !closes;
    if (body instanceof ReadableStream) return this.#sendStream(exchange, response, parts, body);
    this.#begin();
    exchange.begun = true;
    const { minor } = exchange;
    if (isBodiless(status)) {
      writer.head(status, headers, this.#frame("none", minor, this.keepsAlive));
      return true;
    }
    const inline = body === null ||
      (typeof body === "string" ? 3 * body.length : body.length) <= INLINE_BODY_BYTES_MAX;
    const bytes = typeof body === "string" ? encodeBody(body) : body;
    const byteLength = bytes?.length ?? 0;
    if (exchange.minor === 1 && asksForChunks(headers)) {
      writer.head(status, headers, this.#frame("chunked", minor, this.keepsAlive));
      if (!exchange.isHead) this.#wholeChunk(bytes);
      return true;
    }
    // What a GET would give is known to a handler that gives nothing (RFC 9110 section 9.3.2).
    const declared = bytes === null && exchange.isHead ? declaredLength(headers) : -1;
    const length = Math.max(byteLength, declared);
    writer.head(status, headers, this.#frame(length, minor, this.keepsAlive));
    if (bytes === null || exchange.isHead) return true;
    if (inline) {
      writer.octets(bytes);
      return true;
    }
    return this.#sendLarge(bytes);
  }

  /** A chunk that is all there is. */
  #wholeChunk(bytes: Uint8Array | null): void {
    if (bytes !== null && bytes.length > 0) {
      writer.chunkSize(bytes.length);
      writer.octets(bytes);
      writer.endLine();
    }
    writer.lastChunk([]);
  }

  /** A body that is not copied behind its head. */
  #sendLarge(bytes: Uint8Array): Promise<boolean> {
    const head = writer.takeAll().slice();
    writing = null;
    return this.#wait(this.#waiting, async () => {
      await this.#transport.write(head);
      await this.#transport.write(bytes);
    });
  }

  #sendStream(
    exchange: Exchange,
    response: Response,
    { status, headers }: ResponseParts,
    body: ReadableStream<Uint8Array>,
  ): Promise<boolean> | boolean {
    const declared = declaredLength(headers);
    const { minor, isHead } = exchange;
    if (isHead || isBodiless(status)) {
      body.cancel().catch(() => {});
      this.#begin();
      exchange.begun = true;
      const framing = isHead && declared >= 0 ? declared : "none";
      writer.head(status, headers, this.#frame(framing, minor, this.keepsAlive));
      return true;
    }
    const file = body.locked ? undefined : fileBodyOf(body);
    if (file !== undefined && this.#transport.sendFile && declared === file.length) {
      return this.#sendFile(exchange, { status, headers, body }, file);
    }
    // Taken before anything is written: a stream that is locked is the handler's mistake.
    const source = exchange.reader = body.getReader();
    const framing = declared >= 0 ? declared : minor === 1 ? "chunked" : "none";
    if (framing === "none") this.keepsAlive = false;
    this.#begin();
    exchange.begun = true;
    writer.head(status, headers, this.#frame(framing, minor, this.keepsAlive));
    return this.#pump(source, framing, response);
  }

  /** Sends part of a file from where it is. */
  #sendFile(
    exchange: Exchange,
    { status, headers }: ResponseParts,
    file: FileBody,
  ): Promise<boolean> | boolean {
    const alone = writing === null && this.#waiting === null;
    this.#begin();
    exchange.begun = true;
    writer.head(status, headers, this.#frame(file.length, exchange.minor, this.keepsAlive));
    const transport = this.#transport;
    let sent = -1;
    if (alone && file.length > 0) {
      const head = writer.takeAll();
      sent = transport.sendFileAtOnce!(head, file);
      // What did not leave is still there.
      if (sent < 0) writer.octets(head.slice());
      else writing = null;
    }
    if (sent === file.length) {
      file.close();
      return true;
    }
    this.flush();
    const done = Math.max(0, sent);
    const rest = { fd: file.fd, offset: file.offset + done, length: file.length - done };
    let whole = rest.length === 0;
    return this.#wait(this.#waiting, async () => {
      try {
        // A file that was cut meanwhile breaks the response off.
        if (!whole) whole = await transport.sendFile!(rest) === rest.length;
      } finally {
        file.close();
      }
      if (!whole) throw new Deno.errors.UnexpectedEof("Cannot send file: it was cut");
    });
  }

  async #pump(
    source: ReadableStreamDefaultReader<Uint8Array>,
    framing: Framing,
    response: Response,
  ): Promise<boolean> {
    let left = typeof framing === "number" ? framing : Infinity;
    try {
      for (;;) {
        const { done, value } = await source.read();
        if (done) break;
        if (!(value instanceof Uint8Array)) {
          throw new TypeError("Cannot send response: its stream gave something else than bytes");
        }
        const piece = value.length > left ? value.subarray(0, left) : value;
        left -= piece.length;
        if (piece.length > 0 && !await this.#sendPiece(piece, framing === "chunked")) {
          // The client is gone, and writing was the first to know.
          source.cancel().catch(() => {});
          return false;
        }
        if (left > 0) continue;
        // More than was declared would be taken for the next response.
        source.cancel().catch(() => {});
        break;
      }
      if (framing === "chunked") {
        const trailers = await trailersOf(response);
        this.#begin();
        writer.lastChunk(trailers);
      }
      const flushing = this.flush();
      if (flushing !== null && !await flushing) return false;
      return left === 0 || left === Infinity;
    } catch (error) {
      source.cancel(error).catch(() => {});
      this.#report(error);
      return false;
    }
  }

  /** Sends one piece of a stream, framed; resolves when there is room for the next. */
  async #sendPiece(piece: Uint8Array, chunked: boolean): Promise<boolean> {
    this.#begin();
    if (chunked) writer.chunkSize(piece.length);
    if (piece.length > INLINE_BODY_BYTES_MAX) {
      if (!await this.#sendLarge(piece)) return false;
      this.#begin();
    } else writer.octets(piece);
    if (chunked) writer.endLine();
    return await (this.flush() ?? true);
  }

  /** Writes behind what waits already. */
  #wait(before: Promise<boolean> | null, write: () => Promise<void>): Promise<boolean> {
    const waiting = (before ?? Promise.resolve(true)).then(async (sent) => {
      try {
        if (sent) await write();
        return sent;
      } catch {
        return false;
      } finally {
        if (this.#waiting === waiting) this.#waiting = null;
      }
    });
    return this.#waiting = waiting;
  }

  #frame(framing: Framing, minor: number, keepAlive: boolean): HeadFrame {
    frame.framing = framing;
    frame.minor = minor;
    frame.keepAlive = keepAlive;
    frame.clock = this.#clock;
    return frame;
  }
}

/** One for all: it is read before the next is made. */
const frame: { -readonly [K in keyof HeadFrame]: HeadFrame[K] } = {
  framing: 0,
  minor: 1,
  keepAlive: true,
  clock: { dateField: new Uint8Array(), dateEnd: new Uint8Array() },
};

/** Responses that have no content (RFC 9110 section 6.4.1), nor a length of it. */
function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 205 || status === 304;
}

/** A content with its head in front, in the room that is there for it. */
function withHead(head: Uint8Array, content: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = content;
  const whole = new Uint8Array(buffer, byteOffset - head.length, head.length + length);
  whole.set(head);
  return whole;
}

function encodeBody(text: string): Uint8Array {
  return encoder.encode(text);
}

/** `Content-Length` as a handler set it on a streamed response; -1 without, or when it is none. */
function declaredLength(headers: ResponseParts["headers"]): number {
  const field = headers.find(([name]) =>
    name.length === 14 && name.toLowerCase() === "content-length"
  );
  return field !== undefined && /^\d{1,15}$/.test(field[1]) ? Number(field[1]) : -1;
}

function asksForChunks(headers: ResponseParts["headers"]): boolean {
  return headers.some(([name]) => name.length === 17 && name.toLowerCase() === "transfer-encoding");
}
