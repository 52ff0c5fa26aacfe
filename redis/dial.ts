// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { connect } from "../net/connect.ts";
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
 */
export async function dial(endpoint: Endpoint, signal?: AbortSignal): Promise<Conn> {
  const options = signal === undefined ? {} : { signal };
  if ("path" in endpoint) {
    return hurried(await connect({ transport: "unix", path: endpoint.path, ...options }));
  }
  const { hostname, port, tls } = endpoint;
  if (tls === undefined) return hurried(await connect({ hostname, port, ...options }));
  return await dialTls({ hostname, port, ...tls }, signal);
}

/** A certificate that is not good shows here, and not in the first read. */
async function dialTls(options: Deno.ConnectTlsOptions, signal?: AbortSignal): Promise<Conn> {
  signal?.throwIfAborted();
  const connecting = Deno.connectTls(options);
  // Deno's connect takes no signal: one that comes too late is closed.
  const late = () => connecting.then((conn) => conn.close()).catch(() => {});
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const ready = connecting.then((conn) => conn.handshake().then(() => conn));
    return await Promise.race([ready, aborted.promise]);
  } catch (error) {
    late();
    throw error;
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
