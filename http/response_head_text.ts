// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TransferOptions } from "../net/stream_conn.ts";
import { textOf } from "./octets.ts";

/** Bytes of the head of a response, with those of the interim responses in front of it. */
const HEAD_BYTES_MAX = 16_384;
const READ_BYTES = 4096;
const HEAD_END = "\r\n\r\n";

/** The head of a response to a request for another protocol. */
export interface ResponseHeadText {
  /** Status code. */
  readonly status: number;
  /** Reason phrase. */
  readonly statusText: string;
  /** First line. */
  readonly statusLine: string;
  /** Fields. */
  readonly headers: Headers;
  /** What came behind it. */
  readonly rest: Uint8Array;
}

/** What a head is read from. */
export interface HeadSource {
  /** Reads bytes; null at the end. */
  read(p: Uint8Array, options?: TransferOptions): Promise<number | null>;
}

/**
 * Reads the head of a response that may be followed by something else than HTTP. Interim responses
 * are passed over (RFC 9110 section 15.2), save 101, which is the end of HTTP.
 *
 * @throws {Deno.errors.UnexpectedEof} when the stream ends before
 * @throws {Error} when it is malformed, or too long together with what was passed over
 */
export async function readResponseHead(
  source: HeadSource,
  signal: AbortSignal,
): Promise<ResponseHeadText> {
  const bytes = new Uint8Array(HEAD_BYTES_MAX);
  let start = 0;
  for (let length = 0; length < HEAD_BYTES_MAX;) {
    const end = Math.min(length + READ_BYTES, HEAD_BYTES_MAX);
    const count = await source.read(bytes.subarray(length, end), { signal });
    if (count === null) {
      throw new Deno.errors.UnexpectedEof("Cannot read response: the server closed");
    }
    let from = Math.max(start, length - 3);
    length += count;
    for (;;) {
      const found = textOf(bytes, from, length).indexOf(HEAD_END);
      if (found < 0) break;
      const head = parse(textOf(bytes, start, from + found));
      start = from = from + found + HEAD_END.length;
      const isInterim = head.status < 200 && head.status !== 101;
      if (!isInterim) return { ...head, rest: bytes.slice(start, length) };
    }
  }
  throw new Error(`Cannot read response: its head is above ${HEAD_BYTES_MAX} bytes`);
}

function parse(head: string): Omit<ResponseHeadText, "rest"> {
  const [statusLine, ...lines] = head.split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(statusLine!);
  if (match === null) throw new Error(`Cannot read response: '${statusLine}' is no status line`);
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error("Cannot read response: a header field is malformed");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), statusText: match[2] ?? "", statusLine: statusLine!, headers };
}
