// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TlsVersion } from "../ffi/ssl_context.ts";
import type { ConnectOptions, TcpListenOptions } from "./addr.ts";

/** Which versions of TLS are spoken, and how long a handshake may take. */
export interface TlsProtocolOptions {
  /** Oldest version. Default `"TLSv1.2"`. */
  minVersion?: TlsVersion;
  /** Newest version. Default `"TLSv1.3"`. */
  maxVersion?: TlsVersion;
  /** Longest handshake in milliseconds, after which it fails; 0 for any. Default 60000. */
  handshakeTimeoutMs?: number;
  /**
   * Whether the kernel makes the records, if it can: TLS 1.3 over TCP, Linux with `CONFIG_TLS`.
   * `sendFile` then lends files to the socket as it does without TLS. What `handshake` resolves to
   * says whether it does. Not verified on such a kernel yet, so it is off unless asked for. HTTP
   * servers make their records themselves all the same.
   *
   * @default {false}
   */
  kernelTls?: boolean;
  /** Revocation lists as PEM, one for every issuer in a chain: whose certificates are refused. */
  revocationLists?: string[];
}

/** How to secure a connection as a client: `Deno.StartTlsOptions`, and more. */
export interface StartTlsOptions extends Deno.StartTlsOptions, TlsProtocolOptions {
  /** Private key of this side in PEM, where the server wants to know who calls. */
  key?: string;
  /** Certificate chain of this side in PEM. */
  cert?: string;
  /** The format of both. */
  keyFormat?: "pem";
  /** Whether a session of before may be resumed, and this one later. Default true. */
  resumeSessions?: boolean;
  /** Gives up. */
  signal?: AbortSignal;
}

/** Where and how to connect with TLS: `Deno.ConnectTlsOptions`, and more. */
export interface ConnectTlsOptions
  extends Deno.ConnectTlsOptions, StartTlsOptions, Omit<ConnectOptions, "transport"> {
  /** The one transport that there is. */
  transport?: "tcp";
}

/** A certificate chain with its private key, both in PEM. */
export interface TlsIdentity {
  /** Certificate chain, the server's own first. */
  cert: string;
  /** Private key. */
  key: string;
}

/** What a server shows and asks for; all of it can be replaced while it runs. */
export interface TlsServerOptions extends TlsProtocolOptions {
  /** Certificate chain in PEM, for clients that ask for no host that another is for. */
  cert: string;
  /** Private key in PEM. */
  key: string;
  /** The format of both. */
  keyFormat?: "pem";
  /** Further certificates: the first that is for the host that a client asks for is shown. */
  identities?: TlsIdentity[];
  /** Protocols of the application, best first. */
  alpnProtocols?: string[];
  /** Whether clients show a certificate: `"none"` (the default), `"request"` or `"require"`. */
  clientCertificates?: "none" | "request" | "require";
  /** Who may have signed the certificates of clients, in PEM. */
  caCerts?: string[];
}

/** Where and how to listen with TLS: `Deno.ListenTlsOptions` with its key, and more. */
export interface ListenTlsOptions
  extends Omit<TcpListenOptions, "transport">, Omit<TlsServerOptions, "key" | "cert"> {
  /** The one transport that there is. */
  transport?: "tcp";
  /** Certificate chain in PEM. */
  cert: string;
  /** Private key in PEM. */
  key: string;
}

/** Checked {@linkcode StartTlsOptions} with defaults. */
export interface TlsClientRequest {
  /** Host or address. */
  readonly hostname: string;
  /**
   * Trusted beside the system's roots, or those of the stores that `DENO_TLS_CA_STORE` names
   * (`system`, `mozilla`), and those of the file that `DENO_CERT` names.
   */
  readonly caCerts: readonly string[];
  /** This side's own, if any. */
  readonly identity: TlsIdentity | undefined;
  /** Protocols of the application. */
  readonly alpnProtocols: readonly string[];
  /** Whether the certificate has to be for the host. */
  readonly verifyHost: boolean;
  /** Whether sessions are resumed. */
  readonly resumeSessions: boolean;
  /** What both sides have. */
  readonly protocol: Required<TlsProtocolOptions>;
}

/** Checked {@linkcode TlsServerOptions} with defaults. */
export interface TlsServerRequest {
  /** The default first. */
  readonly identities: readonly TlsIdentity[];
  /** Protocols of the application. */
  readonly alpnProtocols: readonly string[];
  /** Whether clients show a certificate. */
  readonly clientCertificates: "none" | "request" | "require";
  /** Who may have signed those. */
  readonly caCerts: readonly string[];
  /** What both sides have. */
  readonly protocol: Required<TlsProtocolOptions>;
}

/**
 * Checks what `connectTls` and `startTls` were given and fills in Deno's defaults.
 *
 * @param name The function, for messages
 * @throws {TypeError} When a member has the wrong type, or one of key and certificate is missing
 */
export function checkTlsClient(name: string, options: StartTlsOptions): TlsClientRequest {
  const { key, cert } = options;
  checkKeyFormat(options.keyFormat);
  return {
    hostname: String(options.hostname ?? "127.0.0.1"),
    caCerts: checkTexts("caCerts", options.caCerts),
    identity: key === undefined && cert === undefined ? undefined : checkIdentity(name, options),
    alpnProtocols: checkProtocols(options.alpnProtocols),
    verifyHost: !options.unsafelyDisableHostnameVerification,
    resumeSessions: options.resumeSessions ?? true,
    protocol: checkProtocol(options),
  };
}

/**
 * Checks what `listenTls` and `reload` were given and fills in defaults.
 *
 * @param name The function, for messages
 * @throws {TypeError} When a member has the wrong type, or key or certificate are missing
 */
export function checkTlsServer(name: string, options: TlsServerOptions): TlsServerRequest {
  checkKeyFormat(options.keyFormat);
  const { identities = [], clientCertificates = "none" } = options;
  if (!CLIENT_CERTIFICATES.includes(clientCertificates)) {
    throw new TypeError(
      `Cannot use clientCertificates: it must be "none", "request" or "require", ` +
        `received "${clientCertificates}"`,
    );
  }
  return {
    identities: [options, ...identities].map((identity) => checkIdentity(name, identity)),
    alpnProtocols: checkProtocols(options.alpnProtocols),
    clientCertificates,
    caCerts: checkTexts("caCerts", options.caCerts),
    protocol: checkProtocol(options),
  };
}

/** In Deno's words. */
export function checkTlsTransport(transport: unknown): void {
  if (transport === undefined || transport === null || transport === "tcp") return;
  throw new TypeError(`Unsupported transport: '${transport}'`);
}

const CLIENT_CERTIFICATES: readonly string[] = ["none", "request", "require"];
const VERSIONS: readonly string[] = ["TLSv1.2", "TLSv1.3"];
const HANDSHAKE_TIMEOUT_MS = 60_000;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** A protocol's length travels in one byte, the list's in two (RFC 7301 section 3.1). */
const PROTOCOL_BYTES_MAX = 255;

function checkKeyFormat(format: unknown): void {
  if (format === undefined || format === "pem") return;
  throw new TypeError(`If "keyFormat" is specified, it must be "pem": received "${format}"`);
}

/** In Deno's words. */
function checkIdentity(name: string, options: { key?: unknown; cert?: unknown }): TlsIdentity {
  const { key, cert } = options;
  if (key === undefined && cert === undefined) {
    throw new TypeError(`A key and certificate are required for \`Deno.${name}\``);
  }
  if (key === undefined || cert === undefined) {
    const [there, missing] = key === undefined ? ["cert", "key"] : ["key", "cert"];
    throw new TypeError(
      `If \`${there}\` is specified, \`${missing}\` must be specified as well for \`Deno.${name}\``,
    );
  }
  if (typeof key !== "string" || typeof cert !== "string") {
    throw new TypeError("Cannot use key and cert: both must be strings in PEM format");
  }
  return { key, cert };
}

function checkTexts(name: string, values: unknown): readonly string[] {
  if (values === undefined) return [];
  if (Array.isArray(values) && values.every((value) => typeof value === "string")) return values;
  throw new TypeError(`Cannot use ${name}: it must be an array of strings in PEM format`);
}

function checkProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined) return [];
  const isList = Array.isArray(protocols) && protocols.every((name) => typeof name === "string");
  if (!isList) throw new TypeError("Cannot use alpnProtocols: it must be an array of strings");
  for (const name of protocols) {
    const { length } = new TextEncoder().encode(name);
    if (length > 0 && length <= PROTOCOL_BYTES_MAX) continue;
    throw new TypeError(
      `Cannot use alpnProtocols: a name has 1 to ${PROTOCOL_BYTES_MAX} bytes, received "${name}"`,
    );
  }
  return protocols;
}

function checkProtocol(options: TlsProtocolOptions): Required<TlsProtocolOptions> {
  const { minVersion = "TLSv1.2", maxVersion = "TLSv1.3" } = options;
  for (const version of [minVersion, maxVersion]) {
    if (VERSIONS.includes(version)) continue;
    throw new TypeError(
      `Cannot use TLS version: it must be "TLSv1.2" or "TLSv1.3", received "${version}"`,
    );
  }
  if (minVersion > maxVersion) {
    throw new TypeError("Cannot use TLS versions: minVersion must not be above maxVersion");
  }
  const { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  if (!(handshakeTimeoutMs >= 0 && handshakeTimeoutMs <= TIMEOUT_MS_MAX)) {
    throw new RangeError(
      `Cannot use handshakeTimeoutMs: it must be between 0 and ${TIMEOUT_MS_MAX}, ` +
        `received ${handshakeTimeoutMs}`,
    );
  }
  const revocationLists = [...checkTexts("revocationLists", options.revocationLists)];
  const { kernelTls = false } = options;
  return { minVersion, maxVersion, handshakeTimeoutMs, kernelTls, revocationLists };
}
