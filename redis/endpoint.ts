// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Certificates and names of a TLS connection, as `connectTls` of `@photon/std/net` takes them. */
export interface TlsOptions {
  /** PEM texts of authorities to trust beside the system's. */
  caCerts?: string[];
  /** PEM text of the client's certificate chain. */
  cert?: string;
  /** PEM text of the client's private key. */
  key?: string;
}

/** Where a server listens. */
export type Endpoint =
  | { readonly hostname: string; readonly port: number; readonly tls?: TlsOptions | undefined }
  | { readonly path: string };

/** Who connects, and to which data. */
export interface Credentials {
  /** ACL user; `default` when only a password is given. */
  username?: string;
  /** Its password. */
  password?: string;
  /** Database number, 0 by default. */
  database?: number;
}

const PORT_DEFAULT = 6379;

/**
 * Reads an address.
 *
 * ```text
 *   redis://[user[:password]@]host[:port][/database]     plain TCP
 *   rediss://...                                         TLS
 *   redis+unix:///path[?db=1&user=u&password=p]          Unix socket
 * ```
 *
 * @throws {TypeError} when it is none of these
 */
export function parseUrl(text: string): { endpoint: Endpoint; credentials: Credentials } {
  const url = URL.parse(text);
  if (url === null) throw new TypeError(`Cannot connect: "${redact(text)}" is no URL`);
  const { protocol } = url;
  if (protocol === "redis+unix:" || protocol === "unix:") {
    const database = databaseOf(url.searchParams.get("db") ?? "");
    const username = url.searchParams.get("user") ?? "";
    const password = url.searchParams.get("password") ?? "";
    const path = decodeURIComponent(url.pathname);
    return { endpoint: { path }, credentials: credentialsOf(username, password, database) };
  }
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new TypeError(`Cannot connect: the scheme ${protocol}// is not of Redis`);
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = url.port === "" ? PORT_DEFAULT : Number(url.port);
  const tls = protocol === "rediss:" ? {} : undefined;
  const [username, password] = [url.username, url.password].map(decodeURIComponent);
  const database = databaseOf(url.pathname.replace(/^\//, ""));
  return {
    endpoint: { hostname, port, tls },
    credentials: credentialsOf(username!, password!, database),
  };
}

/** An endpoint in words, for messages. */
export function describeEndpoint(endpoint: Endpoint): string {
  return "path" in endpoint ? endpoint.path : `${endpoint.hostname}:${endpoint.port}`;
}

function credentialsOf(username: string, password: string, database: number): Credentials {
  const credentials: Credentials = {};
  if (username !== "") credentials.username = username;
  if (password !== "") credentials.password = password;
  if (database !== 0) credentials.database = database;
  return credentials;
}

function databaseOf(text: string): number {
  if (!/^\d*$/.test(text)) throw new TypeError(`Cannot connect: "${text}" is no database number`);
  return Number(text);
}

/** A mistyped URL may still hold a password. */
function redact(text: string): string {
  return text.replace(/\/\/[^@/]*@/, "//***@");
}
