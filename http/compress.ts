// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { acceptsEncodings } from "@std/http/negotiation";
import { changeable, derived, type Handler, vary } from "./middleware.ts";

/** Options of {@linkcode compress}. */
export interface CompressOptions {
  /**
   * Bodies of a known length below this are left alone, in bytes.
   *
   * @default {1024}
   */
  bytesMin?: number;
}

// Data: names of codings on the wire and of `CompressionStream`, the preferred first.
const FORMATS: Readonly<Record<string, CompressionFormat>> = {
  br: "brotli" as CompressionFormat,
  gzip: "gzip",
  deflate: "deflate",
};
const COMPRESSIBLE_REGEXP = new RegExp(
  [
    /text\/(?!event-stream)/,
    /application\/(?:json|javascript|xml|wasm|[\w.-]+\+(?:json|xml))/,
    /(?:image\/svg\+xml|font\/[ot]tf)/,
  ].map(({ source }) => `^${source}`).join("|"),
  "i",
);

/**
 * Compresses responses, as `automaticCompression` of `Deno.serve` does: with brotli, gzip or
 * deflate, whichever the client prefers. Left alone is what is encoded already, is short, is no
 * text, is a range, or says `no-transform`.
 *
 * @example A compressed text
 * ```ts
 * import { compress } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = compress(() => new Response("a".repeat(2000)));
 * const request = new Request("http://localhost", { headers: { "accept-encoding": "gzip" } });
 * const response = await handler(request, {} as Deno.ServeHandlerInfo<never>);
 * assertEquals(response.headers.get("content-encoding"), "gzip");
 * await response.body?.cancel();
 * ```
 */
export function compress<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  options: CompressOptions = {},
): Handler<A> {
  const { bytesMin = 1024 } = options;
  return async function compressed(request, info) {
    const response = await handler(request, info);
    if (response.status === 304) return confirmed(request, response);
    if (!isCompressible(response)) return response;
    // What answers HEAD may leave the content out; its fields are those of GET all the same.
    const isLeftOut = request.method === "HEAD" && !BODILESS.has(response.status);
    const body = response.body ?? (isLeftOut ? new Blob().stream() : null);
    const length = response.headers.get("content-length");
    if (body === null || length !== null && Number(length) < bytesMin) return response;
    const changed = changeable(response);
    vary(changed.headers, "Accept-Encoding");
    // Without a wish any coding is acceptable (RFC 9110 section 12.5.3), but none is expected.
    if (!request.headers.has("accept-encoding")) return changed;
    const coding = acceptsEncodings(request, ...Object.keys(FORMATS), "identity");
    if (coding === undefined || coding === "identity") return changed;
    changed.headers.set("content-encoding", coding);
    changed.headers.delete("content-length");
    weaken(changed.headers);
    const source = changed.body ?? body;
    return new Response(source.pipeThrough(new CompressionStream(FORMATS[coding]!)), changed);
  };
}

/** Of which a `Response` can have no body. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** What is sent is not the same octets any more (RFC 9110 section 8.8.1). */
function weaken(headers: Headers): void {
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

/**
 * A 304 about what the client got compressed: a strong tag would tell its cache that it has another
 * content (RFC 9111 section 4.3.3).
 */
function confirmed(request: Request, response: Response): Response {
  const tag = response.headers.get("etag");
  const asked = request.headers.get("if-none-match");
  if (tag === null || !asked?.includes(`W/${tag}`)) return response;
  const changed = changeable(response);
  vary(changed.headers, "Accept-Encoding");
  weaken(changed.headers);
  return changed;
}

/**
 * Gives handlers the content of requests that came compressed (`Content-Encoding`); another coding,
 * or several, are answered 415 with those that are known. Reading a content that is longer, or
 * malformed, fails in the handler.
 *
 * @param bytesMax Bytes of the content at most: a few compressed ones may become very many
 *
 * @example A request that came compressed
 * ```ts
 * import { decompress } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new Blob(["text"]).stream().pipeThrough(new CompressionStream("gzip"));
 * const handler = decompress(async (request) => new Response(await request.text()));
 * const headers = { "content-encoding": "gzip" };
 * const request = new Request("http://localhost", { method: "POST", body, headers });
 * const response = await handler(request, {} as Deno.ServeHandlerInfo<never>);
 * assertEquals(await response.text(), "text");
 * ```
 */
export function decompress<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  bytesMax: number = 16 * 1024 * 1024,
): Handler<A> {
  return function decompressed(request, info) {
    const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
    if (coding === "identity" || request.body === null) return handler(request, info);
    const format = Object.hasOwn(FORMATS, coding) ? FORMATS[coding]! : ALIASES.get(coding);
    if (format === undefined) return refuse();
    const headers = new Headers(request.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    const body = request.body.pipeThrough(new DecompressionStream(format))
      .pipeThrough(limit(bytesMax));
    return handler(derived(request, { headers, body }), info);
  };
}

// Data: other names of codings (RFC 9110 section 8.4.1.3).
const ALIASES: ReadonlyMap<string, CompressionFormat> = new Map([["x-gzip", "gzip"]]);

/** RFC 9110 section 12.5.3: the client is told what it may send. */
function refuse(): Response {
  const headers = { "accept-encoding": Object.keys(FORMATS).join(", ") };
  return new Response("Unsupported Media Type", { status: 415, headers });
}

function isCompressible({ headers, status }: Response): boolean {
  return status !== 206 && !headers.has("content-encoding") && !headers.has("content-range") &&
    COMPRESSIBLE_REGEXP.test(headers.get("content-type") ?? "") &&
    !/\bno-transform\b/i.test(headers.get("cache-control") ?? "");
}

/** Passes bytes on, up to so many. */
function limit(bytesMax: number): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  let total = 0;
  return new TransformStream({
    transform(chunk, controller) {
      total += chunk.length;
      if (total > bytesMax) throw new RangeError(`Cannot decompress: more than ${bytesMax} bytes`);
      controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
    },
  });
}
