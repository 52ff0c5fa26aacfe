// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SameSite } from "./set_cookie.ts";

/** A cookie as it is kept. */
export interface StoredCookie {
  /** Its name; it may be empty. */
  name: string;
  /** Its value. */
  value: string;
  /** The host it is for, or the domain with all hosts below it. */
  domain: string;
  /** Whether it is for that host alone. */
  hostOnly: boolean;
  /** The path that URLs begin with. */
  path: string;
  /** When it expires, in milliseconds since 1970; null at the end of the session. */
  expiresMs: number | null;
  /** Whether it is sent over secure connections only. */
  secure: boolean;
  /** Whether scripts are not to see it. */
  httpOnly: boolean;
  /** Whether other sites cause it to be sent. */
  sameSite: SameSite;
  /** When it was sent or set last, in milliseconds since 1970. */
  usedMs: number;
  /** Counts up with each cookie that is new; setting it anew keeps it. */
  order: number;
}

/** Cookies by domain, of which there are no more than the bounds allow. */
export class CookieTable {
  readonly #domains = new Map<string, Map<string, StoredCookie>>();
  readonly #cookiesMax: number;
  readonly #cookiesPerDomainMax: number;
  #size = 0;
  #order = 0;

  /** Holds so many in all and of a domain. */
  constructor(cookiesMax: number, cookiesPerDomainMax: number) {
    this.#cookiesMax = cookiesMax;
    this.#cookiesPerDomainMax = cookiesPerDomainMax;
  }

  /** How many there are; some may have expired. */
  get size(): number {
    return this.#size;
  }

  /** All of them. */
  *all(): Iterable<StoredCookie> {
    for (const cookies of this.#domains.values()) yield* cookies.values();
  }

  /** Those of exactly this domain that have not expired. */
  of(domain: string, nowMs: number): StoredCookie[] {
    const cookies = this.#domains.get(domain);
    if (cookies === undefined) return [];
    const live: StoredCookie[] = [];
    for (const [key, cookie] of cookies) {
      if (isExpired(cookie, nowMs)) this.#delete(domain, key);
      else live.push(cookie);
    }
    return live;
  }

  /** Adds or replaces a cookie, or removes it when it has expired. */
  put(cookie: StoredCookie, nowMs: number): void {
    const { domain } = cookie;
    const key = keyOf(cookie);
    const cookies = this.#domains.get(domain) ?? new Map<string, StoredCookie>();
    const old = cookies.get(key);
    if (isExpired(cookie, nowMs)) return this.#delete(domain, key);
    cookie.order = old?.order ?? ++this.#order;
    if (old === undefined) this.#size++;
    cookies.set(key, cookie);
    this.#domains.set(domain, cookies);
    if (cookies.size > this.#cookiesPerDomainMax) this.#evict(cookies.values(), nowMs);
    if (this.#size > this.#cookiesMax) this.#evict(this.all(), nowMs);
  }

  /** Removes all. */
  clear(): void {
    this.#domains.clear();
    this.#size = 0;
  }

  /** Removes one: expired before live, not secure before secure, and the one unused for longest. */
  #evict(among: Iterable<StoredCookie>, nowMs: number): void {
    let worst: StoredCookie | undefined;
    for (const cookie of among) {
      if (worst === undefined || goesBefore(cookie, worst, nowMs)) worst = cookie;
    }
    if (worst !== undefined) this.#delete(worst.domain, keyOf(worst));
  }

  #delete(domain: string, key: string): void {
    const cookies = this.#domains.get(domain);
    if (cookies === undefined || !cookies.delete(key)) return;
    this.#size--;
    if (cookies.size === 0) this.#domains.delete(domain);
  }
}

/** A domain has one cookie of a name, path and kind; a name holds no semicolon. */
function keyOf({ name, path, hostOnly }: StoredCookie): string {
  return `${name};${hostOnly};${path}`;
}

function isExpired({ expiresMs }: StoredCookie, nowMs: number): boolean {
  return expiresMs !== null && expiresMs <= nowMs;
}

function goesBefore(a: StoredCookie, b: StoredCookie, nowMs: number): boolean {
  const [aGone, bGone] = [isExpired(a, nowMs), isExpired(b, nowMs)];
  if (aGone !== bGone) return aGone;
  if (a.secure !== b.secure) return b.secure;
  return a.usedMs < b.usedMs || a.usedMs === b.usedMs && a.order < b.order;
}
