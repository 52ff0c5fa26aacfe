// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SslSession } from "../ffi/ssl.ts";
import type { TlsSession } from "./tls_session.ts";

/** Takes over a session that may be resumed later. */
export type KeepSession = (session: SslSession) => void;

/** Pieces of ciphertext after which a server is taken to give no session to resume. */
const PIECES_MAX = 8;

/**
 * Gives a client's session away once there is one to resume, which is some time after the handshake
 * (RFC 8446 section 4.6.1), if at all.
 */
export class TlsSessionOffer {
  #keep: KeepSession | null;
  #pieces = 0;

  /** Null when nobody wants one. */
  constructor(keep: KeepSession | null) {
    this.#keep = keep;
  }

  /** Who wants one still. */
  get keep(): KeepSession | null {
    return this.#keep;
  }

  /** To be called after each piece of ciphertext that came once the handshake was done. */
  make(session: TlsSession): void {
    if (this.#keep === null) return;
    const taken = session.takeSession();
    if (taken !== null) this.#keep(taken);
    if (taken !== null || ++this.#pieces >= PIECES_MAX) this.#keep = null;
  }
}
