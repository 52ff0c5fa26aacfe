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
  readonly #makeReal: () => ReadableStream<Bytes>;
  #real: ReadableStream<Bytes> | null = null;
  #iterating = false;
  #disturbed = false;

  /** Reads a body, or the real stream of it once something asks for that. */
  constructor(body: ResponseBody, makeReal: () => ReadableStream<Bytes>) {
    this.#body = body;
    this.#makeReal = makeReal;
  }

  get locked(): boolean {
    return this.#disturbed ? this.#iterating : this.#real?.locked ?? false;
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
    return this.#real ??= this.#makeReal();
  }
}

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
