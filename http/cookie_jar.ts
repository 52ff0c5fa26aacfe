// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CookieTable, type StoredCookie } from "./cookie_table.ts";
import { isAddress, isPublicSuffix, parentOf, siteOf } from "./public_suffix.ts";
import { parseSetCookie, type SetCookie } from "./set_cookie.ts";

/** Options of {@linkcode CookieJar}. */
export interface CookieJarOptions {
  /**
   * Cookies in all; beyond, those go that were not used for longest.
   *
   * @default {3000}
   */
  cookiesMax?: number;
  /**
   * Cookies of one domain; beyond, those go first that are not `Secure`.
   *
   * @default {180}
   */
  cookiesPerDomainMax?: number;
  /** Whether anybody may register names below a domain; by default a short list of such domains. */
  isPublicSuffix?: (domain: string) => boolean;
  /** Milliseconds since 1970, for tests. */
  nowMs?: () => number;
}

/** Who causes a request, where that is a page of some site and not the program itself. */
export interface CookieContext {
  /** URL of the page. */
  from: string;
  /**
   * Whether the page gives way to the response (a link was followed), by a method that changes
   * nothing: then `SameSite=Lax` lets a cookie go along.
   *
   * @default {false}
   */
  navigates?: boolean;
}

/**
 * Keeps cookies as a browser does (RFC 6265bis), for one user.
 *
 * Domains, paths, `Secure`, the name prefixes `__Secure-` and `__Host-`, `Max-Age` and `Expires`
 * (400 days at most) are minded, public suffixes as far as they are known. There are no scripts
 * here: `HttpOnly` is kept, and hinders nobody. What breaks a rule is ignored, as browsers do. How
 * many are kept is bounded, and how long each may be (4096 octets).
 *
 * @example One that is sent back
 * ```ts
 * import { CookieJar } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = new CookieJar();
 * jar.store("https://example.com/login", ["id=7; Path=/; Secure; HttpOnly"]);
 * assertEquals(jar.cookiesFor("https://example.com/inbox"), "id=7");
 * assertEquals(jar.cookiesFor("http://example.com/inbox"), undefined);
 * ```
 *
 * @example One that outlives the program
 * ```ts
 * import { CookieJar } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = new CookieJar();
 * jar.store("https://example.com/", ["id=7; Max-Age=60"]);
 * const saved = JSON.stringify(jar);
 * const restored = CookieJar.fromJSON(JSON.parse(saved));
 * assertEquals(restored.cookiesFor("https://example.com/"), "id=7");
 * ```
 */
export class CookieJar {
  readonly #table: CookieTable;
  readonly #isPublicSuffix: (domain: string) => boolean;
  readonly #nowMs: () => number;

  /** An empty jar. */
  constructor(options: CookieJarOptions = {}) {
    const { cookiesMax = 3000, cookiesPerDomainMax = 180 } = options;
    this.#table = new CookieTable(cookiesMax, cookiesPerDomainMax);
    const isSuffix = options.isPublicSuffix ?? isPublicSuffix;
    // A host may be written as the absolute name that it is: `com.` is no less public than `com`.
    this.#isPublicSuffix = (domain) => isSuffix(domain.replace(/\.$/, ""));
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /**
   * A jar with what another one's `toJSON` gave; what has expired since is left out.
   *
   * @throws {TypeError} when the value does not come from there
   */
  static fromJSON(value: unknown, options?: CookieJarOptions): CookieJar {
    const jar = new CookieJar(options);
    const cookies = (value as SavedCookies | null)?.cookies;
    if (!Array.isArray(cookies)) throw new TypeError("Cannot restore cookies: no list of cookies");
    const inOrder = cookies.map(restored).sort((a, b) => a.order - b.order);
    for (const cookie of inOrder) jar.#table.put(cookie, jar.#nowMs());
    return jar;
  }

  /** How many cookies there are; some may have expired. */
  get size(): number {
    return this.#table.size;
  }

  /** Forgets all. */
  clear(): void {
    this.#table.clear();
  }

  /** The cookies, to look at. */
  *[Symbol.iterator](): Iterator<Readonly<StoredCookie>> {
    for (const cookie of this.#table.all()) yield { ...cookie };
  }

  /** All cookies, those that end with the session too; `JSON.stringify` calls it. */
  toJSON(): SavedCookies {
    return { version: 1, cookies: [...this] };
  }

  /**
   * What `Cookie` says in a request to a URL, longest path first; undefined for nothing.
   *
   * @param context Who causes the request; without it the program does, and `SameSite` hinders
   * nothing
   */
  cookiesFor(url: string, context?: CookieContext): string | undefined {
    const target = targetOf(url);
    const nowMs = this.#nowMs();
    const isCrossSite = context !== undefined && !this.#isSameSite(target, targetOf(context.from));
    const found: StoredCookie[] = [];
    const whole = isAddress(target.host);
    for (let domain = target.host; domain !== ""; domain = whole ? "" : parentOf(domain)) {
      for (const cookie of this.#table.of(domain, nowMs)) {
        if (cookie.hostOnly && domain !== target.host) continue;
        if (cookie.secure && !target.secure || !pathMatches(target.path, cookie.path)) continue;
        if (isCrossSite && !crosses(cookie, context!)) continue;
        cookie.usedMs = nowMs;
        found.push(cookie);
      }
    }
    if (found.length === 0) return undefined;
    found.sort((a, b) => b.path.length - a.path.length || a.order - b.order);
    return found.map(({ name, value }) => name === "" ? value : `${name}=${value}`).join("; ");
  }

  /** Keeps what the `Set-Cookie` fields of a response said; what breaks a rule is ignored. */
  store(url: string, setCookies: readonly string[]): void {
    const target = targetOf(url);
    const nowMs = this.#nowMs();
    for (const text of setCookies) {
      const parsed = parseSetCookie(text, nowMs);
      const cookie = parsed === null ? null : this.#accept(parsed, target, nowMs);
      if (cookie !== null) this.#table.put(cookie, nowMs);
    }
  }

  /** RFC 6265bis section 5.7: the cookie as it is kept, or null where it is refused. */
  #accept(parsed: SetCookie, target: Target, nowMs: number): StoredCookie | null {
    const { name, value, secure, httpOnly, sameSite, expiresMs } = parsed;
    let { domain } = parsed;
    if (domain !== "" && this.#isPublicSuffix(domain)) {
      if (domain !== target.host) return null;
      domain = "";
    }
    if (domain !== "" && !domainMatches(target.host, domain)) return null;
    const hostOnly = domain === "";
    const path = parsed.path || defaultPath(target.path);
    if (secure && !target.secure) return null;
    if (sameSite === "none" && !secure) return null;
    if (!keepsPrefix(name === "" ? value : name, parsed, name === "")) return null;
    const cookie: StoredCookie = {
      ...{ name, value, domain: hostOnly ? target.host : domain, hostOnly, path },
      ...{ expiresMs, secure, httpOnly, sameSite, usedMs: nowMs, order: 0 },
    };
    // What was set over a secure connection is not overlaid over one that is not.
    if (!target.secure && this.#overlaysSecure(cookie, nowMs)) return null;
    return cookie;
  }

  #overlaysSecure(cookie: StoredCookie, nowMs: number): boolean {
    for (const other of this.#table.all()) {
      if (!other.secure || other.name !== cookie.name) continue;
      if (other.expiresMs !== null && other.expiresMs <= nowMs) continue;
      const related = domainMatches(other.domain, cookie.domain) ||
        domainMatches(cookie.domain, other.domain);
      if (related && pathMatches(cookie.path, other.path)) return true;
    }
    return false;
  }

  #isSameSite(a: Target, b: Target): boolean {
    const site = (target: Target) => siteOf(target.host, this.#isPublicSuffix);
    return a.secure === b.secure && site(a) === site(b);
  }
}

/** What {@linkcode CookieJar.toJSON} gives. */
export interface SavedCookies {
  /** Of this shape. */
  version: 1;
  /** The cookies, in no order. */
  cookies: Readonly<StoredCookie>[];
}

interface Target {
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
}

function targetOf(url: string): Target {
  const { hostname, pathname, protocol } = new URL(url);
  return { host: hostname, path: pathname, secure: protocol === "https:" || protocol === "wss:" };
}

/** RFC 6265bis section 5.1.3. */
function domainMatches(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`) && !isAddress(host);
}

/** RFC 6265bis section 5.1.4. */
function pathMatches(path: string, cookiePath: string): boolean {
  if (!path.startsWith(cookiePath)) return false;
  return path.length === cookiePath.length || cookiePath.endsWith("/") ||
    path[cookiePath.length] === "/";
}

/** RFC 6265bis section 5.1.4: up to the last slash, without it. */
function defaultPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** RFC 6265bis section 5.7: what a name promises is so, and no value looks like such a name. */
function keepsPrefix(name: string, parsed: SetCookie, nameless: boolean): boolean {
  const prefix = /^__(?:secure|host)-/i.exec(name)?.[0].toLowerCase();
  if (prefix === undefined) return true;
  if (nameless || !parsed.secure) return false;
  return prefix === "__secure-" || parsed.domain === "" && parsed.path === "/";
}

/** Whether a page of another site may cause it to be sent. */
function crosses(cookie: StoredCookie, { navigates = false }: CookieContext): boolean {
  if (cookie.sameSite === "none") return true;
  return cookie.sameSite !== "strict" && navigates;
}

// Data: what a saved cookie has, and of what type.
// deno-fmt-ignore
const SHAPE: Record<Exclude<keyof StoredCookie, "expiresMs">, string> = {
  name: "string", value: "string", domain: "string", path: "string", sameSite: "string",
  hostOnly: "boolean", secure: "boolean", httpOnly: "boolean", usedMs: "number", order: "number",
};

function restored(saved: StoredCookie): StoredCookie {
  for (const [key, type] of Object.entries(SHAPE)) {
    const actual: string = typeof saved?.[key as keyof StoredCookie];
    if (actual === type) continue;
    throw new TypeError(`Cannot restore cookies: ${key} must be a ${type}`);
  }
  const { expiresMs } = saved;
  if (expiresMs !== null && typeof expiresMs !== "number") {
    throw new TypeError("Cannot restore cookies: expiresMs must be a number or null");
  }
  return { ...saved };
}
