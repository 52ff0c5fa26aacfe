// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/** The socket options that hold one number or yes and no. */
export type SocketOption = keyof typeof options;

/**
 * Sets an option of a socket.
 *
 * @param fd The socket
 * @param option The option's name
 * @param value A number in the option's unit, or whether it is on
 * @throws {Error} Deno's error for the error number; its message names the option
 */
export function setSocketOption(fd: number, option: SocketOption, value: number | boolean): void {
  const [level, name] = options[option];
  number[0] = Number(value);
  if (libc().setsockopt(fd, level, name, number, NUMBER_BYTES) < 0) {
    throw osError(lastErrno(), `set socket option ${option}`);
  }
}

/**
 * Reads an option of a socket.
 *
 * The kernel doubles the buffer sizes that it is given, and answers the doubled ones (socket(7)).
 * Reading `pendingError` clears it.
 *
 * @param fd The socket
 * @param option The option's name
 * @returns A number in the option's unit; 0 and 1 are off and on
 */
export function socketOption(fd: number, option: SocketOption): number {
  const [level, name] = options[option];
  readOption(fd, level, name, number, option);
  return number[0]!;
}

/** When the kernel probes a silent peer, and when it gives it up (tcp(7)). Each has a default. */
export interface KeepAlive {
  /** Silence before the first probe, in whole seconds: 1 to 32767. */
  idleSeconds?: number;
  /** Time between probes, in whole seconds: 1 to 32767. */
  intervalSeconds?: number;
  /** Unanswered probes after which the connection is dropped: 1 to 127. */
  probeCount?: number;
}

/** Turns keep-alive probes on or off; timings that are given are set too, the others stay. */
export function setKeepAlive(fd: number, keepAlive: boolean | KeepAlive): void {
  setSocketOption(fd, "keepAlive", keepAlive !== false);
  if (typeof keepAlive === "boolean") return;
  const { idleSeconds, intervalSeconds, probeCount } = keepAlive;
  if (idleSeconds !== undefined) setSocketOption(fd, "keepAliveIdleSeconds", idleSeconds);
  if (intervalSeconds !== undefined) {
    setSocketOption(fd, "keepAliveIntervalSeconds", intervalSeconds);
  }
  if (probeCount !== undefined) setSocketOption(fd, "keepAliveProbeCount", probeCount);
}

/**
 * Says what closing does with bytes that were not sent yet (socket(7), SO_LINGER).
 *
 * @param fd The socket
 * @param seconds How long they may still be sent; 0 drops them and resets the connection;
 * `undefined` is the default, sending them after the close without a limit
 */
export function setLinger(fd: number, seconds: number | undefined): void {
  linger[0] = seconds === undefined ? 0 : 1;
  linger[1] = seconds ?? 0;
  if (libc().setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, linger.byteLength) < 0) {
    throw osError(lastErrno(), "set socket option linger");
  }
}

/** Who was at the other end of a Unix socket when it was connected. */
export interface PeerCredentials {
  /** The process. */
  pid: number;
  /** Its effective user. */
  uid: number;
  /** Its effective group. */
  gid: number;
}

/** Asks the kernel who is at the other end of a Unix socket (unix(7), SO_PEERCRED). */
export function peerCredentials(fd: number): PeerCredentials {
  readOption(fd, SOL_SOCKET, SO_PEERCRED, credentials, "peerCredentials");
  // The kernel says -1 for a user or group that is unknown.
  return { pid: credentials[0]!, uid: credentials[1]!, gid: credentials[2]! };
}

const SOL_SOCKET = 1;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const SO_LINGER = 13;
const SO_PEERCRED = 17;

// Data: level and name of the options that hold an int (socket(7), ip(7), tcp(7), udp(7), ipv6(7)).
// deno-fmt-ignore
const options = {
  reuseAddress:             [SOL_SOCKET,   2],  // SO_REUSEADDR
  pendingError:             [SOL_SOCKET,   4],  // SO_ERROR, an error number
  sendBufferBytes:          [SOL_SOCKET,   7],  // SO_SNDBUF
  receiveBufferBytes:       [SOL_SOCKET,   8],  // SO_RCVBUF
  broadcast:                [SOL_SOCKET,   6],  // SO_BROADCAST
  keepAlive:                [SOL_SOCKET,   9],  // SO_KEEPALIVE
  reusePort:                [SOL_SOCKET,   15], // SO_REUSEPORT
  receiveLowWaterBytes:     [SOL_SOCKET,   18], // SO_RCVLOWAT
  noDelay:                  [IPPROTO_TCP,  1],  // TCP_NODELAY
  keepAliveIdleSeconds:     [IPPROTO_TCP,  4],  // TCP_KEEPIDLE
  keepAliveIntervalSeconds: [IPPROTO_TCP,  5],  // TCP_KEEPINTVL
  keepAliveProbeCount:      [IPPROTO_TCP,  6],  // TCP_KEEPCNT
  userTimeoutMs:            [IPPROTO_TCP,  18], // TCP_USER_TIMEOUT
  tcpFastOpen:              [IPPROTO_TCP,  23], // TCP_FASTOPEN, on a listener: length of its queue
  tcpFastOpenConnect:       [IPPROTO_TCP,  30], // TCP_FASTOPEN_CONNECT
  multicastTtl:             [IPPROTO_IP,   33], // IP_MULTICAST_TTL, of IPv4 datagrams
  multicastLoopback:        [IPPROTO_IP,   34], // IP_MULTICAST_LOOP
  multicastLoopbackV6:      [IPPROTO_IPV6, 19], // IPV6_MULTICAST_LOOP
  segmentBytes:             [IPPROTO_UDP,  103], // UDP_SEGMENT (4.18)
  receiveOffload:           [IPPROTO_UDP,  104], // UDP_GRO (5.0)
  v6Only:                   [IPPROTO_IPV6, 26], // IPV6_V6ONLY
} as const;

const NUMBER_BYTES = 4;

// Reused by every call: none of them waits, and the kernel keeps nothing of them.
const number = new Int32Array(1);
const linger = new Int32Array(2); // struct linger { int l_onoff; int l_linger; }
const credentials = new Int32Array(3); // struct ucred { pid_t pid; uid_t uid; gid_t gid; }
const valueLength = new Uint32Array(1);

function readOption(
  fd: number,
  level: number,
  name: number,
  value: Int32Array<ArrayBuffer>,
  shown: string,
): void {
  valueLength[0] = value.byteLength;
  if (libc().getsockopt(fd, level, name, value, valueLength) < 0) {
    throw osError(lastErrno(), `read socket option ${shown}`);
  }
}
