// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readableFrom, writeAll } from "../io/byte_stream.ts";
import { connect } from "../net/connect.ts";
import { connectTls } from "../net/connect_tls.ts";
import { copy } from "../net/copy.ts";
import type { StreamConn } from "../net/stream_conn.ts";
import type { Exchange } from "./exchange.ts";
import { type ContentSink, IncomingBody } from "./incoming_body.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import { octetsOf } from "./octets.ts";
import { type Field, responseFields } from "./proxy_headers.ts";
import { readResponseHead, type ResponseHeadText } from "./response_head_text.ts";
import { ConnSuccessor } from "./upgrade.ts";

/** What is asked of the server behind. */
export interface UpgradeRequest {
  /** Where: `http:` or `https:`. */
  readonly url: URL;
  /** `Host` of the request. */
  readonly host: string;
  /** Fields, without those of the upgrade. */
  readonly headers: readonly Field[];
  /** The protocol that the client asks for. */
  readonly protocol: string;
  /** Who may have signed the server's certificate. */
  readonly caCerts: string[];
  /** Gives up before the answer is there. */
  readonly signal: AbortSignal;
}

/**
 * Asks the server behind for another protocol, and connects both sides when it agrees. What it
 * answers otherwise is the response.
 *
 * @throws {Error} when it cannot be reached, or gives no answer
 */
export async function passUpgrade(exchange: Exchange, request: UpgradeRequest): Promise<Response> {
  const conn = await dial(request);
  try {
    const { signal } = request;
    await conn.writeAll(octetsOf(headOf(request)), { signal });
    const head = await readResponseHead(conn, signal);
    const { status, headers, rest } = head;
    const fields = new Headers(responseFields(headers));
    if (status !== 101) return plainAnswer(conn, head, fields);
    fields.set("connection", "Upgrade");
    fields.set("upgrade", headers.get("upgrade") ?? request.protocol);
    const { promise, resolve } = Promise.withResolvers<Deno.Conn>();
    exchange.successor = new ConnSuccessor(resolve);
    promise.then((client) => join(client, conn, rest), () => conn[Symbol.dispose]());
    return new Response(null, { status: 101, headers: fields });
  } catch (error) {
    conn[Symbol.dispose]();
    throw error;
  }
}

async function dial({ url, caCerts, signal }: UpgradeRequest): Promise<StreamConn<Deno.NetAddr>> {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (url.protocol === "http:") {
    return await connect({ hostname, port: Number(url.port || 80), signal });
  }
  const port = Number(url.port || 443);
  return await connectTls({ hostname, port, caCerts, alpnProtocols: ["http/1.1"], signal });
}

function headOf({ url, host, headers, protocol }: UpgradeRequest): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    ...[`Host: ${host}`, "Connection: Upgrade", `Upgrade: ${protocol}`],
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** An answer that is no upgrade: the connection goes with its body. */
function plainAnswer(
  conn: StreamConn<Deno.NetAddr>,
  { status, statusText, headers, rest }: ResponseHeadText,
  fields: Headers,
): Response {
  const byteLength = bodyLength(headers);
  if (byteLength === 0 || status === 204 || status === 304) {
    conn.close();
    fields.delete("content-length");
    return new Response(null, { status, statusText, headers: fields });
  }
  // Beside chunks it means nothing, and must not go on (RFC 9112 section 6.3).
  if (byteLength < 0) fields.delete("content-length");
  const reader = new PlainBody(conn, byteLength, rest);
  return new Response(readableFrom(reader), { status, statusText, headers: fields });
}

/** Bytes of a body: negative for chunks, Infinity for all up to the end (RFC 9112 section 6.3). */
function bodyLength(headers: Headers): number {
  const [coding, length] = [headers.get("transfer-encoding"), headers.get("content-length")];
  if (coding?.toLowerCase() === "chunked") return -1;
  if (coding === null && length === null) return Infinity;
  if (coding === null && /^\d{1,15}$/.test(length!)) return Number(length);
  throw new Deno.errors.InvalidData("Cannot pass response: its length cannot be told");
}

const BODY_LIMITS = { ...RESPONSE_LIMITS, urlBytesMax: 0, bodyBytesMax: Infinity };

/** Reads the body of an answer off its connection. */
class PlainBody {
  readonly #conn: StreamConn<Deno.NetAddr>;
  readonly #byteLength: number;
  readonly #incoming: IncomingBody<ContentSink>;
  #early: Uint8Array;
  #filled = 0;

  constructor(conn: StreamConn<Deno.NetAddr>, byteLength: number, early: Uint8Array) {
    this.#conn = conn;
    this.#byteLength = byteLength;
    this.#early = early;
    // What is around chunks goes: content moves to the front of the bytes it came in.
    const push = (bytes: Uint8Array, start: number, end: number) => {
      bytes.copyWithin(this.#filled, start, end);
      this.#filled += end - start;
    };
    this.#incoming = new IncomingBody({ push }, byteLength, BODY_LIMITS);
  }

  async read(p: Uint8Array): Promise<number | null> {
    this.#filled = 0;
    while (this.#filled === 0) {
      if (this.#incoming.done) return null;
      const count = this.#takeEarly(p) || await this.#conn.read(p);
      if (count === null && this.#byteLength === Infinity) return null;
      if (count === null) throw new Deno.errors.UnexpectedEof("Cannot pass response: it broke off");
      if (this.#incoming.take(p, 0, count) < 0) {
        throw new Deno.errors.InvalidData(`Cannot pass response: ${this.#incoming.reason}`);
      }
    }
    return this.#filled;
  }

  close(): void {
    this.#conn[Symbol.dispose]();
  }

  #takeEarly(p: Uint8Array): number {
    const count = Math.min(this.#early.length, p.length);
    p.set(this.#early.subarray(0, count));
    this.#early = this.#early.subarray(count);
    return count;
  }
}

/** Passes bytes on, both ways, until both sides have ended or one has failed. */
async function join(
  client: Deno.Conn,
  server: StreamConn<Deno.NetAddr>,
  rest: Uint8Array,
): Promise<void> {
  try {
    if (rest.length > 0) await writeAll(client, rest);
    await Promise.all([pass(client, server), pass(server, client)]);
  } catch {
    // One side is gone: so is the other, below.
  } finally {
    close(client);
    close(server);
  }
}

async function pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  try {
    await copy(from, to);
    await to.closeWrite();
  } catch (error) {
    // Who reads there would wait for ever.
    close(from);
    close(to);
    throw error;
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by then.
  }
}
