// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { forwardInternals } from "./request_internals.ts";
import type { ResponseBody } from "./response_body.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The body of a response as a `ReadableStream` that `for await` reads without the machinery of
 * streams, which takes longer than to receive and copy 64 KiB. All else, readers of both kinds,
 * `tee`, `pipeTo`, goes to a real stream that is made then.
 *
 * It stands for a stream as a `ClientResponse` stands for a `Response`, and keeps what watches over
 * the body alive.
 */
export class BodyStream {
  readonly #body: ResponseBody;
  /** Kept for as long as somebody has this stream. */
  readonly #keeper: object;
  #real: ReadableStream<Bytes> | null = null;
  #iterating = false;
  #disturbed = false;

  /** Reads a body. */
  constructor(body: ResponseBody, keeper: object) {
    this.#body = body;
    this.#keeper = keeper;
  }

  get locked(): boolean {
    return this.#real?.locked ?? this.#iterating;
  }

  /** Whether `for await` has read from it. */
  get disturbed(): boolean {
    return this.#disturbed;
  }

  cancel(reason?: unknown): Promise<void> {
    return this.real().cancel(reason);
  }

  getReader(options?: ReadableStreamGetReaderOptions): ReadableStreamReader<Bytes> {
    return this.real().getReader(options as undefined);
  }

  pipeThrough<T>(
    pair: ReadableWritablePair<T, Bytes>,
    options?: StreamPipeOptions,
  ): ReadableStream<T> {
    return this.real().pipeThrough(pair, options);
  }

  pipeTo(destination: WritableStream<Bytes>, options?: StreamPipeOptions): Promise<void> {
    return this.real().pipeTo(destination, options);
  }

  tee(): [ReadableStream<Bytes>, ReadableStream<Bytes>] {
    return this.real().tee();
  }

  values(options?: ReadableStreamIteratorOptions): AsyncIterableIterator<Bytes> {
    if (this.#real !== null || this.#disturbed || options !== undefined) {
      return this.real().values(options) as AsyncIterableIterator<Bytes>;
    }
    this.#iterating = this.#disturbed = true;
    return new BodyIterator(this.#body, this, () => this.#iterating = false);
  }

  [Symbol.asyncIterator](options?: ReadableStreamIteratorOptions): AsyncIterableIterator<Bytes> {
    return this.values(options);
  }

  /** A stream of Deno's own, which counts from now on. */
  real(): ReadableStream<Bytes> {
    if (this.#real === null) {
      this.#real = this.#body.stream();
      // Who has only the real one still has the body.
      keepers.set(this.#real, this.#keeper);
      // What is being read here is not to be read there as well.
      if (this.#iterating) this.#real.getReader();
    }
    return this.#real;
  }
}

const keepers: WeakMap<ReadableStream, object> = new WeakMap();

/** Gives streams their prototype, once and before the first of them. */
export function openStreams(): void {
  if (BodyStream.prototype instanceof ReadableStream) return;
  const sample = new ReadableStream({ type: "bytes" });
  forwardInternals(BodyStream.prototype, sample, (stream) => stream.real());
}

/** Reads a body to its end, or to the loop's. */
class BodyIterator implements AsyncIterableIterator<Bytes> {
  readonly #body: ResponseBody;
  #stream: BodyStream | null;
  readonly #over: () => void;

  constructor(body: ResponseBody, stream: BodyStream, over: () => void) {
    this.#body = body;
    this.#stream = stream;
    this.#over = over;
  }

  next(): Promise<IteratorResult<Bytes>> {
    if (this.#stream === null) return Promise.resolve(DONE);
    const chunk = this.#body.readNow();
    if (chunk !== null) return Promise.resolve({ done: false, value: chunk });
    return this.#body.read().then((value) => {
      if (value !== null) return { done: false, value };
      this.#end();
      return DONE;
    }, (error) => {
      this.#end();
      throw error;
    });
  }

  return(value?: unknown): Promise<IteratorResult<Bytes>> {
    if (this.#stream !== null) {
      this.#body.drop();
      this.#end();
    }
    return Promise.resolve({ done: true, value });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#stream = null;
    this.#over();
  }
}

const DONE: IteratorResult<Bytes> = { done: true, value: undefined };
