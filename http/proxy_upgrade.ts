// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readableFrom, writeAll } from "../io/byte_stream.ts";
import { connect } from "../net/connect.ts";
import { connectTls } from "../net/connect_tls.ts";
import { copy } from "../net/copy.ts";
import type { StreamConn } from "../net/stream_conn.ts";
import type { Exchange } from "./exchange.ts";
import { type Field, responseFields } from "./proxy_headers.ts";
import { ConnSuccessor } from "./upgrade.ts";
import { readResponseHead } from "./response_head_text.ts";

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
    await conn.writeAll(new TextEncoder().encode(headOf(request)), { signal });
    const { status, statusText, headers, rest } = await readResponseHead(conn, signal);
    const fields = new Headers(responseFields(headers));
    if (status !== 101) return plainAnswer(conn, status, statusText, fields, rest);
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
  status: number,
  statusText: string,
  headers: Headers,
  rest: Uint8Array,
): Response {
  const length = Number(headers.get("content-length") ?? "0");
  const isChunked = !headers.has("content-length");
  if (isChunked || length === 0 || status === 204 || status === 304) {
    conn.close();
    headers.delete("content-length");
    return new Response(null, { status, statusText, headers });
  }
  let left = length;
  let early = rest;
  const body = readableFrom({
    async read(p) {
      if (left === 0) return null;
      if (early.length > 0) {
        const count = Math.min(early.length, p.length, left);
        p.set(early.subarray(0, count));
        early = early.subarray(count);
        left -= count;
        return count;
      }
      const count = await conn.read(p.length > left ? p.subarray(0, left) : p);
      if (count === null) throw new Deno.errors.UnexpectedEof("Cannot pass response: it broke off");
      left -= count;
      return count;
    },
    close: () => conn[Symbol.dispose](),
  });
  return new Response(body, { status, statusText, headers });
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
