// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type OpenSsl, openssl } from "./openssl.ts";
import { takeOpenSslError } from "./openssl_error.ts";
import {
  type Handle,
  readCertificates,
  readPrivateKey,
  readRevocationLists,
} from "./openssl_pem.ts";
import { alpnSelector } from "./ssl_alpn.ts";
import { cipherOrder } from "./ssl_ciphers.ts";
import { keyLogger } from "./ssl_key_log.ts";

/** The versions that are spoken; older ones are broken (RFC 8996). */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** What connections of one kind have in common. */
export interface SslContextSettings {
  /** Which side of the handshake it is. */
  readonly role: "client" | "server";
  /** Certificates of this side, its own first, and its private key, as PEM. */
  readonly identity?: { readonly cert: string; readonly key: string } | undefined;
  /** Protocols of the application, best first (RFC 7301). */
  readonly alpnProtocols: readonly string[];
  /** Whether the peer has to show a certificate, may, or is not asked. */
  readonly verify: "none" | "request" | "require";
  /** Who may have signed it, as PEM. */
  readonly caCerts: readonly string[];
  /** Whether those that the system trusts may have signed it too. */
  readonly systemRoots: boolean;
  /** Certificates that were taken back, as PEM; every issuer then needs a list. */
  readonly revocationLists: readonly string[];
  /** Oldest version. */
  readonly minVersion: TlsVersion;
  /** Newest version. */
  readonly maxVersion: TlsVersion;
  /** Whether connections tell the secret that their records are made with. */
  readonly kernelTls: boolean;
}

/** What is wrong with a setting; the rest of the library words it. */
export class SslSettingError extends Error {
  /** Which setting. */
  readonly setting: "key" | "cert" | "caCerts" | "revocationLists";

  /** Names the setting and says what is wrong with it. */
  constructor(message: string, setting: SslSettingError["setting"]) {
    super(message);
    this.name = "SslSettingError";
    this.setting = setting;
  }
}

/** An `SSL_CTX`: what the connections of one kind have in common. Connections outlive it. */
export class SslContext implements Disposable {
  /** The `SSL_CTX`. */
  readonly handle: Handle;
  /** Which side it is. */
  readonly role: "client" | "server";
  /** Protocols that a server chooses from; empty for a client. */
  readonly alpnChoice: readonly string[];
  /** Whether connections tell the secret that their records are made with. */
  readonly tellsSecrets: boolean;

  readonly #calls: OpenSsl = openssl();
  #leaf: Handle | null = null;
  #freed = false;

  /** Loads keys and certificates. */
  constructor(settings: SslContextSettings) {
    const calls = this.#calls;
    const server = settings.role === "server";
    this.role = settings.role;
    this.alpnChoice = server ? settings.alpnProtocols : [];
    this.tellsSecrets = settings.kernelTls;
    calls.ERR_clear_error();
    this.handle = must(
      calls.SSL_CTX_new(server ? calls.TLS_server_method() : calls.TLS_client_method()),
    );
    try {
      this.#setProtocol(settings);
      if (settings.identity) this.#setIdentity(settings.identity);
      this.#setTrust(settings);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    } finally {
      calls.ERR_clear_error();
    }
  }

  /** Whether its certificate is one for this host. */
  matches(serverName: string): boolean {
    const name = new TextEncoder().encode(serverName);
    const flags = HOST_FLAGS;
    if (this.#leaf === null) return false;
    return this.#calls.X509_check_host(this.#leaf, name, BigInt(name.length), flags, null) === 1;
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#calls.X509_free(this.#leaf);
    this.#calls.SSL_CTX_free(this.handle);
  }

  #setProtocol(settings: SslContextSettings): void {
    const calls = this.#calls;
    const { handle } = this;
    const { alpnProtocols, role } = settings;
    const { suites, ciphers } = cipherOrder();
    calls.SSL_CTX_ctrl(handle, Ctrl.minVersion, VERSION[settings.minVersion], null);
    calls.SSL_CTX_ctrl(handle, Ctrl.maxVersion, VERSION[settings.maxVersion], null);
    calls.SSL_CTX_ctrl(handle, Ctrl.mode, MODE, null);
    calls.SSL_CTX_set_options(handle, role === "server" ? OPTIONS | KEEPS_SESSIONS : OPTIONS);
    calls.SSL_CTX_set_num_tickets(handle, TICKETS);
    // What a client keeps, this library keeps for it.
    calls.SSL_CTX_ctrl(handle, Ctrl.sessionCacheMode, role === "server" ? CACHE_SERVER : 0n, null);
    calls.SSL_CTX_ctrl(handle, Ctrl.sessionCacheSize, SESSIONS_MAX, null);
    must(calls.SSL_CTX_set_ciphersuites(handle, encodeName(suites)));
    must(calls.SSL_CTX_set_cipher_list(handle, encodeName(ciphers)));
    calls.SSL_CTX_set_session_id_context(handle, SESSION_CONTEXT, SESSION_CONTEXT.length);
    if (settings.kernelTls) calls.SSL_CTX_set_keylog_callback(handle, keyLogger());
    if (alpnProtocols.length === 0) return;
    if (role === "server") calls.SSL_CTX_set_alpn_select_cb(handle, alpnSelector(), null);
    else {
      const list = encodeProtocols(alpnProtocols);
      // Unlike the other calls this one gives 0 for success.
      if (calls.SSL_CTX_set_alpn_protos(handle, list, list.length) !== 0) throw takeOpenSslError();
    }
  }

  #setIdentity({ cert, key }: { cert: string; key: string }): void {
    const calls = this.#calls;
    const chain = loadFrom("cert", cert, readCertificates);
    if (chain.length === 0) {
      throw new SslSettingError("No certificates found in certificate data", "cert");
    }
    const [leaf, ...issuers] = chain;
    this.#leaf = leaf;
    try {
      check("cert", calls.SSL_CTX_use_certificate(this.handle, leaf));
      while (issuers.length > 0) {
        const added = calls.SSL_CTX_ctrl(this.handle, Ctrl.extraChainCertificate, 0n, issuers[0]);
        check("cert", Number(added));
        // It belongs to the context now.
        issuers.shift();
      }
    } finally {
      for (const issuer of issuers) calls.X509_free(issuer);
    }
    const privateKey = readPrivateKey(key);
    if (privateKey === null) throw new SslSettingError("No keys found in key data", "key");
    try {
      check("key", calls.SSL_CTX_use_PrivateKey(this.handle, privateKey));
    } finally {
      calls.EVP_PKEY_free(privateKey);
    }
  }

  #setTrust(settings: SslContextSettings): void {
    const calls = this.#calls;
    const { verify, systemRoots, caCerts, revocationLists } = settings;
    const store = calls.SSL_CTX_get_cert_store(this.handle);
    calls.SSL_CTX_set_verify(this.handle, VERIFY[verify], null);
    if (verify === "none") return;
    if (systemRoots) calls.SSL_CTX_set_default_verify_paths(this.handle);
    for (const pem of caCerts) {
      const certificates = loadFrom("caCerts", pem, readCertificates);
      if (certificates.length === 0) {
        throw new SslSettingError("No certificates found in certificate data", "caCerts");
      }
      for (const certificate of certificates) {
        calls.X509_STORE_add_cert(store, certificate);
        if (this.role === "server") calls.SSL_CTX_add_client_CA(this.handle, certificate);
        calls.X509_free(certificate);
      }
    }
    for (const pem of revocationLists) {
      const lists = loadFrom("revocationLists", pem, readRevocationLists);
      if (lists.length === 0) {
        throw new SslSettingError("No revocation lists found in the data", "revocationLists");
      }
      for (const list of lists) {
        calls.X509_STORE_add_crl(store, list);
        calls.X509_CRL_free(list);
      }
    }
    const flags = revocationLists.length > 0 ? PARTIAL_CHAIN | CRL_CHECK : PARTIAL_CHAIN;
    calls.X509_STORE_set_flags(store, flags);
  }
}

/** A list of protocols as it travels: each with its length before it (RFC 7301 section 3.1). */
export function encodeProtocols(protocols: readonly string[]): Uint8Array<ArrayBuffer> {
  const names = protocols.map((name) => new TextEncoder().encode(name));
  return new Uint8Array(names.flatMap((name) => [name.length, ...name]));
}

// openssl/ssl.h, openssl/tls1.h, openssl/x509_vfy.h
// deno-fmt-ignore
const Ctrl = {
  extraChainCertificate: 14,
  mode:                  33,
  sessionCacheSize:      42,
  sessionCacheMode:      44,
  minVersion:           123,
  maxVersion:           124,
} as const;
const VERSION: Record<TlsVersion, bigint> = { "TLSv1.2": 0x303n, "TLSv1.3": 0x304n };
/** Peer, and "fail if there is no certificate" for those who must have one. */
const VERIFY = { none: 0, request: 1, require: 3 } as const;
/** Bytes may be written from another place the next time. */
const MODE = 0x2n;
/**
 * No compression, no renegotiation: both were attacks (RFC 7457). The server's order of suites
 * counts, but for clients that would have ChaCha20 first, as those without AES in hardware do.
 */
const OPTIONS = 1n << 17n | 1n << 30n | 1n << 22n | 1n << 21n;
/** One ticket a connection: a client that wants more connections has one for each it had. */
const TICKETS = 1n;
/**
 * A server keeps the sessions itself, and a ticket is only their name: to seal a whole session into
 * it and to open it again takes 15 us of a resumed handshake, and who steals the key of the seal
 * can read what was resumed with it.
 */
const KEEPS_SESSIONS = 1n << 14n;
/**
 * A server's sessions, without the search of all of them for those that are too old, every 255
 * handshakes: it took what keeping them gains. The bound is enough, and a late one is not resumed.
 */
const CACHE_SERVER = 0x2n | 0x80n;
/**
 * Sessions of one context, about a KiB each, and what a client's certificate takes; beyond, whose
 * is the oldest shakes hands in full.
 */
const SESSIONS_MAX = 8192n;
const SESSION_CONTEXT = new TextEncoder().encode("photon");
const CRL_CHECK = 0x4n;
/** Who is trusted need not be a root, as in Deno. */
const PARTIAL_CHAIN = 0x80000n;
/** Only the names for hosts count, not the common name (RFC 6125), and `*` is a whole label. */
export const HOST_FLAGS = 0x20 | 0x4;

/** A C string. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${name}\0`);
}

function must<T>(result: T): NonNullable<T> {
  if (!result) throw takeOpenSslError();
  return result;
}

function check(setting: SslSettingError["setting"], result: number): void {
  if (result === 1) return;
  throw new SslSettingError(takeOpenSslError().message, setting);
}

function loadFrom(
  setting: SslSettingError["setting"],
  pem: string,
  read: (pem: string) => Handle[],
): Handle[] {
  try {
    return read(pem);
  } catch (error) {
    throw new SslSettingError(error instanceof Error ? error.message : String(error), setting);
  }
}
