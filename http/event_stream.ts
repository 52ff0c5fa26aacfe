// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** One event of a stream of events (HTML standard section 9.2). */
export interface ServerEvent {
  /** What it says; lines are kept apart. */
  readonly data: string;
  /** Its kind: `message` unless another is given. */
  readonly event?: string;
  /** What a client that lost the stream says in `Last-Event-ID`. */
  readonly id?: string;
  /** Milliseconds after which a client that loses the stream comes back. */
  readonly retry?: number;
}

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /**
   * Milliseconds without an event after which a comment keeps the connection alive; 0 for never.
   *
   * @default {15000}
   */
  keepAliveMs?: number;
  /** Further header fields of the response. */
  headers?: HeadersInit;
}

const encoder = new TextEncoder();
const KEEP_ALIVE_MS = 15_000;

/**
 * Answers with a stream of events. It is read no faster than the client takes it, and `return` of
 * the source is called when the client leaves.
 *
 * @param source Gives the events; strings are their data
 *
 * @example Count to three
 * ```ts
 * import { EventStreamDecoder, eventStream } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * async function* count() {
 *   for (let id = 1; id <= 3; id++) yield { data: `${id}`, id: `${id}` };
 * }
 * const response = eventStream(count());
 * const events = await Array.fromAsync(
 *   response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventStreamDecoder()),
 * );
 * assertEquals(events.map(({ data }) => data), ["1", "2", "3"]);
 * ```
 */
export function eventStream(
  source: AsyncIterable<ServerEvent | string> | Iterable<ServerEvent | string>,
  { keepAliveMs = KEEP_ALIVE_MS, headers }: EventStreamOptions = {},
): Response {
  const all = new Headers(headers);
  all.set("content-type", "text/event-stream");
  if (!all.has("cache-control")) all.set("cache-control", "no-cache");
  return new Response(eventBytes(source, keepAliveMs), { headers: all });
}

function eventBytes(
  source: AsyncIterable<ServerEvent | string> | Iterable<ServerEvent | string>,
  keepAliveMs: number,
): ReadableStream<Uint8Array> {
  const events = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const KEEP_ALIVE = encoder.encode(":\n\n");
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // The client is told that the stream is there before the first event is.
      controller.enqueue(KEEP_ALIVE);
    },
    async pull(controller) {
      if (keepAliveMs > 0) {
        timer = setInterval(() => {
          // A client that takes nothing is given nothing.
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(KEEP_ALIVE);
        }, keepAliveMs);
      }
      try {
        const { done, value } = await events.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(encodeEvent(value)));
      } finally {
        clearInterval(timer);
      }
    },
    async cancel() {
      clearInterval(timer);
      await events.return?.();
    },
  });
}

/**
 * An event as it travels.
 *
 * @throws {TypeError} when kind or id hold a line break, or the id a NUL
 * @throws {RangeError} when `retry` is no number of milliseconds
 *
 * @example Two lines
 * ```ts
 * import { encodeEvent } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeEvent({ data: "a\nb", id: "7" }), "id: 7\ndata: a\ndata: b\n\n");
 * ```
 */
export function encodeEvent(event: ServerEvent | string): string {
  const { data, event: kind, id, retry } = typeof event === "string" ? { data: event } : event;
  let text = "";
  if (kind !== undefined) text += `event: ${checkLine("event", kind)}\n`;
  if (id !== undefined) text += `id: ${checkLine("id", id)}\n`;
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) {
      throw new RangeError(
        `Cannot encode event: retry must be an integer of at least 0, received ${retry}`,
      );
    }
    text += `retry: ${retry}\n`;
  }
  for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  return `${text}\n`;
}

function checkLine(name: string, value: string): string {
  if (!/[\r\n\0]/.test(value)) return value;
  throw new TypeError(`Cannot encode event: ${name} must be one line without NUL`);
}
