// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KeepAlive } from "../ffi/socket_option.ts";
import type { StreamSocket } from "./stream_socket.ts";

/** Sizes of the kernel's buffers; unset members keep the system's value. */
export interface BufferSizeOptions {
  /** Bytes of the receive buffer that the kernel is asked for (`SO_RCVBUF`, socket(7)). */
  receiveBufferBytes?: number;
  /** Bytes of the send buffer that the kernel is asked for (`SO_SNDBUF`, socket(7)). */
  sendBufferBytes?: number;
}

/** What a TCP connection can be told beyond Deno's options, when it is made. */
export interface SocketOptions extends BufferSizeOptions {
  /** Send small pieces at once rather than gather them (`TCP_NODELAY`, tcp(7)). Default true. */
  noDelay?: boolean;
  /** Probe an idle peer, at these times where given. Default false. */
  keepAlive?: boolean | KeepAlive;
  /**
   * Seconds for which undelivered bytes live on after `close`, 0 to reset the connection at once,
   * null for no limit (`SO_LINGER`, socket(7)). Default null.
   */
  lingerSeconds?: number | null;
}

/**
 * Checks the options of a TCP socket, so that a mistake costs no connection.
 *
 * @param options What the caller gave; other members are left out
 * @returns The options that are set
 * @throws {TypeError} When a member has the wrong type
 * @throws {RangeError} When a number is not an integer that the kernel takes
 */
export function checkSocketOptions(options: SocketOptions): SocketOptions {
  const { noDelay, keepAlive, lingerSeconds } = options;
  const checked: SocketOptions = checkBufferSizes(options);
  if (noDelay !== undefined) checked.noDelay = Boolean(noDelay);
  if (keepAlive !== undefined) checked.keepAlive = checkKeepAlive(keepAlive);
  if (lingerSeconds !== undefined && lingerSeconds !== null) {
    checked.lingerSeconds = checkInteger("lingerSeconds", lingerSeconds, 0, INT_MAX);
  }
  return checked;
}

/**
 * Checks the options that a Unix socket has too.
 *
 * @param options What the caller gave; other members are left out
 * @returns The options that are set
 * @throws {TypeError} When a size is no number
 * @throws {RangeError} When a size is not an integer that the kernel takes
 */
export function checkBufferSizes(options: BufferSizeOptions): BufferSizeOptions {
  const checked: BufferSizeOptions = {};
  for (const name of ["receiveBufferBytes", "sendBufferBytes"] as const) {
    const value = options[name];
    if (value !== undefined) checked[name] = checkInteger(name, value, 1, INT_MAX);
  }
  return checked;
}

/**
 * Gives a connected socket of either engine the options that are set.
 *
 * @param socket The socket
 * @param options Checked options
 */
export function applySocketOptions(socket: StreamSocket, options: SocketOptions): void {
  const { noDelay, keepAlive, receiveBufferBytes, sendBufferBytes, lingerSeconds } = options;
  if (noDelay !== undefined) socket.setNoDelay(noDelay);
  if (keepAlive !== undefined) socket.setKeepAlive(keepAlive);
  if (receiveBufferBytes !== undefined) {
    socket.setBufferSizes({ receiveBytes: receiveBufferBytes });
  }
  if (sendBufferBytes !== undefined) socket.setBufferSizes({ sendBytes: sendBufferBytes });
  if (lingerSeconds !== undefined) socket.setLinger(lingerSeconds ?? undefined);
}

const INT_MAX = 2 ** 31 - 1;

// The kernel's own bounds: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT of net/tcp.h.
const KEEP_ALIVE_SECONDS_MAX = 32_767;
const KEEP_ALIVE_PROBES_MAX = 127;

function checkKeepAlive(keepAlive: boolean | KeepAlive): boolean | KeepAlive {
  if (typeof keepAlive !== "object" || keepAlive === null) return Boolean(keepAlive);
  const { idleSeconds, intervalSeconds, probeCount } = keepAlive;
  checkOptional("keepAlive.idleSeconds", idleSeconds, KEEP_ALIVE_SECONDS_MAX);
  checkOptional("keepAlive.intervalSeconds", intervalSeconds, KEEP_ALIVE_SECONDS_MAX);
  checkOptional("keepAlive.probeCount", probeCount, KEEP_ALIVE_PROBES_MAX);
  return keepAlive;
}

function checkOptional(name: string, value: unknown, max: number): void {
  if (value !== undefined) checkInteger(name, value, 1, max);
}

function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot set ${name}: it must be a number, received ${value}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `Cannot set ${name}: it must be an integer between ${min} and ${max}, received ${value}`,
    );
  }
  return value;
}
