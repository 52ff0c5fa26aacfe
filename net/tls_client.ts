// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseIpv4, parseIpv6, withoutBrackets } from "../ffi/ip_address.ts";
import type { SslContext } from "../ffi/ssl_context.ts";
import { environmentRoots } from "./environment_roots.ts";
import type { StreamSocket } from "./stream_socket.ts";
import { openContext } from "./tls_context.ts";
import type { TlsClientRequest } from "./tls_options.ts";
import { SessionStore } from "./tls_session_store.ts";
import { TlsSocket } from "./tls_socket.ts";

/** Contexts that are kept for connections to come; beyond, the oldest goes. */
const CONTEXTS_MAX = 64;

/**
 * Begins TLS as a client, on a socket that belongs to the result from then on.
 *
 * @param request With whom and how, checked
 * @param port Part of the name under which sessions are kept; 0 when it is not known
 * @throws {Deno.errors.InvalidData} When keys or certificates are none
 */
export function startClient(
  socket: StreamSocket,
  request: TlsClientRequest,
  port: number,
): TlsSocket {
  const shared = sharedFor(request);
  const host = withoutBrackets(request.hostname).replace(/\.$/, "");
  const isAddress = parseIpv4(host) !== undefined || parseIpv6(host) !== undefined;
  const { resumeSessions, verifyHost, protocol } = request;
  const endpoint = `${host}:${port}`;
  const { context, sessions } = shared;
  using session = resumeSessions ? sessions.take(endpoint) : null;
  return new TlsSocket(socket, {
    side: {
      context,
      expectedPeer: verifyHost ? host : null,
      serverName: isAddress ? null : host,
      session,
    },
    handshakeTimeoutMs: protocol.handshakeTimeoutMs,
    keepSession: resumeSessions ? (taken) => sessions.put(endpoint, taken) : undefined,
  });
}

/** What connections with the same settings share. */
interface Shared {
  readonly context: SslContext;
  readonly sessions: SessionStore;
}

/** By settings, the latest used last. */
const kept = new Map<string, Shared>();

/** Loading certificates takes longer than a handshake, so it is done once for the same ones. */
function sharedFor(request: TlsClientRequest): Shared {
  const { identity, alpnProtocols, caCerts, verifyHost, protocol } = request;
  const key = JSON.stringify([identity, alpnProtocols, caCerts, verifyHost, protocol]);
  const found = kept.get(key);
  if (found !== undefined) {
    kept.delete(key);
    kept.set(key, found);
    return found;
  }
  const roots = environmentRoots();
  const context = openContext({
    role: "client",
    identity,
    alpnProtocols,
    verify: "require",
    caCerts: [...roots.certificates, ...caCerts],
    systemRoots: roots.system,
    ...protocol,
  });
  const shared = { context, sessions: new SessionStore() };
  kept.set(key, shared);
  if (kept.size > CONTEXTS_MAX) {
    const [[oldest, { context, sessions }]] = kept;
    kept.delete(oldest);
    sessions.clear();
    context[Symbol.dispose]();
  }
  return shared;
}
