// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { HostResolver } from "../net/addr.ts";
import type { StartTlsOptions } from "../net/tls_options.ts";
import type { FetchRequest } from "./fetch_request.ts";
import type { RetryOptions } from "./retry.ts";

/** Where cookies are kept between requests; `CookieJar` is one. */
export interface CookieStore {
  /** What `Cookie` says to a URL; undefined for nothing. */
  cookiesFor(url: string): string | undefined;
  /** Keeps what `Set-Cookie` said at a URL. */
  store(url: string, setCookies: readonly string[]): void;
}

/** What comes between a caller and the servers; `ResponseCache` is one. */
export interface FetchLayer {
  /** Puts it around a function that fetches. */
  wrap(next: FetchRequest): FetchRequest;
}

/** A proxy, and how to log in there. */
export interface ProxyOptions {
  /** `http://`, `https://`, `socks5://` or `socks5h://`, with the port. */
  url: string;
  /** Who asks, where the URL does not say. */
  basicAuth?: { username: string; password: string };
}

/** What a client waits for, and how long, in milliseconds; 0 for any time. */
export interface ClientTimeouts {
  /**
   * For a connection, while as many as may be are in use.
   *
   * @default {0}
   */
  queueTimeoutMs?: number;
  /**
   * For a new connection: name, address, proxy and TLS together.
   *
   * @default {30000}
   */
  connectTimeoutMs?: number;
  /**
   * For the server to take more of the body of a request.
   *
   * @default {0}
   */
  sendTimeoutMs?: number;
  /**
   * For `100 Continue`, before the body is sent all the same.
   *
   * @default {1000}
   */
  continueTimeoutMs?: number;
  /**
   * For the head of the response, once the request has been sent.
   *
   * @default {0}
   */
  headersTimeoutMs?: number;
  /**
   * For the next byte of the body, while somebody waits for it.
   *
   * @default {0}
   */
  bodyTimeoutMs?: number;
  /**
   * For another request on a connection, which is closed then; what the server says in `Keep-Alive`
   * counts when it is shorter.
   *
   * @default {60000}
   */
  idleTimeoutMs?: number;
  /**
   * For all of a fetch, redirects and body included.
   *
   * @default {0}
   */
  timeoutMs?: number;
}

/** How much of what a client uses. */
export interface ClientBounds {
  /**
   * Connections to one origin; who finds all in use waits.
   *
   * @default {1024}
   */
  connectionsMax?: number;
  /**
   * Who may wait for a connection to one origin; one more is refused with `Deno.errors.Busy`.
   *
   * @default {65536}
   */
  waitersMax?: number;
  /**
   * Requests on one connection at a time. With more than one, those that can be repeated without
   * harm are sent behind others before these are answered (RFC 9112 section 9.3.2): for servers
   * that are known to answer in order and without long work.
   *
   * @default {1}
   */
  pipelining?: number;
  /**
   * Redirects that are followed.
   *
   * @default {20}
   */
  redirectsMax?: number;
  /**
   * Bytes that a compressed body may become when it is taken whole, by `text()` and the like. As a
   * stream it is decoded no faster than it is read, and has no bound.
   *
   * @default {268435456}
   */
  decodedBytesMax?: number;
  /**
   * Bytes of a body from which on the server is asked first (`Expect: 100-continue`), and always
   * when its length is not known.
   *
   * @default {Infinity}
   */
  expectContinueBytesMin?: number;
}

/** Options of {@linkcode HttpClient}. */
export interface HttpClientOptions extends ClientTimeouts, ClientBounds {
  /** Certificates to trust beside the system's, in PEM. */
  caCerts?: string[];
  /** Certificate chain of this side, in PEM. */
  cert?: string;
  /** Private key of this side, in PEM. */
  key?: string;
  /** Further options of TLS. */
  tls?: Omit<StartTlsOptions, "caCerts" | "cert" | "key" | "hostname" | "signal" | "alpnProtocols">;
  /**
   * The proxy for all requests; null for none. By default `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`
   * and `NO_PROXY` say, as far as the program may read them.
   */
  proxy?: string | URL | ProxyOptions | null;
  /** Path of a Unix socket that all connections go to, whatever the host. */
  unixPath?: string;
  /** Looks hosts up. By default a `Resolver` of the client's own, which remembers answers. */
  resolver?: HostResolver;
  /** Whether `Host` may be set by the caller. Default false. */
  allowHost?: boolean;
  /** Fields of every request that does not have them; null leaves one out that a client sends. */
  headers?: Record<string, string | null>;
  /**
   * Whether compressed bodies are decoded, as `fetch` has it. Who passes them on needs no bytes of
   * another length than the head says, and sets `Accept-Encoding` himself.
   *
   * @default {true}
   */
  decode?: boolean;
  /** Sends cookies back. */
  cookieJar?: CookieStore;
  /** Keeps responses, and answers from them (RFC 9111); `ResponseCache` is one. */
  cache?: FetchLayer;
  /** Tries again what failed, with a backoff, and when `Retry-After` says so; `{}` for defaults. */
  retry?: RetryOptions;
  /** Puts functions around all of this, the first outermost: a log, a signature, a breaker. */
  around?: readonly ((next: FetchRequest) => FetchRequest)[];
}

/** What a client has of connections, all origins together. */
export interface ClientStatistics {
  /** Connections that wait to be used. */
  idle: number;
  /** Connections in use. */
  busy: number;
  /** Connections that are being made. */
  connecting: number;
  /** Requests that wait for one. */
  waiting: number;
}

/** All numbers, with nothing left out. */
export type ClientLimits = Required<ClientTimeouts & ClientBounds>;

/** What a client does unless it is told otherwise. */
export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  queueTimeoutMs: 0,
  connectTimeoutMs: 30_000,
  sendTimeoutMs: 0,
  continueTimeoutMs: 1000,
  headersTimeoutMs: 0,
  bodyTimeoutMs: 0,
  idleTimeoutMs: 60_000,
  timeoutMs: 0,
  connectionsMax: 1024,
  waitersMax: 65_536,
  pipelining: 1,
  redirectsMax: 20,
  decodedBytesMax: 268_435_456,
  expectContinueBytesMin: Infinity,
};

// Data: smallest and largest value of each that is no time.
// deno-fmt-ignore
const RANGES: Record<keyof ClientBounds, readonly [number, number]> = {
  connectionsMax:         [1, 16_000],
  waitersMax:             [0, 1_048_576],
  pipelining:             [1, 1024],
  redirectsMax:           [0, 1000],
  decodedBytesMax:        [0, Infinity],
  expectContinueBytesMin: [0, Infinity],
};
const TIMEOUT_RANGE = [0, 2 ** 31 - 1] as const;

/**
 * Adds the defaults.
 *
 * @throws {RangeError} when a number is out of its range
 */
export function checkClientLimits(options: HttpClientOptions): ClientLimits {
  const all = { ...DEFAULT_CLIENT_LIMITS };
  for (const name of Object.keys(all) as (keyof ClientLimits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const isTime = name.endsWith("Ms");
    const [min, max] = isTime ? TIMEOUT_RANGE : RANGES[name as keyof ClientBounds];
    const counts = Number.isInteger(value) || value === Infinity;
    if (!(value >= min && value <= max && (counts || isTime))) {
      throw new RangeError(
        `Cannot make a client: ${name} must be in ${min}..${max}, received ${value}`,
      );
    }
    all[name] = value;
  }
  return all;
}
