// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SslSession } from "../ffi/ssl.ts";

/** Endpoints whose sessions are kept; beyond, the one that was put into least lately goes. */
export const ENDPOINTS_MAX = 256;
/** Sessions of one endpoint: as many connections can be resumed at the same time. */
export const SESSIONS_PER_ENDPOINT_MAX = 8;

/**
 * Sessions that a client can resume, each once: whoever sees a ticket twice knows that it is the
 * same client (RFC 8446 appendix C.4).
 */
export class SessionStore {
  readonly #endpoints = new Map<string, SslSession[]>();

  /** The latest session with an endpoint, which the caller frees; null when there is none. */
  take(endpoint: string): SslSession | null {
    const sessions = this.#endpoints.get(endpoint);
    const session = sessions?.pop();
    if (sessions?.length === 0) this.#endpoints.delete(endpoint);
    return session ?? null;
  }

  /** Keeps a session. */
  put(endpoint: string, session: SslSession): void {
    const sessions = this.#endpoints.get(endpoint) ?? [];
    this.#endpoints.delete(endpoint);
    this.#endpoints.set(endpoint, sessions);
    sessions.push(session);
    if (sessions.length > SESSIONS_PER_ENDPOINT_MAX) sessions.shift()![Symbol.dispose]();
    if (this.#endpoints.size <= ENDPOINTS_MAX) return;
    const [[oldest, dropped]] = this.#endpoints;
    this.#endpoints.delete(oldest);
    for (const one of dropped) one[Symbol.dispose]();
  }

  /** Frees all. */
  clear(): void {
    for (const sessions of this.#endpoints.values()) {
      for (const session of sessions) session[Symbol.dispose]();
    }
    this.#endpoints.clear();
  }
}
