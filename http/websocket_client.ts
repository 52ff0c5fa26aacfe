// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connect } from "../net/connect.ts";
import { connectTls } from "../net/connect_tls.ts";
import { StreamConn } from "../net/stream_conn.ts";
import { UringStreamSocket } from "../net/uring_socket.ts";
import { octetsOf } from "./octets.ts";
import { readResponseHead, type ResponseHeadText } from "./response_head_text.ts";
import { RingTransport } from "./ring_transport.ts";
import { SocketTransport } from "./socket_transport.ts";
import type { Transport } from "./transport.ts";
import type { WebSocketCompression } from "./websocket_deflate.ts";
import { type DeflateAgreement, offerDeflate, readDeflateAnswer } from "./websocket_extension.ts";
import { acceptKey, hasWord, WEBSOCKET_VERSION } from "./websocket_handshake.ts";

/** What to ask a server for. */
export interface DialRequest {
  /** Where: `ws:` or `wss:`. */
  readonly url: URL;
  /** Protocols, best first. */
  readonly protocols: readonly string[];
  /** Further header fields. */
  readonly headers: Headers;
  /** Who may have signed the server's certificate, beside those that the system trusts. */
  readonly caCerts: string[];
  /** How to compress; null for not at all. */
  readonly compression: WebSocketCompression | null;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** What a server agreed to. */
export interface DialResult {
  /** The connection, not started. */
  readonly transport: Transport;
  /** What came behind the head. */
  readonly rest: Uint8Array;
  /** The protocol that it chose, `""` for none. */
  readonly protocol: string;
  /** How both sides compress. */
  readonly deflate: DeflateAgreement | null;
}

/**
 * Connects and shakes hands (RFC 6455 section 4.1).
 *
 * @throws {Error} when the server is not there, or says no
 */
export async function dialWebSocket(request: DialRequest): Promise<DialResult> {
  const { url, caCerts, signal } = request;
  const secure = url.protocol === "wss:";
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || (secure ? 443 : 80));
  const conn = secure
    ? await connectTls({ hostname, port, caCerts, alpnProtocols: ["http/1.1"], signal })
    : await connect({ hostname, port, signal });
  try {
    const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
    await conn.writeAll(octetsOf(requestHead(request, key)), { signal });
    const head = await readResponseHead(conn, signal);
    const agreed = checkResponse(head, request, key);
    return { transport: transportOf(conn), rest: head.rest, ...agreed };
  } catch (error) {
    conn[Symbol.dispose]();
    throw error;
  }
}

function requestHead({ url, protocols, headers, compression }: DialRequest, key: string): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${WEBSOCKET_VERSION}`,
  ];
  if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(", ")}`);
  if (compression !== null) lines.push(`Sec-WebSocket-Extensions: ${offerDeflate(compression)}`);
  for (const [name, value] of headers) if (!OURS.has(name)) lines.push(`${name}: ${value}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Fields that the handshake sets itself. */
const OURS = new Set([
  ...["host", "upgrade", "connection", "content-length", "transfer-encoding"],
  ...["sec-websocket-key", "sec-websocket-version"],
  ...["sec-websocket-protocol", "sec-websocket-extensions"],
]);

type AnyConn = StreamConn<Deno.NetAddr>;

function checkResponse(
  { status, statusLine, headers }: ResponseHeadText,
  { protocols, compression }: DialRequest,
  key: string,
): { protocol: string; deflate: DeflateAgreement | null } {
  if (status !== 101) {
    throw new Error(`Cannot open WebSocket: the server answered '${statusLine}'`);
  }
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new Error("Cannot open WebSocket: 'upgrade' is not 'websocket'");
  }
  if (!hasWord(headers.get("connection"), "upgrade")) {
    throw new Error("Cannot open WebSocket: 'connection' is not 'Upgrade'");
  }
  if (headers.get("sec-websocket-accept") !== acceptKey(key)) {
    throw new Error("Cannot open WebSocket: 'sec-websocket-accept' does not fit the key");
  }
  const protocol = headers.get("sec-websocket-protocol") ?? "";
  if (protocol !== "" && !protocols.includes(protocol)) {
    throw new Error(`Cannot open WebSocket: the server chose the protocol '${protocol}'`);
  }
  const answer = headers.get("sec-websocket-extensions");
  return { protocol, deflate: readDeflateAnswer(answer, compression) };
}

function transportOf(conn: AnyConn): Transport {
  const { localAddr, remoteAddr } = conn;
  if (StreamConn.socketOf(conn) instanceof UringStreamSocket) {
    return new RingTransport({ socket: StreamConn.detach(conn), localAddr, remoteAddr }, true);
  }
  return new SocketTransport(conn, () => {
    throw new Deno.errors.NotSupported("Cannot hand over: the connection is a WebSocket");
  });
}
