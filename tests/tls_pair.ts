// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sslObjects } from "../ffi/ssl.ts";
import { assertEquals } from "@std/assert";
import { listenTls } from "../net/listen_tls.ts";
import type { TlsListener } from "../net/tls_listener.ts";
import type { ListenTlsOptions, TlsIdentity } from "../net/tls_options.ts";
import { leakTest } from "./leak.ts";
import { onRing } from "./net_pair.ts";
import { type Pki, pki } from "./tls_pki.ts";
import "./tls_warm_up.ts";

/** The functions that stand in for each other in tests: Deno's own, or ours. */
export interface TlsApi {
  /** Connects and begins TLS. */
  connectTls(
    options: Deno.ConnectTlsOptions & Partial<Deno.TlsCertifiedKeyPem>,
  ): Promise<Deno.TlsConn>;
  /** Listens for TLS. */
  listenTls(options: Deno.ListenTlsOptions & Deno.TlsCertifiedKeyPem): Deno.TlsListener;
}

/** Both ends of a connection and the listener; disposing closes what is open. */
export interface TlsPair<C extends Deno.TlsConn> extends Disposable {
  /** The end that connected. */
  readonly client: C;
  /** The end that accepted. */
  readonly server: C;
}

/** Connects through a listener of the same functions; the listener is closed again. */
export async function tlsPair<
  C extends Deno.TlsConn,
  Connect extends object,
  Listen extends object,
>(
  api: {
    connectTls(options: Connect): Promise<C>;
    listenTls(options: Listen): Deno.Listener<C, Deno.NetAddr>;
  },
  client: object = {},
  server: object = {},
): Promise<TlsPair<C>> {
  const { ca, localhost } = await pki();
  const { cert, key } = localhost;
  const listening = { hostname: "127.0.0.1", port: 0, cert, key, ...server };
  using listener = api.listenTls(listening as unknown as Listen);
  const { port } = listener.addr;
  const connecting = { hostname: "localhost", port, caCerts: [ca], ...client };
  const [one, other] = await Promise.all([
    api.connectTls(connecting as unknown as Connect),
    listener.accept(),
  ]);
  return {
    client: one,
    server: other,
    [Symbol.dispose]() {
      for (const end of [one, other]) (end as Partial<Disposable>)[Symbol.dispose]?.();
    },
  };
}

/** A leak test on the ring, of which no connection of OpenSSL's may be left. */
export function tlsTest(name: string, body: (certificates: Pki) => Promise<void>): void {
  leakTest(name, async () => {
    const before = sslObjects.connections;
    await body(await pki());
    assertEquals(sslObjects.connections, before, "connections of OpenSSL's were not freed");
  }, { ignore: !onRing });
}

/** A listener on loopback with a certificate. */
export function listening(
  { cert, key }: TlsIdentity,
  options: Partial<ListenTlsOptions> = {},
): TlsListener {
  return listenTls({ hostname: "127.0.0.1", port: 0, ...options, cert, key });
}

/**
 * Echoes every connection until the listener is closed; a connection that fails is closed.
 *
 * @returns Resolves when all have ended
 */
export async function echoEach(listener: TlsListener): Promise<void> {
  const serving: Promise<void>[] = [];
  for await (const conn of listener) {
    serving.push(conn.readable.pipeTo(conn.writable).catch(() => {}));
  }
  await Promise.all(serving);
}
