// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { BackoffOptions } from "../thread/backoff.ts";
import type { FetchRequest } from "./fetch_request.ts";

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes that are there. */
  readonly receivedBytes: number;
  /** Bytes that were there from an earlier try. */
  readonly resumedBytes: number;
  /** Bytes of the whole; undefined while the server has not said. */
  readonly totalBytes: number | undefined;
}

/** Options of {@linkcode download}. */
export interface DownloadOptions {
  /** What answers the requests; by default `fetch` of this module. */
  fetch?: FetchRequest;
  /** Fields that every request has. */
  headers?: HeadersInit;
  /**
   * Parts that are fetched at a time.
   *
   * @default {4}
   */
  connections?: number;
  /**
   * Bytes of a part, which is what one request asks for.
   *
   * @default {8388608}
   */
  partBytes?: number;
  /** Digests of the content, as in `<script integrity>`: `sha256-BASE64`. */
  integrity?: string;
  /** Is told how far it came, ten times a second at most, and at the end. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops it; what is there is gone on with by the next call. */
  signal?: AbortSignal;
  /**
   * Failures in a row, without a byte, after which it gives up.
   *
   * @default {5}
   */
  triesMax?: number;
  /** Waits after a failure. */
  backoff?: BackoffOptions;
  /**
   * Milliseconds without a byte that count as a failure.
   *
   * @default {30000}
   */
  stallTimeoutMs?: number;
}
