// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  checkStatus,
  type HttpRequester,
  type HttpState,
  isSameState,
  rangeOf,
  resourceInfo,
  stateOf,
} from "./http_resource.ts";
import type { ReadOnlyContent } from "./read_only_file.ts";

/** What an open file of an `HttpFs` reads from. */
export class HttpContent implements ReadOnlyContent {
  readonly #request: HttpRequester;
  readonly #path: string;
  readonly #state: HttpState;
  readonly #onChanged: () => void;
  /** Ends the requests in flight when it is closed. */
  readonly #closing = new AbortController();

  /**
   * Of a file in the state in which the server said that it is.
   *
   * @param onChanged Called when it turns out to be in another
   */
  constructor(request: HttpRequester, path: string, state: HttpState, onChanged: () => void) {
    this.#request = request;
    this.#path = path;
    this.#state = state;
    this.#onChanged = onChanged;
  }

  /** Reads at an offset, by one request. */
  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    if (into.length === 0) return 0;
    const wanted = into.subarray(0, Math.max(0, this.#state.size - offset));
    return wanted.length === 0 ? null : await this.#fetch(wanted, offset);
  }

  /** What it was when it was opened. */
  describe(): Deno.FileInfo {
    return resourceInfo(this.#state);
  }

  /** Ends the requests in flight. */
  close(): void {
    this.#closing.abort();
  }

  async #fetch(wanted: Uint8Array, offset: number): Promise<number> {
    const range = `bytes=${offset}-${offset + wanted.length - 1}`;
    const { signal } = this.#closing;
    const response = await this.#request(this.#path, { headers: { range }, signal });
    let count = 0;
    try {
      const skipped = this.#checkAnswer(response, offset);
      count = await fill(wanted, response, skipped);
    } finally {
      await response.body?.cancel().catch(() => {});
    }
    if (count > 0) return count;
    throw new Deno.errors.UnexpectedEof(`Cannot read '${this.#path}': the answer has no bytes`);
  }

  /** How many bytes of the answer come before those that were asked for. */
  #checkAnswer(response: Response, offset: number): number {
    const action = `read '${this.#path}'`;
    const range = rangeOf(response);
    const length = Number(response.headers.get("content-length") ?? NaN);
    const isWhole = response.status === 200;
    const size = isWhole ? length : range?.size;
    const isChanged = size !== undefined && !Number.isNaN(size) &&
      !isSameState(stateOf(response, size), this.#state);
    if (isChanged || response.status === 412 || response.status === 416) {
      this.#onChanged();
      throw new Deno.errors.InvalidData(`Cannot ${action}: it has changed on the server`);
    }
    checkStatus(response, action);
    if (response.headers.has("content-encoding")) {
      throw new Deno.errors.NotSupported(`Cannot ${action}: the server sends it compressed`);
    }
    // A server may send the whole: that will do for its beginning.
    if (isWhole && offset <= SKIPPED_BYTES_MAX) return offset;
    if (range?.start === offset && response.status === 206) return 0;
    throw new Deno.errors.NotSupported(`Cannot ${action}: the server does not answer with ranges`);
  }
}

/** Bytes of a whole file that are received for nothing, where the server knows no ranges. */
const SKIPPED_BYTES_MAX = 65_536;

/** Copies what an answer has after so many bytes; gives how many, fewer where it ends early. */
async function fill(wanted: Uint8Array, response: Response, skipped: number): Promise<number> {
  let filled = -skipped;
  for await (const chunk of response.body ?? []) {
    const start = Math.max(0, -filled);
    if (chunk.length > start) {
      const at = Math.max(0, filled);
      wanted.set(chunk.subarray(start, start + wanted.length - at), at);
    }
    filled += chunk.length;
    if (filled >= wanted.length) break;
  }
  return Math.max(0, Math.min(filled, wanted.length));
}
