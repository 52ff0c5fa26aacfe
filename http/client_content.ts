// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a client sends behind a head. */
export interface ClientContent {
  /** What `Content-Type` says unless the caller does; null for nothing. */
  readonly contentType: string | null;
  /** Bytes, or -1 when that is not known: then it leaves in chunks. */
  readonly byteLength: number;
  /** All of it, where it is in memory. */
  readonly bytes: Uint8Array | null;
  /** Whether {@linkcode open} may be called again: for a redirect, or another attempt. */
  readonly repeatable: boolean;
  /** A stream of it. */
  open(): ReadableStream<Uint8Array>;
}

/**
 * Takes the content out of what a caller gave. Only `FormData` takes a promise.
 *
 * @throws {TypeError} when it is a stream that is locked or was read from
 */
export function contentOf(body: BodyInit): ClientContent | Promise<ClientContent> {
  if (typeof body === "string") return bytesContent(encoder.encode(body), TEXT);
  // A copy, for the caller may go on to change it (Fetch standard, "extract a body").
  if (body instanceof ArrayBuffer) return bytesContent(new Uint8Array(body.slice(0)), null);
  if (ArrayBuffer.isView(body)) {
    return bytesContent(
      new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(),
      null,
    );
  }
  if (body instanceof URLSearchParams) return bytesContent(encoder.encode(String(body)), FORM);
  if (body instanceof Blob) return blobContent(body, body.type || null);
  if (body instanceof FormData) return formContent(body);
  if (body instanceof ReadableStream) return streamContent(body, -1);
  // Async iterables, and what is made text of: the platform knows.
  const { body: stream, headers } = new Response(body);
  return stream === null
    ? bytesContent(EMPTY, null)
    : { ...streamContent(stream, -1), contentType: headers.get("content-type") };
}

/** Content that is in memory, and not copied any more. */
export function bytesContent(bytes: Uint8Array, contentType: string | null): ClientContent {
  return {
    contentType,
    byteLength: bytes.length,
    bytes,
    repeatable: true,
    open: () => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
  };
}

/** The content of a `Request`, which counts as read from then on. */
export function requestContent(request: Request): ClientContent | null {
  if (request.bodyUsed) throw new TypeError("Input request's body is unusable");
  const inner = innerBodyOf(request);
  const held = inner?.streamOrStatic;
  if (held !== undefined && "consumed" in held) {
    held.consumed = true;
    return bytesContent(
      typeof held.body === "string" ? encoder.encode(held.body) : held.body,
      null,
    );
  }
  const { body } = request;
  if (body === null) return null;
  if (body.locked) throw new TypeError("Input request's body is unusable");
  const source = inner?.source;
  if (source instanceof Blob) {
    body.cancel().catch(() => {});
    return blobContent(source, null);
  }
  return streamContent(body, -1);
}

const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";
const EMPTY: Uint8Array = new Uint8Array();
const encoder = new TextEncoder();

function blobContent(blob: Blob, contentType: string | null): ClientContent {
  return {
    contentType,
    byteLength: blob.size,
    bytes: null,
    repeatable: true,
    open: () => blob.stream(),
  };
}

async function formContent(form: FormData): Promise<ClientContent> {
  const encoded = new Response(form);
  const contentType = encoded.headers.get("content-type");
  return blobContent(await encoded.blob(), contentType);
}

function streamContent(
  stream: ReadableStream<Uint8Array>,
  byteLength: number,
): ClientContent {
  if (stream.locked) throw new TypeError("ReadableStream is locked or disturbed");
  return { contentType: null, byteLength, bytes: null, repeatable: false, open: () => stream };
}

interface InnerBody {
  readonly streamOrStatic:
    | ReadableStream<Uint8Array>
    | { readonly body: string | Uint8Array; consumed: boolean };
  readonly source: unknown;
}

/**
 * What Deno keeps of the body of a `Request`: without it neither its length nor, but by a stream,
 * its bytes can be had. Null where it is kept in another way, and a body is a stream then.
 */
function innerBodyOf(request: Request): InnerBody | null {
  for (const symbol of Object.getOwnPropertySymbols(request)) {
    if (symbol.description !== "request") continue;
    const inner = (Reflect.get(request, symbol) as { body?: Partial<InnerBody> }).body;
    return inner?.streamOrStatic !== undefined && "source" in inner ? inner as InnerBody : null;
  }
  return null;
}
