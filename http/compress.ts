// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { acceptsEncodings } from "@std/http/negotiation";
import { changeable, type Handler, vary } from "./middleware.ts";

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
const FORMATS: Record<string, CompressionFormat> = {
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
    const { headers, body } = response;
    if (body === null || !isCompressible(response)) return response;
    const length = headers.get("content-length");
    if (length !== null && Number(length) < bytesMin) return response;
    const changed = changeable(response);
    vary(changed.headers, "Accept-Encoding");
    // Without a wish any coding is acceptable (RFC 9110 section 12.5.3), but none is expected.
    if (!request.headers.has("accept-encoding")) return changed;
    const coding = acceptsEncodings(request, ...Object.keys(FORMATS), "identity");
    if (coding === undefined || !(coding in FORMATS) || request.method === "HEAD") return changed;
    changed.headers.set("content-encoding", coding);
    changed.headers.delete("content-length");
    // What is sent is not the same octets any more (RFC 9110 section 8.8.1).
    const tag = changed.headers.get("etag");
    if (tag !== null && !tag.startsWith("W/")) changed.headers.set("etag", `W/${tag}`);
    return new Response(changed.body!.pipeThrough(new CompressionStream(FORMATS[coding])), changed);
  };
}

/**
 * Gives handlers the content of requests that came compressed (`Content-Encoding`); an unknown
 * coding is answered 415.
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
    const format = FORMATS[coding];
    if (format === undefined) return new Response("Unsupported Media Type", { status: 415 });
    const headers = new Headers(request.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    const body = request.body.pipeThrough(new DecompressionStream(format))
      .pipeThrough(limit(bytesMax));
    return handler(new Request(request, { headers, body }), info);
  };
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
