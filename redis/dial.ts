// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { connect } from "../net/connect.ts";
import { connectTls } from "../net/connect_tls.ts";
import type { ConnectTlsOptions } from "../net/tls_options.ts";
import type { Endpoint } from "./endpoint.ts";

/** What a connection needs of a stream. */
export interface Conn extends Disposable {
  /** Reads at most `p.length` bytes; null at the end. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes bytes of `p` and says how many. */
  write(p: Uint8Array): Promise<number>;
  /** Ends both halves. */
  close(): void;
  /** Hands what was written to the kernel now, and not at the end of the turn. */
  hurry?(): void;
}

/**
 * Opens a stream to a server: the one place that knows how.
 *
 * @throws {Deno.errors.ConnectionRefused} when nothing listens there
 * @throws {Deno.errors.InvalidData} when a certificate is not good
 */
export async function dial(endpoint: Endpoint, signal?: AbortSignal): Promise<Conn> {
  const options = signal === undefined ? {} : { signal };
  if ("path" in endpoint) {
    return hurried(await connect({ transport: "unix", path: endpoint.path, ...options }));
  }
  const { hostname, port, tls } = endpoint;
  if (tls === undefined) return hurried(await connect({ hostname, port, ...options }));
  return hurried(await dialTls({ hostname, port, ...tls, ...options }));
}

/** A certificate that is not good shows here, and not in the first read. */
async function dialTls(options: ConnectTlsOptions): Promise<Conn> {
  const { signal } = options;
  const conn = await connectTls(options);
  const abort = () => conn[Symbol.dispose]();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    await conn.handshake();
    signal?.throwIfAborted();
    return conn;
  } catch (error) {
    conn[Symbol.dispose]();
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** On the ring what is written leaves at the end of the turn, unless somebody is in a hurry. */
function hurried(conn: Conn): Conn {
  if (engineInfo().engine !== "uring") return conn;
  const engine = openEngine();
  return Object.assign(conn, { hurry: () => engine.submitNow() });
}
