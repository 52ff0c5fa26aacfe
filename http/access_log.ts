// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Handler } from "./middleware.ts";
import { ResponseReader } from "./response_parts.ts";

/** Options of {@linkcode accessLog}. */
export interface AccessLogOptions {
  /**
   * The Common Log Format of NCSA httpd, or a JSON object a line.
   *
   * @default {"common"}
   */
  format?: "common" | "json";
  /** Takes each line, without its end. */
  write: (line: string) => void;
}

/** What is known of a request that was answered. */
interface Entry {
  readonly time: Date;
  readonly client: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** Bytes of the content; null where they are not known before it is sent. */
  readonly bytes: number | null;
  readonly durationMs: number;
  readonly userAgent: string | null;
}

/**
 * Writes a line for every request when its response was given. The bytes of the content are in it
 * where they are known then: of text and of bytes, and of streams for which the handler has set
 * `Content-Length`. The Common Log Format has `-` for others, and for none.
 *
 * @example Lines of JSON
 * ```ts
 * import { accessLog } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const write = (line: string) => void lines.push(line);
 * const handler = accessLog(() => new Response(), { format: "json", write });
 * const info = { remoteAddr: { hostname: "::1" } } as unknown as Deno.ServeHandlerInfo<never>;
 * await handler(new Request("http://localhost/path"), info);
 * assertEquals(JSON.parse(lines[0]).target, "/path");
 * ```
 */
export function accessLog<A extends Deno.Addr = Deno.Addr>(
  handler: Handler<A>,
  options: AccessLogOptions,
): Handler<A> {
  const { format = "common", write } = options;
  const line = format === "json" ? jsonLine : commonLine;
  const reader = new ResponseReader();
  return async function logged(request, info) {
    const begin = performance.now();
    const { method, url, headers } = request;
    const addr: Deno.Addr = info.remoteAddr;
    const entry = {
      time: new Date(),
      client: "hostname" in addr ? addr.hostname : "-",
      method,
      target: url.slice(url.indexOf("/", url.indexOf("://") + 3)),
      userAgent: headers.get("user-agent"),
    };
    const log = (status: number, bytes: number | null) =>
      write(line({ ...entry, status, bytes, durationMs: performance.now() - begin }));
    let response: Response;
    try {
      response = await handler(request, info);
    } catch (error) {
      log(500, null);
      throw error;
    }
    log(response.status, bytesOf(response, reader));
    return response;
  };
}

/** Bytes of the content. */
function bytesOf(response: Response, reader: ResponseReader): number | null {
  const byteLength = reader.byteLength(response);
  // Whoever asks for the headers of a plain response makes it a slower one to send.
  if (byteLength !== null && byteLength > 0) return byteLength;
  const declared = response.headers.get("content-length");
  return declared === null ? byteLength : Number(declared);
}

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** `host - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 2326` */
function commonLine({ time, client, method, target, status, bytes }: Entry): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const month = MONTHS.slice(time.getUTCMonth() * 3, time.getUTCMonth() * 3 + 3);
  const day = `${two(time.getUTCDate())}/${month}/${time.getUTCFullYear()}`;
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map(two).join(":");
  // What a client sends must not look like more than one line, or end the quotes.
  const request = `${method} ${target}`.replace(
    /["\\\p{Cc}]/gu,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `${client} - - [${day}:${clock} +0000] "${request} HTTP/1.1" ${status} ${bytes || "-"}`;
}

function jsonLine(entry: Entry): string {
  return JSON.stringify({ ...entry, durationMs: Math.round(entry.durationMs * 1000) / 1000 });
}
