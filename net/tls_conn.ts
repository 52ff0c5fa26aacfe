// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TlsVersion } from "../ffi/ssl_context.ts";
import { StreamConn } from "./stream_conn.ts";
import type { AcceptedSocket, StreamSocket } from "./stream_socket.ts";

/** What was agreed on in a handshake: `Deno.TlsHandshakeInfo`, and more. */
export interface TlsHandshakeInfo extends Deno.TlsHandshakeInfo {
  /** Version of TLS; null on the portable engine, as all below. */
  readonly version: TlsVersion | null;
  /** Cipher suite in the words of the standard: `TLS_AES_128_GCM_SHA256`. */
  readonly cipherSuite: string | null;
  /** Whether a session of before was resumed. */
  readonly resumed: boolean | null;
  /** Whether the kernel makes the records that this side sends. */
  readonly kernelTls: boolean | null;
  /** Host that the client asked for. */
  readonly serverName: string | null;
  /** The peer's own certificate as it travels (DER), where it showed one. */
  readonly peerCertificate: Uint8Array<ArrayBuffer> | null;
}

/** A stream socket that shakes hands first. */
export interface SecureSocket extends StreamSocket {
  /** Waits for the end of the handshake. */
  handshakeInfo(): Promise<TlsHandshakeInfo>;
}

/**
 * A TLS connection. Drop-in for {@linkcode Deno.TlsConn}, with the additions of `TcpConn` and what
 * was agreed on in the handshake.
 *
 * The handshake begins by itself, and reads and writes wait for it. A peer that closes without
 * saying goodbye (close_notify) makes `read` reject with `UnexpectedEof`: anybody on the way could
 * have cut the stream off.
 *
 * @example Ask what was agreed on
 * ```ts
 * import { connectTls, type TlsConn } from "@photon/std/net";
 *
 * async function describe(conn: TlsConn): Promise<string> {
 *   const { version, cipherSuite, alpnProtocol } = await conn.handshake();
 *   return `${version} ${cipherSuite}, ${alpnProtocol ?? "no protocol"}`;
 * }
 *
 * // Needs the net: describe(await connectTls({ hostname: "deno.com", port: 443 }))
 * void connectTls;
 * void describe;
 * ```
 */
export class TlsConn extends StreamConn<Deno.NetAddr> implements Deno.TlsConn {
  /** Takes over a connected socket. */
  constructor(accepted: AcceptedSocket<Deno.NetAddr> & { socket: SecureSocket }) {
    super(accepted);
  }

  /**
   * Waits until both sides have agreed; to call it is optional.
   *
   * @throws {Deno.errors.InvalidData} When they did not: a certificate was refused, say
   * @throws {Deno.errors.UnexpectedEof} When the peer closed before
   * @throws {Deno.errors.TimedOut} When it took too long
   */
  // deno-lint-ignore require-await -- a closed connection rejects, and does not throw
  async handshake(): Promise<TlsHandshakeInfo> {
    return (StreamConn.socketOf(this) as SecureSocket).handshakeInfo();
  }

  /** Sends small writes at once (true, the default of new connections) or gathers them. */
  setNoDelay(noDelay = true): void {
    StreamConn.socketOf(this).setNoDelay(noDelay);
  }
}
