// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { listenPlain, listenSecure } from "./acceptor.ts";
import { compress } from "./compress.ts";
import { type Handler, PhotonServer } from "./http_server.ts";
import { checkLimits, type ServeLimits } from "./limits.ts";
import type { Handler as PlainHandler } from "./middleware.ts";
import { listeningLine, say } from "./serve_log.ts";

/** What all servers may be told beyond {@linkcode Deno.ServeOptions}. */
export interface ServeExtras {
  /** What a peer may ask of the server. */
  limits?: ServeLimits;
}

/** Options of {@linkcode serve} on a TCP port. */
export interface ServeTcpOptions extends Deno.ServeTcpOptions, ServeExtras {}

/** Options of {@linkcode serve} on a Unix socket. */
export interface ServeUnixOptions extends Deno.ServeUnixOptions, ServeExtras {}

/** Options of {@linkcode serve} with a certificate. */
export type ServeTlsOptions = ServeTcpOptions & Deno.TlsCertifiedKeyPem;

/**
 * Serves HTTP. Drop-in for {@linkcode Deno.serve}.
 *
 * What differs from it:
 * - Lines end in CR LF only, and an HTTP/1.1 request without a valid `Host`, with two of them, or
 *   with two lengths is answered 400 (RFC 9112 sections 2.2, 3.2 and 6.3).
 * - {@linkcode ServeLimits} bound what a peer may ask; `Deno.serve` has none of the timeouts.
 * - HTTP/2 is not spoken: TLS offers `http/1.1` only.
 *
 * @throws {TypeError} when no handler is given
 * @throws {RangeError} when a port or a limit is out of range
 * @throws {Deno.errors.AddrInUse} when something listens there already
 * @throws {Deno.errors.NotCapable} without net permission for the address
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
export function serve(first: unknown, second?: unknown): Deno.HttpServer<never> {
  const { options, handler } = readArguments(first, second);
  const limits = checkLimits(options.limits);
  const acceptor = listenFor(options);
  const server = new PhotonServer<never>({
    acceptor,
    handler: options.automaticCompression ? compress(handler as PlainHandler) : handler,
    onError: options.onError ?? logError,
    limits,
  });
  const { signal, onListen } = options;
  if (signal) abortWith(signal, server);
  if (onListen) onListen(acceptor.addr);
  else say(listeningLine(acceptor.addr, server.scheme));
  return server;
}

/** All that the options may hold, before it is known which they are. */
interface AnyOptions extends ServeExtras {
  handler?: Handler;
  signal?: AbortSignal;
  onError?: (error: unknown) => Response | Promise<Response>;
  onListen?: (addr: Deno.Addr) => void;
  path?: string;
  hostname?: string;
  port?: number;
  reusePort?: boolean;
  tcpBacklog?: number;
  cert?: string;
  key?: string;
  certFile?: string;
  keyFile?: string;
  alpnProtocols?: string[];
  automaticCompression?: boolean;
}

function readArguments(first: unknown, second: unknown): { options: AnyOptions; handler: Handler } {
  const options = (typeof first === "function" ? {} : first) as AnyOptions | undefined;
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
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve HTTP requests: handler must be a function, received ${typeof handler}`,
    );
  }
  return { options: options ?? {}, handler: handler as Handler };
}

function listenFor(options: AnyOptions) {
  const { path, cert, key } = options;
  if (path !== undefined) return listenPlain({ transport: "unix", path });
  if (options.certFile || options.keyFile) {
    throw new TypeError(
      "Unsupported 'certFile' / 'keyFile' options provided: use 'cert' / 'key' instead.",
    );
  }
  if (options.alpnProtocols) {
    throw new TypeError("Unsupported 'alpnProtocols' option provided: 'http/1.1' is supported");
  }
  const { hostname = "0.0.0.0", port = 8000, reusePort = false, tcpBacklog } = options;
  const address = {
    hostname,
    port,
    reusePort,
    ...(tcpBacklog === undefined ? {} : { tcpBacklog }),
  };
  if (cert === undefined && key === undefined) return listenPlain(address);
  if (!cert || !key) {
    throw new TypeError("Both 'cert' and 'key' must be provided to enable HTTPS");
  }
  return listenSecure({ ...address, cert, key });
}

function abortWith(signal: AbortSignal, server: PhotonServer): void {
  const abort = () => server.abort();
  if (signal.aborted) return abort();
  signal.addEventListener("abort", abort, { once: true });
  server.finished.then(() => signal.removeEventListener("abort", abort));
}

function logError(error: unknown): Response {
  say(Deno.inspect(error));
  // Bytes, so that no content type is told, as `Deno.serve` has it.
  return new Response(new TextEncoder().encode("Internal Server Error"), { status: 500 });
}
