// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { eTag } from "@std/http/etag";
import { acceptsEncodings } from "@std/http/negotiation";
import { contentType } from "@std/media-types/content-type";
import { type ServedEntry, ServedFolder } from "../fs/served_folder.ts";
import { type ByteRange, parseRanges } from "./range_header.ts";
import { directoryPage } from "./directory_page.ts";
import { fileBody } from "./file_body.ts";
import { multipartRanges } from "./multipart_ranges.ts";
import { checkPreconditions, rangeCounts, type Validators } from "./preconditions.ts";
import { PreparedResponse } from "./prepared_response.ts";
import { type CachedFile, StaticCache } from "./static_cache.ts";
import { pathOf, staticPath } from "./static_path.ts";

/** Options of {@linkcode staticFiles}. */
export interface StaticFilesOptions {
  /**
   * What of a URL's path stands for the folder: `"/assets"`.
   *
   * @default {""}
   */
  prefix?: string;
  /**
   * The file that stands for its folder; null for none.
   *
   * @default {"index.html"}
   */
  index?: string | null;
  /**
   * Whether a folder without such a file is listed.
   *
   * @default {false}
   */
  listing?: boolean;
  /**
   * Whether names with a dot in front are served. `.well-known` always is.
   *
   * @default {false}
   */
  dotFiles?: boolean;
  /**
   * Whether `a.br`, `a.zst` or `a.gz` are sent in place of `a` to who takes them.
   *
   * @default {false}
   */
  precompressed?: boolean;
  /** Value of `Cache-Control`, or a function that gives it by the file's path. */
  cacheControl?: string | ((path: string) => string | undefined);
  /** Called as bytes of a file leave. Files are read for it, where the kernel would send them. */
  onProgress?: (progress: StaticProgress) => void;
}

/** How far a response is. */
export interface StaticProgress {
  /** The file's path below the folder. */
  readonly path: string;
  /** Bytes of the response so far. */
  readonly sentBytes: number;
  /** Bytes that it will have. */
  readonly totalBytes: number;
}

/** Answers requests for files; it is to be closed in the end. */
export interface StaticFiles extends Disposable {
  (request: Request): Response | Promise<Response>;
  /** Closes the folder. */
  close(): void;
}

/**
 * Serves the files of a folder: ranges, conditions and validators of RFC 9110 sections 8.8, 13 and
 * 14, precompressed files.
 *
 * Only GET and HEAD of regular files are answered. What leads out of the folder, however it is
 * written and through whatever link, is 404, as are names with a dot in front and devices. Folders
 * are not listed unless that is asked for. `serve` has the kernel send the bytes; files of up to
 * 128 KiB that are asked for again are kept in memory, 16 MiB of them, until they change.
 *
 * @throws {Deno.errors.NotFound} when there is no such folder
 * @throws {Deno.errors.NotCapable} when it may not be read
 *
 * @example A folder over HTTP
 * ```ts
 * import { serve, staticFiles } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a.txt`, "hello");
 * {
 *   using files = await staticFiles(folder);
 *   await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, files);
 *   const response = await fetch(`http://127.0.0.1:${server.addr.port}/a.txt`);
 *   assertEquals(response.headers.get("content-type"), "text/plain; charset=UTF-8");
 *   assertEquals(await response.text(), "hello");
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function staticFiles(
  root: string | URL,
  options: StaticFilesOptions = {},
): Promise<StaticFiles> {
  const site = new StaticSite(await ServedFolder.open(root), options);
  const close = () => site.close();
  return Object.assign((request: Request) => site.answer(request), {
    close,
    [Symbol.dispose]: close,
  });
}

/** Encodings that files may have been compressed with, best first. */
const ENCODINGS = ["br", "zstd", "gzip"] as const;
const SUFFIXES: Record<string, string> = { br: ".br", zstd: ".zst", gzip: ".gz" };
/** Tags and types that are remembered. */
const REMEMBERED_MAX = 4096;

class StaticSite {
  readonly #folder: ServedFolder;
  readonly #options: StaticFilesOptions;
  readonly #prefix: string;
  readonly #index: string | null;
  readonly #cache: StaticCache | null;
  readonly #etags = new Map<string, string>();
  readonly #types = new Map<string, string>();

  constructor(folder: ServedFolder, options: StaticFilesOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#prefix = (options.prefix ?? "").replace(/\/+$/, "");
    this.#index = options.index === undefined ? "index.html" : options.index;
    // What is sent is chosen, or watched, by request: nothing is ready before.
    const isPlain = options.onProgress === undefined && !options.precompressed;
    this.#cache = isPlain && typeof options.cacheControl !== "function" ? new StaticCache() : null;
  }

  close(): void {
    this.#folder.close();
  }

  answer(request: Request): Response | Promise<Response> {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") return plain(405, { allow: "GET, HEAD" });
    const path = staticPath(request.url, this.#prefix, this.#options.dotFiles ?? false);
    if (path === null) return plain(404);
    const cached = this.#cache?.current(path) ?? null;
    if (cached !== null && mayGiveCached(request) && !namesFolder(request)) {
      return this.#giveCached(request, cached);
    }
    const found = this.#folder.find(path);
    if (found instanceof Promise) return found.then((entry) => this.#give(request, path, entry));
    return this.#give(request, path, found);
  }

  #give(request: Request, path: string, entry: ServedEntry | null): Response | Promise<Response> {
    if (entry === null) return plain(404);
    if (entry.info.isDirectory) {
      entry.close();
      return this.#giveFolder(request, path);
    }
    if (!entry.info.isFile || namesFolder(request)) {
      entry.close();
      return plain(404);
    }
    if (this.#options.precompressed) return this.#giveCompressed(request, path, entry);
    return this.#giveFile(request, path, entry, null);
  }

  async #giveFolder(request: Request, path: string): Promise<Response> {
    const target = pathOf(request.url);
    if (!target.endsWith("/")) {
      // Relative links would lead elsewhere. The last name only: what comes before stays as it is.
      const location = `${target.slice(target.lastIndexOf("/") + 1) || "."}/`;
      const query = /\?[^#]*/.exec(request.url)?.[0] ?? "";
      return plain(301, { location: `./${location}${query}` });
    }
    if (this.#index !== null) {
      const file = path === "." ? this.#index : `${path}/${this.#index}`;
      const entry = await this.#folder.find(file);
      if (entry?.info.isFile) return await this.#giveFile(request, file, entry, null);
      entry?.close();
    }
    if (!this.#options.listing) return plain(404);
    const entries = this.#folder.readDir(path);
    const html = await directoryPage(path, entries, this.#options.dotFiles ?? false);
    const headers = { "content-type": "text/html; charset=UTF-8", ...SNIFF_NOTHING };
    return new Response(request.method === "HEAD" ? null : html, { headers });
  }

  /** Gives a file that was compressed before, to who takes that. */
  async #giveCompressed(request: Request, path: string, entry: ServedEntry): Promise<Response> {
    const wanted = request.headers.has("accept-encoding")
      ? acceptsEncodings(request, ...ENCODINGS, "identity")
      : undefined;
    const suffix = wanted === undefined ? undefined : SUFFIXES[wanted];
    if (suffix === undefined) return await this.#giveFile(request, path, entry, "identity");
    const compressed = await this.#folder.find(path + suffix);
    if (compressed?.info.isFile) {
      entry.close();
      return await this.#giveFile(request, path, compressed, wanted!);
    }
    compressed?.close();
    return await this.#giveFile(request, path, entry, "identity");
  }

  /** `encoding` is null where it is not negotiated. */
  #giveFile(
    request: Request,
    path: string,
    entry: ServedEntry,
    encoding: string | null,
  ): Response | Promise<Response> {
    const { dev, ino, size, mtime, ctime } = entry.info;
    const state = `${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
    const etag = this.#etags.get(state);
    if (etag !== undefined) {
      const cached = mayGiveCached(request) ? this.#cached(path, entry, state, etag) : null;
      if (cached === null) return this.#respond(request, path, entry, encoding, etag);
      entry.close();
      return this.#giveCached(request, cached);
    }
    return eTag(state).then((etag) => {
      remember(this.#etags, state, etag!);
      return this.#respond(request, path, entry, encoding, etag!);
    });
  }

  /** The file as it is kept, from its second request on. */
  #cached(path: string, entry: ServedEntry, state: string, etag: string): CachedFile | null {
    const cached = this.#cache?.confirm(path, state);
    if (cached !== null) return cached ?? null;
    const modifiedMs = entry.info.mtime?.getTime() ?? 0;
    const headers = this.#headers(path, null, { etag, modifiedMs });
    headers["content-type"] = this.#typeOf(path);
    return this.#cache!.admit(path, entry, { state, etag, modifiedMs, headers });
  }

  #giveCached(request: Request, file: CachedFile): Response {
    const status = checkPreconditions(request.headers, file);
    const { headers, content } = file;
    if (status !== 200) {
      const { "content-type": _, ...validators } = headers;
      return new Response(null, { status, headers: validators });
    }
    const { fields, headRoom } = file;
    const make = () => {
      const length = String(content.length);
      return new Response(content, { headers: { ...headers, "content-length": length } });
    };
    const answer = { status, fields, isDated: false, content, headRoom };
    return new PreparedResponse(answer, make) as unknown as Response;
  }

  #respond(
    request: Request,
    path: string,
    entry: ServedEntry,
    encoding: string | null,
    etag: string,
  ): Response {
    const { size, mtime } = entry.info;
    const validators: Validators = { etag, modifiedMs: mtime?.getTime() ?? 0 };
    const headers = this.#headers(path, encoding, validators);
    const status = checkPreconditions(request.headers, validators);
    if (status !== 200) {
      entry.close();
      return new Response(null, { status, headers });
    }
    headers["content-type"] = this.#typeOf(path);
    const range = request.method === "GET" ? request.headers.get("range") : null;
    const ranges = range !== null && rangeCounts(request.headers.get("if-range"), validators)
      ? parseRanges(range, size)
      : null;
    if (ranges === null) {
      headers["content-length"] = String(size);
      return new Response(this.#body(path, entry, { first: 0, last: size - 1 }), { headers });
    }
    if (ranges.length > 1) return multipartRanges(entry, ranges, headers);
    return this.#giveRange(path, entry, ranges[0], headers);
  }

  #giveRange(
    path: string,
    entry: ServedEntry,
    range: ByteRange | undefined,
    headers: Record<string, string>,
  ): Response {
    const { size } = entry.info;
    if (range === undefined) {
      entry.close();
      return plain(416, { "content-range": `bytes */${size}`, "accept-ranges": "bytes" });
    }
    headers["content-range"] = `bytes ${range.first}-${range.last}/${size}`;
    headers["content-length"] = String(range.last - range.first + 1);
    return new Response(this.#body(path, entry, range), { status: 206, headers });
  }

  #body(path: string, entry: ServedEntry, { first, last }: ByteRange): ReadableStream {
    const totalBytes = last - first + 1;
    const { onProgress } = this.#options;
    if (onProgress === undefined) return fileBody(entry, first, totalBytes);
    let sentBytes = 0;
    return fileBody(entry, first, totalBytes, (byteLength) => {
      sentBytes += byteLength;
      onProgress({ path, sentBytes, totalBytes });
    });
  }

  #headers(
    path: string,
    encoding: string | null,
    { etag, modifiedMs }: Validators,
  ): Record<string, string> {
    const headers: Record<string, string> = {
      "etag": etag,
      "last-modified": lastModified(modifiedMs),
      "accept-ranges": "bytes",
    };
    if (encoding !== null) headers["vary"] = "Accept-Encoding";
    if (encoding !== null && encoding !== "identity") headers["content-encoding"] = encoding;
    const { cacheControl } = this.#options;
    const cache = typeof cacheControl === "function" ? cacheControl(path) : cacheControl;
    if (cache !== undefined) headers["cache-control"] = cache;
    return headers;
  }

  #typeOf(path: string): string {
    const dot = path.lastIndexOf(".");
    const extension = dot > path.lastIndexOf("/") ? path.slice(dot) : "";
    const known = this.#types.get(extension);
    if (known !== undefined) return known;
    const type = contentType(extension) ?? "application/octet-stream";
    remember(this.#types, extension, type);
    return type;
  }
}

/** A name that ends in a slash is that of a folder. */
function namesFolder({ url }: Request): boolean {
  return pathOf(url).endsWith("/");
}

/** Parts of a file are read from the file. */
function mayGiveCached({ method, headers }: Request): boolean {
  return method === "GET" && !headers.has("range");
}

const SNIFF_NOTHING = { "x-content-type-options": "nosniff" };

function plain(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

let lastDateMs = NaN;
let lastDate = "";

function lastModified(modifiedMs: number): string {
  if (modifiedMs !== lastDateMs) {
    lastDateMs = modifiedMs;
    lastDate = new Date(modifiedMs).toUTCString();
  }
  return lastDate;
}

function remember(map: Map<string, string>, key: string, value: string): void {
  if (map.size >= REMEMBERED_MAX) map.delete(map.keys().next().value!);
  map.set(key, value);
}
