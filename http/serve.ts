// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Handler } from "./http_server.ts";
import type { ServeLimits } from "./limits.ts";
import { startWorkers } from "./serve_workers.ts";
import { type AnyServeOptions, startServer } from "./start_server.ts";

/** What all servers may be told beyond {@linkcode Deno.ServeOptions}. */
export interface ServeExtras {
  /** What a peer may ask of the server. */
  limits?: ServeLimits;
}

/** Options of {@linkcode serve} on a TCP port. */
export interface ServeTcpOptions extends Deno.ServeTcpOptions, ServeExtras {}

/** Options of {@linkcode serve} on a Unix socket. */
export interface ServeUnixOptions extends Deno.ServeUnixOptions, ServeExtras {}

/** Options of {@linkcode serve} from several threads; the handler is named by its module. */
export interface ServeWorkersOptions extends Omit<Deno.ServeTcpOptions, "onError" | "reusePort"> {
  /** Threads, each with a ring, a heap and a listener of its own on the same port. */
  workers: number;
  /** The module of the handler, absolute: its `default.fetch`, or its export `handler`. */
  handler: URL | string;
  /** What a peer may ask of each thread. */
  limits?: ServeLimits;
  /**
   * Whether each thread belongs to its ring.
   *
   * @default {true}
   */
  exclusive?: boolean;
}

/** Options of {@linkcode serve} with a certificate. */
export type ServeTlsOptions = ServeTcpOptions & Deno.TlsCertifiedKeyPem;

/**
 * Serves HTTP. Drop-in for {@linkcode Deno.serve}.
 *
 * What differs from it:
 * - Lines end in CR LF only, and an HTTP/1.1 request without a valid `Host`, with two of them, or
 *   with two lengths is answered 400 (RFC 9112 sections 2.2, 3.2 and 6.3).
 * - {@linkcode ServeLimits} bound what a peer may ask; `Deno.serve` has none of the timeouts.
 * - HTTP/2 is not spoken: TLS offers `http/1.1` only. On the ring it is OpenSSL 3 of the system.
 *
 * @throws {TypeError} when no handler is given
 * @throws {RangeError} when a port or a limit is out of range
 * @throws {Deno.errors.AddrInUse} when something listens there already
 * @throws {Deno.errors.NotCapable} without net permission for the address
 * @throws {Deno.errors.InvalidData} when certificate or key are none
 * @throws {Deno.errors.NotSupported} with a certificate on the ring, without OpenSSL 3
 *
 * @example Say hello
 * ```ts
 * import { serve } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   () => new Response("Hello, World!"),
 * );
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 * assertEquals(await response.text(), "Hello, World!");
 * ```
 */
export function serve(handler: Deno.ServeHandler<Deno.NetAddr>): Deno.HttpServer<Deno.NetAddr>;
/** Serves on a Unix socket. */
export function serve(
  options: ServeUnixOptions,
  handler: Deno.ServeHandler<Deno.UnixAddr>,
): Deno.HttpServer<Deno.UnixAddr>;
/** Serves on a TCP port, with a certificate over TLS. */
export function serve(
  options: ServeTcpOptions | ServeTlsOptions,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr>;
/** Serves on a Unix socket, with the handler among the options. */
export function serve(
  options: ServeUnixOptions & Deno.ServeInit<Deno.UnixAddr>,
): Deno.HttpServer<Deno.UnixAddr>;
/** Serves on a TCP port, with the handler among the options. */
export function serve(
  options: (ServeTcpOptions | ServeTlsOptions) & Deno.ServeInit<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr>;
/**
 * Serves from several threads on one port: the kernel spreads connections over them
 * (`SO_REUSEPORT`, socket(7)), and they share nothing. `onListen` is called when all listen, and
 * `finished` rejects when one fails.
 *
 * @throws {Deno.errors.NotSupported} without the ring engine
 */
export function serve(options: ServeWorkersOptions): Deno.HttpServer<Deno.NetAddr>;
export function serve(first: unknown, second?: unknown): Deno.HttpServer<never> {
  const { options, handler } = readArguments(first, second);
  if (options.workers === undefined) return startServer(options, handler as Handler);
  return startWorkers(options, handler).server as Deno.HttpServer<never>;
}

interface Arguments {
  options: AnyServeOptions & { handler?: unknown; workers?: number };
  handler: unknown;
}

function readArguments(first: unknown, second: unknown): Arguments {
  const options = (typeof first === "function" ? {} : first) as Arguments["options"] | undefined;
  if (options === undefined && typeof second !== "function") {
    throw new TypeError(
      "Cannot serve HTTP requests: either a `handler` or `options` must be specified",
    );
  }
  const handler = typeof first === "function"
    ? first
    : typeof second === "function"
    ? second
    : options?.handler;
  if (options?.workers !== undefined) return { options, handler };
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve HTTP requests: handler must be a function, received ${typeof handler}`,
    );
  }
  return { options: options ?? {}, handler };
}
