// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ExpiringCache } from "../thread/expiring_cache.ts";
import { sleep } from "../thread/sleep.ts";
import type { OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { HttpContent } from "./http_content.ts";
import { type HttpRequester, type HttpState, httpState, resourceInfo } from "./http_resource.ts";
import { checkReadOnly } from "./open_mode.ts";
import { ReadOnlyFile } from "./read_only_file.ts";
import { ReadOnlyFs } from "./read_only_fs.ts";

/** Options of {@linkcode HttpFs}. */
export interface HttpFsOptions {
  /**
   * What makes the requests.
   *
   * @default {globalThis.fetch}
   */
  fetch?: (input: Request) => Promise<Response>;
  /** Headers of every request, such as `authorization`. */
  headers?: HeadersInit;
  /**
   * Times that a request is made again when no answer came, or one that says to come back later
   * (429, 502, 503, 504).
   *
   * @default {2}
   */
  retries?: number;
  /**
   * Milliseconds for which an answer about a file is believed, when it is opened or asked about
   * again. A file that has changed meanwhile rejects when it is read, once.
   *
   * @default {0}
   */
  trustMs?: number;
}

/**
 * Files of an HTTP server, read only. A path is appended to the base address; a file is asked about
 * with HEAD, and read by range requests (RFC 9110, section 14). Each read is one request: put a
 * {@linkcode CachedFs} in front of it. Directories, and links, are nothing that HTTP knows of.
 *
 * A file that changes on the server while it is open rejects with `Deno.errors.InvalidData`, as far
 * as its entity tag or date tell.
 *
 * @example Read a file of a server
 * ```ts
 * import { HttpFs, readWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen: () => {} }, (request) => {
 *   const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
 *   const body = "hello";
 *   if (range === null) return new Response(body);
 *   const [start, end] = [Number(range[1]), Math.min(Number(range[2]), body.length - 1)];
 *   const headers = { "content-range": `bytes ${start}-${end}/${body.length}` };
 *   return new Response(body.slice(start, end + 1), { status: 206, headers });
 * });
 * const remote = new HttpFs(`http://localhost:${server.addr.port}/files/`);
 * assertEquals(new TextDecoder().decode(await readWhole(remote, "a")), "hello");
 * ```
 */
export class HttpFs extends ReadOnlyFs {
  readonly #base: URL;
  readonly #options: HttpFsOptions;
  readonly #states: ExpiringCache<string, HttpState> | undefined;
  readonly #request: HttpRequester = (path, init) => this.#send(path, init);

  /**
   * The files below an address.
   *
   * @throws {TypeError} when the address is none of HTTP
   */
  constructor(base: string | URL, options: HttpFsOptions = {}) {
    super();
    this.#base = new URL(base);
    if (!/^https?:$/.test(this.#base.protocol)) {
      throw new TypeError(`Cannot read files of "${this.#base}": it is no http address`);
    }
    this.#options = options;
    const { trustMs: ttlMs = 0 } = options;
    this.#states = ttlMs > 0 ? new ExpiringCache({ ttlMs, entriesMax: STATES_MAX }) : undefined;
  }

  /** Opens a file to be read. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    checkReadOnly(path, options);
    const state = await this.#state(path, "open");
    const forget = () => this.#states?.delete(path);
    return new ReadOnlyFile(new HttpContent(this.#request, path, state, forget));
  }

  /** Says what is at a path. */
  async stat(path: string): Promise<Deno.FileInfo> {
    return resourceInfo(await this.#state(path, "stat"));
  }

  /** Says what is at a path. */
  async lstat(path: string): Promise<Deno.FileInfo> {
    return resourceInfo(await this.#state(path, "lstat"));
  }

  /** Throws: HTTP has no directories. */
  // deno-lint-ignore require-yield -- there is nothing to give
  async *readDir(path: string): AsyncIterable<Deno.DirEntry> {
    await Promise.resolve();
    throw new Deno.errors.NotSupported(`Cannot list '${path}': HTTP has no directories`);
  }

  /** Rejects: HTTP has no links. */
  readLink(path: string): Promise<string> {
    return Promise.reject(
      new Deno.errors.NotSupported(`Cannot read link '${path}': HTTP has no links`),
    );
  }

  /** What the server says about a file, or said a while ago. */
  async #state(path: string, operation: string): Promise<HttpState> {
    const ask = () => httpState(this.#request, path, operation);
    return await (this.#states?.getOrCreate(path, ask) ?? ask());
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const { fetch = globalThis.fetch, headers, retries = 2 } = this.#options;
    const url = resolve(this.#base, path);
    for (let attempt = 0;; attempt++) {
      const request = new Request(url, init);
      for (const [name, value] of new Headers(headers)) request.headers.set(name, value);
      // Ranges of a compressed form are of no use.
      request.headers.set("accept-encoding", "identity");
      const isLast = attempt >= retries;
      try {
        const response = await fetch(request);
        if (isLast || !LATER.includes(response.status)) return response;
        await response.body?.cancel();
      } catch (error) {
        if (isLast || init.signal?.aborted || !(error instanceof TypeError)) throw error;
      }
      await sleep(RETRY_DELAY_MS * 2 ** attempt);
    }
  }
}

/** Files whose answers are remembered. */
const STATES_MAX = 10_000;
/** Answers after which a request is made again. */
const LATER: readonly number[] = [429, 502, 503, 504];
const RETRY_DELAY_MS = 50;

/** The address of a path, below the base whatever the path says. */
function resolve(base: URL, path: string): URL {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(encodeURIComponent(name));
  }
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}/${names.join("/")}`;
  return url;
}
