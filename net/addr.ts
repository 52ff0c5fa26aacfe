// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AcceptLimits } from "./accept_gate.ts";
import { ATTEMPT_DELAY_MS } from "./happy_eyeballs.ts";
import {
  type BufferSizeOptions,
  checkBufferSizes,
  checkSocketOptions,
  type SocketOptions,
} from "./socket_options.ts";

/** Where and how to connect over TCP: `Deno.ConnectOptions`, and socket options. */
export interface ConnectOptions extends Deno.ConnectOptions, SocketOptions {
  /** Looks the host up and remembers the answer. By default the system is asked each time. */
  resolver?: HostResolver;
  /** Send the first bytes with the handshake where the peer allows it (RFC 7413). Default false. */
  tcpFastOpen?: boolean;
}

/** Which Unix socket to connect to: `Deno.UnixConnectOptions`, and more. */
export interface UnixConnectOptions extends Deno.UnixConnectOptions, BufferSizeOptions {
  /** Gives up: the connect rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Where and how to listen for TCP: `Deno.TcpListenOptions`, and socket options. */
export interface TcpListenOptions extends Deno.TcpListenOptions, SocketOptions {
  /** Tells the overloads apart. */
  transport?: "tcp";
  /** Share the port with other listeners that say so too (`SO_REUSEPORT`). Default false. */
  reusePort?: boolean;
  /** Take a port that old connections linger on (`SO_REUSEADDR`). Default true, as in Deno. */
  reuseAddress?: boolean;
  /** Accept bytes that come with the handshake (RFC 7413). Default false. */
  tcpFastOpen?: boolean;
  /** How many connections, and how fast. By default there is no limit. */
  limits?: AcceptLimits;
}

/** Where to listen for Unix connections: `Deno.UnixListenOptions`, and more. */
export interface UnixListenOptions extends Deno.UnixListenOptions, BufferSizeOptions {
  /** Tells the overloads apart. */
  transport: "unix";
}

/** What `connect` needs of a resolver; {@linkcode Resolver} is one. */
export interface HostResolver {
  /** The addresses of a host, best first. */
  resolve(hostname: string): Promise<string[]>;
  /** Is told that one of them could not be connected to. */
  failed(hostname: string, address: string): void;
}

/** Checked {@linkcode ConnectOptions} with Deno's defaults. */
export interface TcpConnectRequest {
  /** Tells the requests apart. */
  transport: "tcp";
  /** Name or address, as it was given. */
  hostname: string;
  /** 1 to 65535. */
  port: number;
  /** Whether more than the first address is tried. */
  autoSelectFamily: boolean;
  /** Milliseconds between attempts, 0 or more. */
  attemptDelayMs: number;
  /** Whether to send the first bytes with the handshake. */
  tcpFastOpen: boolean;
  /** Looks the host up, where it is not the system that does. */
  resolver: HostResolver | undefined;
  /** Aborts the connect. */
  signal: AbortSignal | undefined;
  /** The ones that are set, checked. */
  socketOptions: SocketOptions;
}

/** Checked {@linkcode UnixConnectOptions}. */
export interface UnixConnectRequest {
  /** Tells the requests apart. */
  transport: "unix";
  /** The path, or an abstract name after `"\0"`. */
  path: string;
  /** Aborts the connect. */
  signal: AbortSignal | undefined;
  /** The ones that are set, checked. */
  socketOptions: BufferSizeOptions;
}

/** Checked {@linkcode TcpListenOptions} with Deno's defaults. */
export interface TcpListenRequest {
  /** Tells the requests apart. */
  transport: "tcp";
  /** Name or address, as it was given. */
  hostname: string;
  /** 0 to 65535; 0 lets the kernel choose. */
  port: number;
  /** Connections that may wait to be accepted. */
  tcpBacklog: number;
  /** Whether the port is shared. */
  reusePort: boolean;
  /** Whether lingering connections are no obstacle. */
  reuseAddress: boolean;
  /** Whether bytes may come with the handshake. */
  tcpFastOpen: boolean;
  /** For every accepted connection: the ones that are set, checked. */
  socketOptions: SocketOptions;
}

/** Checked {@linkcode UnixListenOptions}. */
export interface UnixListenRequest {
  /** Tells the requests apart. */
  transport: "unix";
  /** The path, an abstract name after `"\0"`, or empty for a name that the kernel makes up. */
  path: string;
  /** For every accepted connection: the ones that are set, checked. */
  socketOptions: BufferSizeOptions;
}

/**
 * Checks what `connect` was given and fills in Deno's defaults. A signal that is aborted comes
 * first, as in Deno. The host is left to the permission check, which names it.
 *
 * @param options As the caller gave them
 * @returns What to connect to
 * @throws {TypeError} When a member has the wrong type, or the transport is unknown
 * @throws {RangeError} When a number is out of range
 * @throws {unknown} The signal's reason when it is aborted
 */
export function checkConnectOptions(
  options: ConnectOptions | UnixConnectOptions,
): TcpConnectRequest | UnixConnectRequest {
  const signal = checkSignal(options.signal);
  signal?.throwIfAborted();
  if (options.transport === "unix") {
    const path = checkUnixPath("connect", options.path);
    return { transport: "unix", path, signal, socketOptions: checkBufferSizes(options) };
  }
  checkTransport(options.transport);
  const port = checkPort(options.port, 1);
  return {
    transport: "tcp",
    hostname: String(options.hostname ?? "127.0.0.1"),
    port,
    autoSelectFamily: Boolean(options.autoSelectFamily ?? true),
    attemptDelayMs: checkAttemptDelay(options.autoSelectFamilyAttemptDelay),
    tcpFastOpen: Boolean(options.tcpFastOpen),
    resolver: options.resolver,
    signal,
    socketOptions: checkSocketOptions(options),
  };
}

/**
 * Checks what `listen` was given and fills in Deno's defaults.
 *
 * @param options As the caller gave them
 * @returns Where to listen
 * @throws {TypeError} When a member has the wrong type, or the transport is unknown
 * @throws {RangeError} When a number is out of range
 */
export function checkListenOptions(
  options: TcpListenOptions | UnixListenOptions,
): TcpListenRequest | UnixListenRequest {
  if (options.transport === "unix") {
    const path = checkUnixPath("listen", options.path);
    return { transport: "unix", path, socketOptions: checkBufferSizes(options) };
  }
  checkTransport(options.transport);
  const port = checkPort(options.port ?? 0);
  return {
    transport: "tcp",
    hostname: String(options.hostname ?? "0.0.0.0"),
    port,
    tcpBacklog: checkBacklog(options.tcpBacklog),
    reusePort: Boolean(options.reusePort),
    reuseAddress: Boolean(options.reuseAddress ?? true),
    tcpFastOpen: Boolean(options.tcpFastOpen),
    socketOptions: checkSocketOptions(options),
  };
}

/**
 * Checks a port as Deno does, which takes numeric strings too, with Deno's messages.
 *
 * @param value What the caller gave
 * @param min 1 where the kernel cannot choose a port
 * @returns The port as a number
 * @throws {TypeError} When it is not a whole number
 * @throws {RangeError} When it is not between `min` and 65535
 */
export function checkPort(value: unknown, min: 0 | 1 = 0): number {
  if (typeof value !== "number" && typeof value !== "string") {
    throw new TypeError(`Invalid port (expected number): ${value}`);
  }
  const port = value === "" ? NaN : Number(value);
  if (!Number.isInteger(port)) {
    const shown = Number.isNaN(port) && typeof value === "string" ? `'${value}'` : value;
    throw new TypeError(`Invalid port: ${shown}`);
  }
  if (port < min || port > PORT_MAX) throw new RangeError(`Invalid port (out of range): ${value}`);
  return port;
}

const PORT_MAX = 65_535;
/** Deno's default. */
const TCP_BACKLOG = 511;

function checkTransport(transport: unknown): void {
  if (transport === undefined || transport === null || transport === "tcp") return;
  throw new TypeError(`Unsupported transport: '${transport}'`);
}

/** Its length and its bytes are checked where it is encoded. */
function checkUnixPath(action: string, path: unknown): string {
  if (typeof path === "string") return path;
  throw new TypeError(`Cannot ${action}: path must be a string, received ${path}`);
}

function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  if (signal instanceof AbortSignal) return signal;
  throw new TypeError(`Cannot connect: signal must be an AbortSignal, received ${signal}`);
}

/** Deno takes any number and makes it an i32. */
function checkBacklog(value: unknown): number {
  if (value === undefined || value === null) return TCP_BACKLOG;
  if (typeof value === "number") return value | 0;
  throw new TypeError(`Cannot listen: tcpBacklog must be a number, received ${value}`);
}

function checkAttemptDelay(value: unknown): number {
  if (value === undefined || value === null) return ATTEMPT_DELAY_MS;
  if (typeof value === "number") return value > 0 ? value : 0;
  throw new TypeError(
    `Cannot connect: autoSelectFamilyAttemptDelay must be a number, received ${value}`,
  );
}
