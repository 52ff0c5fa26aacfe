// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseIpv4, parseIpv6 } from "../ffi/ip_address.ts";

/** Reads one variable; undefined when it is not set, or may not be read. */
export type ReadVariable = (name: string) => string | undefined;

/**
 * The proxies that the environment names, as curl and Deno's `fetch` read them: `HTTP_PROXY`,
 * `HTTPS_PROXY` and `ALL_PROXY`, and `NO_PROXY` for hosts that are reached without one; each in
 * lower case as well, which comes first.
 */
export class ProxyEnvironment {
  readonly #http: string | null;
  readonly #https: string | null;
  readonly #except: readonly string[];

  /** Reads the environment once. */
  constructor(read: ReadVariable = readVariable) {
    const variable = (name: string) => read(name.toLowerCase()) || read(name) || null;
    const all = variable("ALL_PROXY");
    // A CGI program gets the `Proxy` field of a request as HTTP_PROXY (CVE-2016-5385).
    const http = read("http_proxy") || (read("REQUEST_METHOD") ? null : read("HTTP_PROXY")) || null;
    this.#http = http ?? all;
    this.#https = variable("HTTPS_PROXY") ?? all;
    this.#except = (variable("NO_PROXY") ?? "").split(",").map((entry) =>
      entry.trim().toLowerCase()
    )
      .filter((entry) => entry !== "");
  }

  /** The proxy for a host; null for none. */
  proxyFor(secure: boolean, hostname: string, port: number): string | null {
    const proxy = secure ? this.#https : this.#http;
    if (proxy === null || this.#isExcepted(hostname.toLowerCase(), port)) return null;
    return proxy.includes("://") ? proxy : `http://${proxy}`;
  }

  #isExcepted(hostname: string, port: number): boolean {
    return this.#except.some((entry) => matches(entry, hostname, port));
  }
}

/**
 * Whether an entry of `NO_PROXY` is about a host: `*`, a name with all names below it, an address,
 * a network (`10.0.0.0/8`), each but the last with a port or without.
 */
function matches(entry: string, hostname: string, port: number): boolean {
  if (entry === "*") return true;
  const network = /^(.+)\/(\d{1,3})$/.exec(entry);
  if (network !== null) return isWithin(hostname, network[1], Number(network[2]));
  const parts = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
  if (parts !== null && Number(parts[2]) !== port) return false;
  const name = (parts?.[1] ?? entry).replace(/^\[|\]$/g, "").replace(/^\*?\./, "");
  return hostname === name || hostname.endsWith(`.${name}`);
}

function isWithin(hostname: string, network: string, prefixBits: number): boolean {
  const [address, base] = [octetsOf(hostname), octetsOf(network)];
  if (address === null || base === null || address.length !== base.length) return false;
  for (let bit = 0; bit < Math.min(prefixBits, 8 * base.length); bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((address[bit >> 3] ^ base[bit >> 3]) & mask) !== 0) return false;
  }
  return true;
}

function octetsOf(text: string): ArrayLike<number> | null {
  return parseIpv4(text) ?? parseIpv6(text)?.bytes ?? null;
}

/** Asks without a prompt: a program that may not read the environment has none. */
function readVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
