// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** An event as a client sees it. */
export interface ReceivedEvent {
  /** What it says. */
  readonly data: string;
  /** Its kind, `message` when none was given. */
  readonly event: string;
  /** The last id that was given, by this event or one before; `""` for none. */
  readonly id: string;
}

/** Options of {@linkcode EventStreamDecoder}. */
export interface EventStreamDecoderOptions {
  /**
   * Characters of one event: more is an error.
   *
   * @default {16777216}
   */
  eventCharsMax?: number;
}

const EVENT_CHARS_MAX = 16_777_216;

/**
 * Finds the events in the text of a stream (HTML standard section 9.2.6), wherever it is split. An
 * event that its end cuts off is none.
 *
 * @example Read what a server says
 * ```ts
 * import { EventStreamDecoder } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const text = ReadableStream.from(["retry: 50\nid: 1\nda", "ta: hello\n\n"]);
 * const decoder = new EventStreamDecoder();
 * const events = await Array.fromAsync(text.pipeThrough(decoder));
 * assertEquals(events, [{ data: "hello", event: "message", id: "1" }]);
 * assertEquals([decoder.retryMs, decoder.lastEventId], [50, "1"]);
 * ```
 */
export class EventStreamDecoder extends TransformStream<string, ReceivedEvent> {
  readonly #parser: EventParser;

  /** Makes a stream that takes text and gives events. */
  constructor({ eventCharsMax = EVENT_CHARS_MAX }: EventStreamDecoderOptions = {}) {
    const parser = new EventParser(eventCharsMax);
    super({
      transform: (text, controller) => parser.push(text, (event) => controller.enqueue(event)),
    });
    this.#parser = parser;
  }

  /** Milliseconds after which the server wants clients to come back; null for their choice. */
  get retryMs(): number | null {
    return this.#parser.retryMs;
  }

  /** What a client that comes back says in `Last-Event-ID`. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }
}

class EventParser {
  retryMs: number | null = null;
  lastEventId = "";
  readonly #charsMax: number;
  #begun = false;
  #afterReturn = false;
  #line = "";
  #id = "";
  #kind = "";
  #data: string[] = [];
  #chars = 0;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  push(chunk: string, give: (event: ReceivedEvent) => void): void {
    let text = chunk;
    if (!this.#begun && text !== "") {
      this.#begun = true;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    // CR LF that was split is one end of a line.
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (text !== "") this.#afterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    this.#count(chunk.length);
    for (let i = 0; i < lines.length; i++) {
      this.#line += lines[i];
      if (i === lines.length - 1) return;
      const line = this.#line;
      this.#line = "";
      this.#take(line, give);
    }
  }

  #count(chars: number): void {
    this.#chars += chars;
    if (this.#chars <= this.#charsMax) return;
    throw new RangeError(`Cannot read event: it is above ${this.#charsMax} characters`);
  }

  #take(line: string, give: (event: ReceivedEvent) => void): void {
    if (line === "") return this.#dispatch(give);
    const colon = line.indexOf(":");
    if (colon === 0) {
      // Comments keep a connection alive for ever; they count for no event.
      if (this.#data.length === 0) this.#chars = 0;
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#kind = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(give: (event: ReceivedEvent) => void): void {
    this.lastEventId = this.#id;
    const data = this.#data;
    const event = this.#kind || "message";
    this.#data = [];
    this.#kind = "";
    this.#chars = 0;
    if (data.length > 0) give({ data: data.join("\n"), event, id: this.lastEventId });
  }
}
