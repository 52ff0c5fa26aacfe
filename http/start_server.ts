// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Acceptor, listenPlain, listenSecure } from "./acceptor.ts";
import { compress } from "./compress.ts";
import { type Handler, PhotonServer } from "./http_server.ts";
import { checkLimits, type ServeLimits } from "./limits.ts";
import type { Handler as PlainHandler } from "./middleware.ts";
import { listeningLine, say } from "./serve_log.ts";

/** All that the options of a server may hold, before it is known which they are. */
export interface AnyServeOptions {
  limits?: ServeLimits;
  exclusive?: boolean;
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

/** Listens as the options say, and serves. */
export function startServer(options: AnyServeOptions, handler: Handler): PhotonServer<never> {
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

function listenFor(options: AnyServeOptions): Acceptor {
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
