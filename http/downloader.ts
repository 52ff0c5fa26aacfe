// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { FsFile } from "../fs/fs_file.ts";
import { checkStatus, type HttpState, rangeOf, stateOf } from "../fs/http_resource.ts";
import { writeAllAt } from "../fs/whole_file.ts";
import { backoffMs } from "../thread/backoff.ts";
import { sleep } from "../thread/sleep.ts";
import { timeout } from "../thread/timeout.ts";
import { ByteRanges, type ByteSpan } from "./byte_ranges.ts";
import type { FetchRequest } from "./fetch_request.ts";
import type { DownloadOptions, DownloadProgress } from "./download_options.ts";
import type { DownloadState, DownloadStateFile } from "./download_state.ts";
import { parseHttpDate } from "./http_date.ts";
import { retryAfterMs } from "./retry_after.ts";

/** Options with what answers the requests. */
export interface DownloaderOptions extends DownloadOptions {
  fetch: FetchRequest;
}

/** Times that a content may change before it is given up. */
const RESTARTS_MAX = 3;
/** Milliseconds between two savings of the state, and between two words on the progress. */
const SAVE_MS = 250;
const PROGRESS_MS = 100;

/** The content is not the one of which there are parts. */
class ContentChanged extends Error {
  override name = "ContentChanged";
}

/** The transfer failed, and may go on. */
class TransferFailed extends Error {
  override name = "TransferFailed";
  /** What the server asks to be waited. */
  readonly waitMs: number;

  constructor(cause: unknown, waitMs = 0) {
    super("The transfer failed", { cause });
    this.waitMs = waitMs;
  }
}

/**
 * Fills one file with one content.
 *
 * The first request asks for the first part that is missing; its answer says whether there are
 * ranges, and how many bytes. Then so many workers fetch a part after the other. A part that fails
 * goes on at the byte where it broke off.
 */
export class Downloader {
  readonly #url: string;
  readonly #file: FsFile;
  readonly #stateFile: DownloadStateFile;
  readonly #options: DownloaderOptions;
  readonly #done = new ByteRanges();
  #entity: HttpState | null = null;
  #totalBytes: number | undefined;
  #resumedBytes = 0;
  #nextProgressMs = 0;
  #nextSaveMs = 0;
  #saving: Promise<void> | null = null;

  /** Fills a file that nobody else writes. */
  constructor(
    url: string,
    file: FsFile,
    stateFile: DownloadStateFile,
    options: DownloaderOptions,
  ) {
    this.#url = url;
    this.#file = file;
    this.#stateFile = stateFile;
    this.#options = options;
  }

  /** Downloads; when it is over the file has all bytes, and no more. */
  async run(): Promise<DownloadProgress & { readonly totalBytes: number }> {
    await this.#resume();
    for (let restarts = 0;; restarts++) {
      try {
        await this.#fill();
        break;
      } catch (error) {
        if (!(error instanceof ContentChanged)) throw await this.#stop(error);
        if (restarts === RESTARTS_MAX) throw new TypeError(CHANGES, { cause: error });
        await this.#startOver();
      }
    }
    await this.#saving;
    const totalBytes = this.#totalBytes!;
    await this.#file.truncate(totalBytes);
    this.#options.onProgress?.(this.#progress());
    return { ...this.#progress(), totalBytes };
  }

  /** Goes on with what an earlier call has left. */
  async #resume(): Promise<void> {
    const state = await this.#stateFile.load(this.#url);
    const { size } = await this.#file.stat();
    const last = state?.done.spans.at(-1)?.[1] ?? 0;
    if (state === null || validatorOf(state.entity) === null || last > size) {
      return await this.#startOver();
    }
    for (const [start, end] of state.done.spans) this.#done.add(start, end);
    this.#entity = state.entity;
    this.#totalBytes = state.entity.size;
    this.#resumedBytes = this.#done.bytes;
  }

  async #startOver(): Promise<void> {
    await this.#saving;
    await this.#stateFile.remove();
    await this.#file.truncate(0);
    this.#done.clear();
    this.#entity = null;
    this.#totalBytes = undefined;
    this.#resumedBytes = 0;
  }

  /** Saves what is there, for the next call; gives the error that ends this one. */
  async #stop(error: unknown): Promise<unknown> {
    await this.#saving;
    if (this.#entity !== null) await this.#save(this.#entity).catch(() => {});
    return error instanceof TransferFailed ? error.cause : error;
  }

  async #fill(): Promise<void> {
    const { connections = 4, partBytes = 8_388_608, signal } = this.#options;
    let first = this.#entity === null ? await this.#begin(partBytes) : null;
    // Of a server without ranges all is there by now.
    if (this.#entity === null) return;
    const parts = this.#done.gaps(this.#entity.size, partBytes).reverse();
    const aborter = new AbortController();
    const stopped = AbortSignal.any([aborter.signal, ...(signal ? [signal] : [])]);
    const work = async () => {
      try {
        for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
          const answer = first;
          first = null;
          await this.#fetchPart(part, stopped, answer);
        }
      } catch (error) {
        // The first failure is what the others end with, and what is told.
        aborter.abort(error);
        throw stopped.reason;
      }
    };
    const workers = Array.from({ length: Math.min(connections, parts.length) }, work);
    for (const result of await Promise.allSettled(workers)) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  /** Whether there is something that the next call can go on with. */
  get resumable(): boolean {
    return this.#entity !== null;
  }

  /**
   * The first answer of all: whether there are ranges, and of what content.
   *
   * @returns The answer that the first part is taken from; null when all is there
   */
  #begin(partBytes: number): Promise<Response | null> {
    const signal = this.#options.signal ?? NEVER;
    return this.#persist(signal, async () => {
      const response = await this.#ask({ range: `bytes=0-${partBytes - 1}` }, signal);
      const range = rangeOf(response);
      if (response.status === 416 && range?.size === 0) {
        await response.body?.cancel();
        this.#totalBytes = 0;
        return null;
      }
      if (range?.size === undefined || range.start !== 0 || !canBeSplit(response)) {
        await this.#takeWhole(response, signal);
        return null;
      }
      this.#entity = entityOf(response, range.size);
      this.#totalBytes = range.size;
      return response;
    });
  }

  /** Takes the whole, in order; what broke off is begun anew. */
  async #takeWhole(response: Response, signal: AbortSignal): Promise<void> {
    if (response.status !== 200) {
      await response.body?.cancel();
      response = await this.#ask({}, signal);
      if (response.status !== 200) throw await refused(response, this.#url);
    }
    this.#done.clear();
    await this.#file.truncate(0);
    const length = response.headers.get("content-length");
    const isPlain = !response.headers.has("content-encoding");
    if (length !== null && isPlain && /^\d+$/.test(length)) this.#totalBytes = Number(length);
    const end = await this.#take(response, [0, this.#totalBytes ?? Infinity], signal);
    this.#totalBytes = end;
  }

  /**
   * Fetches what is missing of a part, however often the transfer breaks off.
   *
   * @param answer What has been answered to a request for it
   */
  async #fetchPart(
    [start, end]: ByteSpan,
    signal: AbortSignal,
    answer: Response | null,
  ): Promise<void> {
    let at = start;
    try {
      await this.#persist(signal, async (progressed) => {
        if (at === end) return;
        const response = answer ?? await this.#askFor([at, end], signal);
        answer = null;
        await this.#take(response, [at, end], signal, (to) => {
          at = to;
          progressed();
        });
      });
    } finally {
      await answer?.body?.cancel();
    }
  }

  /** Asks for a part of the content that is known. */
  async #askFor([start, end]: ByteSpan, signal: AbortSignal): Promise<Response> {
    const entity = this.#entity!;
    const range = `bytes=${start}-${end - 1}`;
    const response = await this.#ask({ range, "if-range": validatorOf(entity)! }, signal);
    const found = rangeOf(response);
    const isPart = response.status === 206 && found?.start === start && found.size === entity.size;
    if (isPart && isOfSameContent(response, entity)) return response;
    await response.body?.cancel();
    throw new ContentChanged(`${response.status} with another content`);
  }

  /** Tries until it succeeds, or has failed too often without a byte. */
  async #persist<T>(
    signal: AbortSignal,
    attempt: (progressed: () => void) => Promise<T>,
  ): Promise<T> {
    const { triesMax = 5, backoff } = this.#options;
    for (let failures = 0;;) {
      signal.throwIfAborted();
      try {
        return await attempt(() => failures = 0);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof TransferFailed) || ++failures >= triesMax) throw error;
        await sleep(Math.max(error.waitMs, backoffMs(failures, backoff)), { signal });
      }
    }
  }

  /** Asks; only answers that have a content are given back. */
  async #ask(fields: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const { fetch, stallTimeoutMs = STALL_MS } = this.#options;
    const headers = new Headers(this.#options.headers);
    // A content that is coded anew each time has no ranges that fit together.
    headers.set("accept-encoding", "identity");
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    const aborter = new AbortController();
    const stopped = AbortSignal.any([signal, aborter.signal]);
    const request = new Request(this.#url, { headers, signal: stopped });
    const response = await timeout(fetch(request), stallTimeoutMs, { signal }).catch((error) => {
      aborter.abort(error);
      throw signal.aborted ? signal.reason : new TransferFailed(error);
    });
    const { status } = response;
    if (status === 200 || status === 206 || status === 416) return response;
    const error = await refused(response, this.#url);
    throw PASSING.has(status) ? new TransferFailed(error, waitOf(response)) : error;
  }

  /** Writes a body where it belongs; says where it ended. */
  async #take(
    response: Response,
    [start, end]: ByteSpan,
    signal: AbortSignal,
    advanced: (at: number) => void = () => {},
  ): Promise<number> {
    const { stallTimeoutMs = STALL_MS } = this.#options;
    const reader = (response.body ?? emptyBody()).getReader();
    let at = start;
    try {
      for (;;) {
        const { value, done } = await timeout(reader.read(), stallTimeoutMs, { signal }).catch(
          (error) => {
            throw signal.aborted ? signal.reason : new TransferFailed(error);
          },
        );
        if (done) break;
        if (at + value.length > end) throw new ContentChanged("more bytes than were asked for");
        await writeAllAt(this.#file, value, at);
        this.#done.add(at, at + value.length);
        at += value.length;
        advanced(at);
        this.#note();
      }
    } catch (error) {
      // A failed stream rejects; there is nothing more to be said of it.
      await reader.cancel(error).catch(() => {});
      throw error;
    }
    if (at < end && end !== Infinity) {
      const cause = new Deno.errors.UnexpectedEof(`Cannot download ${this.#url}: body ended early`);
      throw new TransferFailed(cause);
    }
    return at;
  }

  /** Says how far it is, and saves that, when it is time. */
  #note(): void {
    const nowMs = performance.now();
    if (nowMs >= this.#nextProgressMs) {
      this.#nextProgressMs = nowMs + PROGRESS_MS;
      this.#options.onProgress?.(this.#progress());
    }
    if (this.#entity === null || this.#saving !== null || nowMs < this.#nextSaveMs) return;
    this.#saving = this.#save(this.#entity).catch(() => {
      // What cannot be saved is downloaded again; a disk that is full fails the writes as well.
    }).finally(() => {
      // A slow disk is not kept busy with this alone.
      this.#nextSaveMs = performance.now() + Math.max(SAVE_MS, 4 * (performance.now() - nowMs));
      this.#saving = null;
    });
  }

  /** The bytes first, then the word that they are there. */
  async #save(entity: HttpState): Promise<void> {
    const spans = this.#done.spans;
    await this.#file.syncData();
    const state: DownloadState = { url: this.#url, entity, done: this.#done };
    await this.#stateFile.save(state, spans);
  }

  #progress(): DownloadProgress {
    const [receivedBytes, resumedBytes] = [this.#done.bytes, this.#resumedBytes];
    return { receivedBytes, resumedBytes, totalBytes: this.#totalBytes };
  }
}

const CHANGES = "Cannot download: the content changes while it is downloaded";
const STALL_MS = 30_000;
const NEVER = new AbortController().signal;
/** Statuses that another try may better. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
/** What a server may ask to be waited, at most. */
const WAIT_MS_MAX = 60_000;

function emptyBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([]).stream();
}

function waitOf(response: Response): number {
  return Math.min(WAIT_MS_MAX, retryAfterMs(response.headers));
}

/** Gives the body up; says what is wrong with the answer. */
async function refused(response: Response, url: string): Promise<unknown> {
  await response.body?.cancel();
  try {
    checkStatus(response, `download ${url}`);
    return new Deno.errors.Http(`Cannot download ${url}: the server answered ${response.status}`);
  } catch (error) {
    return error;
  }
}

function entityOf(response: Response, size: number): HttpState {
  const { tag, date } = stateOf(response, size);
  return { size, tag, date };
}

/** Whether parts of it, and of answers that name the same validator, can be put together. */
function canBeSplit(response: Response): boolean {
  if (response.headers.has("content-encoding")) return false;
  const entity = entityOf(response, 0);
  if (entity.tag !== null) return validatorOf(entity) !== null;
  // RFC 9110 section 8.8.2.2: within a second there may have been two contents of the same date.
  const answeredMs = parseHttpDate(response.headers.get("date") ?? "");
  return parseHttpDate(entity.date ?? "") + 1000 <= answeredMs;
}

/** An answer to `If-Range` need not repeat the date (RFC 9110 section 15.3.7). */
function isOfSameContent(response: Response, entity: HttpState): boolean {
  const { tag, date } = entityOf(response, entity.size);
  return tag === entity.tag && (tag !== null || date === null || date === entity.date);
}

/** What `If-Range` says; null where nothing tells contents apart (RFC 9110 section 13.1.5). */
function validatorOf({ tag, date }: HttpState): string | null {
  return tag === null ? date : tag.startsWith("W/") ? null : tag;
}
