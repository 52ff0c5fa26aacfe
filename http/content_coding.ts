// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";

/** Compressed bytes that are decoded in place; more are decoded by a thread. */
const IN_PLACE_BYTES_MAX = 65_536;
/** Bytes of a piece that a stream gives: what a few bytes become is not made all at once. */
const PIECE_BYTES = 65_536;

/**
 * The codings of a content that can be undone, in the order in which they were applied
 * (RFC 9110 section 8.4); null for none, and where one of them is not known.
 */
export function codingsOf(field: string): readonly string[] | null {
  const names = field.toLowerCase().split(",").map((name) => name.trim());
  const codings = names.filter((name) => name !== "" && name !== "identity");
  return codings.length > 0 && codings.every((name) => Object.hasOwn(CODERS, name))
    ? codings
    : null;
}

/**
 * Undoes the codings of a whole content.
 *
 * @throws {TypeError} when it is malformed, or becomes more than `bytesMax`
 */
export async function decodeAll(
  bytes: Uint8Array<ArrayBuffer>,
  codings: readonly string[],
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Nothing at all is no content, coded or not.
  if (bytes.length === 0) return bytes;
  let decoded = bytes;
  for (const coding of codings.toReversed()) {
    try {
      decoded = await CODERS[coding].decode(decoded, bytesMax);
    } catch (cause) {
      throw decodeError(cause, bytesMax);
    }
  }
  return decoded;
}

/** Undoes the codings of a stream, piece by piece, as it is read. */
export function decodeStream(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  codings: readonly string[],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return codings.toReversed().reduce(
    (source, coding) => decodedBy(source, CODERS[coding].open()),
    stream,
  );
}

interface Coder {
  decode(
    bytes: Uint8Array<ArrayBuffer>,
    bytesMax: number,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  open(): Transform;
}

// Data: codings that Deno's client asks for.
const CODERS: Record<string, Coder> = {
  "gzip": coder("gunzipSync", "gunzip", "createGunzip"),
  "x-gzip": coder("gunzipSync", "gunzip", "createGunzip"),
  "br": coder("brotliDecompressSync", "brotliDecompress", "createBrotliDecompress"),
};

function coder(
  sync: "gunzipSync" | "brotliDecompressSync",
  later: "gunzip" | "brotliDecompress",
  create: "createGunzip" | "createBrotliDecompress",
): Coder {
  return {
    decode(bytes, bytesMax) {
      const options = { maxOutputLength: Math.min(bytesMax, OUTPUT_BYTES_MAX) };
      if (bytes.length <= IN_PLACE_BYTES_MAX) return plain(zlib()[sync](bytes, options));
      return new Promise((resolve, reject) => {
        const run = zlib()[later] as Zlib["gunzip"];
        run(bytes, options, (error, result) => {
          if (error) reject(error);
          else resolve(plain(result));
        });
      });
    },
    open: () => zlib()[create]({ chunkSize: PIECE_BYTES }),
  };
}

/** What a buffer of node can hold. */
const OUTPUT_BYTES_MAX = 2 ** 31 - 1;

function zlib() {
  return process.getBuiltinModule("node:zlib");
}

type Zlib = ReturnType<typeof zlib>;
type Transform = ReturnType<Zlib["createGunzip"]>;

/** Node gives a `Buffer`, which may share its memory. */
function plain(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  if (buffer.byteOffset === 0 && buffer.buffer.byteLength === buffer.length) {
    return new Uint8Array(buffer.buffer as ArrayBuffer);
  }
  return new Uint8Array(buffer);
}

function decodeError(cause: unknown, bytesMax: number): TypeError {
  const tooLong = (cause as { code?: unknown } | null)?.code === "ERR_BUFFER_TOO_LARGE";
  const reason = tooLong ? `it becomes more than ${bytesMax} bytes` : "it is malformed";
  return new TypeError(`Cannot decode body: ${reason}`, { cause });
}

/** Lets a stream through a decoder: it is fed when what it made before has been read. */
function decodedBy(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  decoder: Transform,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = source.getReader();
  const pieces = decoder[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let failure: unknown = null;
  const feeding = feed(reader, decoder).catch((error) => {
    failure = error;
    decoder.destroy(error as Error);
  });
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(plain(value));
        await feeding;
        if (failure !== null) throw failure;
        controller.close();
        controller.byobRequest?.respond(0);
      } catch (error) {
        decoder.destroy();
        // What the stream itself failed with comes first.
        if (failure !== null) throw failure;
        reader.cancel(error).catch(() => {});
        throw decodeError(error, Infinity);
      }
    },
    async cancel(reason) {
      decoder.destroy();
      await reader.cancel(reason);
    },
  }) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

async function feed(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  decoder: Transform,
): Promise<void> {
  decoder.on("error", () => {});
  for (;;) {
    const { done, value } = await reader.read();
    if (decoder.destroyed) return;
    if (done) break;
    if (decoder.write(value)) continue;
    await new Promise<void>((resolve) => {
      decoder.once("drain", resolve);
      decoder.once("close", resolve);
    });
  }
  decoder.end();
}
