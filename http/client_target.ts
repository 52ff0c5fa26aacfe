// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Where a request goes, and what its head says of that. */
export interface ClientTarget {
  /** The URL as a response tells it: without a fragment. */
  readonly href: string;
  /** Scheme, host and port: what connections are shared by. */
  readonly origin: string;
  /** Whether it is `https`. */
  readonly secure: boolean;
  /** Name or address of the host, without brackets. */
  readonly hostname: string;
  /** Port, also where the URL has none. */
  readonly port: number;
  /** What `Host` says: the port only where it is not the scheme's own. */
  readonly host: string;
  /** Path and query: the request target in origin form (RFC 9112 section 3.2.1). */
  readonly path: string;
  /** `Authorization` for the credentials in the URL, or null. */
  readonly authorization: string | null;
}

/** Targets that are remembered by their URL; one more forgets all. */
const TARGETS_MAX = 1024;

/**
 * Reads URLs, and remembers them: to parse one takes longer than to write a request.
 */
export class TargetCache {
  readonly #known: Map<string, ClientTarget> = new Map();
  #lastUrl = "";
  #last: ClientTarget | null = null;

  /**
   * The target of a URL.
   *
   * @throws {TypeError} when it is no URL, neither `http:` nor `https:`, or its port is blocked
   */
  get(url: string): ClientTarget {
    if (url === this.#lastUrl && this.#last !== null) return this.#last;
    let target = this.#known.get(url);
    if (target === undefined) {
      target = targetOf(new URL(url));
      if (this.#known.size >= TARGETS_MAX) this.#known.clear();
      this.#known.set(url, target);
    }
    this.#lastUrl = url;
    return this.#last = target;
  }
}

/** Whether a URL is for this client; `data:`, `blob:` and `file:` are the platform's. */
export function isHttpUrl(url: string): boolean {
  return /^https?:/i.test(url);
}

/**
 * Reads a URL.
 *
 * @throws {TypeError} when it is neither `http:` nor `https:`, or its port is blocked
 */
export function targetOf(url: URL): ClientTarget {
  const { protocol, hostname, port, host, pathname, search, username, password } = url;
  const secure = protocol === "https:";
  if (!secure && protocol !== "http:") {
    throw new TypeError(`Url scheme '${protocol.slice(0, -1)}' not supported`);
  }
  const number = port === "" ? (secure ? 443 : 80) : Number(port);
  if (BLOCKED_PORTS.has(number)) {
    throw new TypeError(`Fetch failed: Requests to port ${number} are blocked`);
  }
  const { href, hash } = url;
  return {
    href: hash === "" && !href.endsWith("#") ? href : href.slice(0, href.indexOf("#")),
    origin: `${protocol}//${host}`,
    secure,
    hostname: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: number,
    host,
    path: pathname + search,
    authorization: username === "" && password === "" ? null : basicAuthorization(
      decodeURIComponent(username),
      decodeURIComponent(password),
    ),
  };
}

/** `Basic` credentials (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

// Data: ports that a fetch does not go to (Fetch standard, "port blocking").
// deno-fmt-ignore
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
]);
