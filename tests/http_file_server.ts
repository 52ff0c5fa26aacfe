// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { serve } from "../http/serve.ts";

/** What a {@linkcode FileServer} does to a request before it answers as it should. */
export type Interference = (
  request: Request,
  server: FileServer,
) => Promise<Response | void> | Response | void;

/** Serves one content with ranges and `If-Range`, slowly if asked to; disposing stops it. */
export class FileServer implements AsyncDisposable {
  /** What it serves. */
  content: Uint8Array<ArrayBuffer>;
  /** Its entity tag; null for none. */
  tag: string | null = '"1"';
  /** When it was changed; null for not saying. */
  date: string | null = null;
  /** Milliseconds between pieces of 16 KiB; 0 for all at once. */
  pauseMs = 0;
  /** What it does first. */
  interfere: Interference = () => {};
  /** The `Range` of each request. */
  readonly ranges: (string | null)[] = [];
  /** Bytes of contents so far. */
  sentBytes = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Begins to serve on a port of its own. */
  constructor(content: Uint8Array<ArrayBuffer>) {
    this.content = content;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = serve(options, async (request) => {
      this.ranges.push(request.headers.get("range"));
      return await this.interfere(request, this) ?? this.answer(request);
    });
  }

  /** Where it is. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/file`;
  }

  /** The answer of a server that does as it should. */
  answer(request: Request): Response {
    const headers = new Headers({ "accept-ranges": "bytes" });
    if (this.tag !== null) headers.set("etag", this.tag);
    if (this.date !== null) headers.set("last-modified", this.date);
    const size = this.content.length;
    const ifRange = request.headers.get("if-range");
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
    if (match === null || ifRange !== null && ifRange !== (this.tag ?? this.date)) {
      return this.#send(this.content, 200, headers);
    }
    const [start, end] = [Number(match[1]), Math.min(size, Number(match[2] || size) + 1)];
    if (start >= size) {
      headers.set("content-range", `bytes */${size}`);
      return new Response(null, { status: 416, headers });
    }
    headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
    return this.#send(this.content.subarray(start, end), 206, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #send(bytes: Uint8Array<ArrayBuffer>, status: number, headers: Headers): Response {
    headers.set("content-length", `${bytes.length}`);
    let at = 0;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        if (at === bytes.length) return controller.close();
        if (this.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
        const piece = bytes.slice(at, at + (this.pauseMs > 0 ? 16_384 : 1_048_576));
        at += piece.length;
        this.sentBytes += piece.length;
        controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
    return new Response(body, { status, headers });
  }
}

/** Bytes that look random, the same from the same seed. */
export function randomBytes(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(count / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, count);
}

/** A body that ends with an error after so many bytes. */
export function brokenOff(response: Response, bytes: number): Response {
  const { status, headers } = response;
  const reader = response.body!.getReader();
  let left = bytes;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { value } = await reader.read();
      if (value === undefined || left <= 0) {
        await reader.cancel();
        return controller.error(new Error("broken off on purpose"));
      }
      controller.enqueue(value.slice(0, left));
      left -= value.length;
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status, headers });
}
